"""The clients of the soak. Each knows by its own exit status, or by the answer it got, whether it was served.

A client is a function of a place (where to dial) and a size; it returns (connections, served).
"""
import ctypes
import ftplib
import http.client
import os
import re
import smtplib
import socket
import ssl
import subprocess
import tempfile
import time

from soak_servers import PORTS, PUBLISHED

_libc = ctypes.CDLL(None, use_errno=True)
TLS = ssl._create_unverified_context()
GET10 = b"GET /ok HTTP/1.0\r\nHost: x\r\n\r\n"
GET11 = b"GET /ok HTTP/1.1\r\nHost: x\r\n\r\n"


def enter(netns):
    """This thread is in that network namespace from here on."""
    fd = os.open(f"/run/netns/{netns}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        if _libc.setns(fd, 0x40000000) != 0:
            raise OSError(ctypes.get_errno(), "setns")
    finally:
        os.close(fd)


class Place:
    """A port of a server as its clients reach it."""

    def __init__(self, server, label, published, netns="c"):
        self.server, self.label = server, label
        self.inner = PORTS[server.name][label]
        self.port = self.inner + (PUBLISHED if published else 0)
        self.host, self.netns = "10.78.0.1", netns
        self.said = ""  # of a client that failed, for the report

    @property
    def tls(self):
        return "https" in self.label or self.label in ("wss", "tls", "smtps") or self.server.name == "stunnel"

    @property
    def url(self):
        return f"http{'s' if self.tls else ''}://{self.host}:{self.port}"

    def run(self, argv, timeout=60, text=None, env=None):
        done = subprocess.run(["nsenter", f"--net=/run/netns/{self.netns}", *argv], capture_output=True, timeout=timeout,
                              input=text, stdin=None if text is not None else subprocess.DEVNULL, env={**os.environ, **(env or {})})
        out = done.stdout.decode(errors="replace")
        if done.returncode:
            self.said = f"exit {done.returncode}: {(done.stderr.decode(errors='replace') + out)[-300:].strip()}"
        return done.returncode, out

    def shell(self, command, **more):
        return self.run(["bash", "-c", command.format(h=self.host, p=self.port, url=self.url)], **more)

    def dial(self, tls=None, timeout=20):
        sock = socket.create_connection((self.host, self.port), timeout)
        return TLS.wrap_socket(sock) if (self.tls if tls is None else tls) else sock


def read_all(sock):
    data = b""
    while True:
        more = sock.recv(65536)
        if not more:
            return data
        data += more


def read_answer(sock):
    """An HTTP/1.1 answer with Content-Length."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = sock.recv(65536)
        if not more:
            return data
        data += more
    size = int(re.search(rb"(?i)content-length: *(\d+)", data).group(1))
    while len(data.split(b"\r\n\r\n", 1)[1]) < size:
        more = sock.recv(65536)
        if not more:
            break
        data += more
    return data


def good(answer):
    return answer.split(b"\r\n", 1)[0].endswith(b"200 OK") or b" 200" in answer.split(b"\r\n", 1)[0]


def tries(count, place, once):
    """once() many times in this thread; what it raises is a client that was not served."""
    served = 0
    for _ in range(count):
        try:
            if once():
                served += 1
            else:
                place.said = place.said or "no answer"
        except (OSError, http.client.HTTPException, ftplib.Error, smtplib.SMTPException, EOFError) as error:
            place.said = f"{type(error).__name__}: {error}"
    return count, served


# HTTP

def curl(place, size):
    code, out = place.run(["curl", "-ksS", "-m", "20", "-o", "/dev/null", "-w", "%{http_code}", place.url + "/ok"])
    return 1, int(code == 0 and out == "200")


def curl_many(place, size):
    """Several requests of one curl: it keeps the connection where it may."""
    urls = [word for _ in range(4) for word in ("-o", "/dev/null", place.url + "/ok")]
    code, out = place.run(["curl", "-ksS", "-m", "20", "-w", "%{http_code} %{num_connects}\n", *urls])
    lines = [line.split() for line in out.splitlines()]
    made = max(1, sum(int(line[1]) for line in lines))
    return made, made if code == 0 and [line[0] for line in lines] == ["200"] * 4 else 0


def curl_http2(place, size):
    urls = [word for _ in range(3) for word in ("-o", "/dev/null", place.url + "/ok")]
    code, out = place.run(["curl", "-ksS", "--http2", "-Z", "-m", "20", "-w", "%{http_code} %{http_version} %{num_connects}\n", *urls])
    lines = [line.split() for line in out.splitlines()]
    made = max(1, sum(int(line[2]) for line in lines))
    return made, made if code == 0 and all(line[:2] == ["200", "2"] for line in lines) else 0


def curl_upload(place, size):
    code, out = place.run(["curl", "-ksS", "-m", "20", "-o", "/dev/null", "-w", "%{http_code}", "--data-binary", "@/usr/bin/curl",
                           place.url + "/ok"])
    return 1, int(code == 0 and out == "200")


def curl_big(place, size):
    code, out = place.run(["curl", "-ksS", "-m", "30", "-o", "/dev/null", "-w", "%{http_code} %{size_download}", place.url + "/big"])
    return 1, int(code == 0 and out == "200 3000000")


def wget(place, size):
    code, _ = place.run(["wget", "-q", "--no-check-certificate", "-T", "20", "-t", "1", "-O", "/dev/null", place.url + "/ok"])
    return 1, int(code == 0)


def s_client(place, size):
    code, out = place.shell("printf 'GET /ok HTTP/1.0\\r\\nHost: x\\r\\n\\r\\n' | timeout 20 openssl s_client -quiet -connect {h}:{p} 2>/dev/null")
    return 1, int(" 200" in out[:20])


def http10(place, size):
    """Bulk: a request, all of the answer up to the server's FIN."""
    def once():
        with place.dial() as sock:
            sock.sendall(GET10)
            return good(read_all(sock))
    return tries(8 * size, place, once)


def http10_unwrap(place, size):
    """The client answers close_notify by its own, after the server has closed."""
    def once():
        sock = place.dial()
        sock.sendall(GET10)
        answer = read_all(sock)
        try:
            sock.unwrap().close()
        except (OSError, ValueError):
            sock.close()  # meets a closed socket: nothing to either side any more
        return good(answer)
    return tries(3 * size, place, once)


def kept(place, size):
    """Keep-alive; the client closes first."""
    def once():
        with place.dial() as sock:
            for _ in range(2):
                sock.sendall(GET11)
                if not good(read_answer(sock)):
                    return False
        return True
    return tries(4 * size, place, once)


def kept_idle(place, size):
    """Keep-alive until the server closes the idle connection; the client notices and closes, too."""
    def once():
        with place.dial() as sock:
            sock.sendall(GET11)
            served = good(read_answer(sock))
            sock.settimeout(7)
            try:
                read_all(sock)
            except socket.timeout:
                pass
            return served
    return tries(1, place, once)


def half_close(place, size):
    """The client says that it has no more to say, and is answered."""
    def once():
        with place.dial(tls=False) as sock:
            sock.sendall(GET10)
            sock.shutdown(socket.SHUT_WR)
            return good(read_all(sock))
    return tries(3 * size, place, once)


def preconnect(place, size):
    """Connected some time before the request (browsers, pools)."""
    def once():
        with socket.create_connection((place.host, place.port), 20) as plain:
            time.sleep(0.4)
            sock = TLS.wrap_socket(plain) if place.tls else plain
            sock.sendall(GET10)
            return good(read_all(sock))
    return tries(2, place, once)


def preconnect_unused(place, size):
    """Connected and never used; closed by the client after a while."""
    def once():
        with socket.create_connection((place.host, place.port), 20):
            time.sleep(0.3)
        return True
    return tries(2, place, once)


def probe(place, size):
    """nc -z: connected, closed at once."""
    code, _ = place.run(["ncat", "-z", "-w", "10", place.host, str(place.port)])
    return 1, int(code == 0)


def python_http(place, size):
    def once():
        kind = http.client.HTTPSConnection if place.tls else http.client.HTTPConnection
        more = {"context": TLS} if place.tls else {}
        link = kind(place.host, place.port, timeout=20, **more)
        try:
            for method, body in (("GET", None), ("POST", b"x" * 1000)):
                link.request(method, "/ok", body)
                answer = link.getresponse()
                answer.read()
                if answer.status != 200 and not (method == "POST" and answer.status == 405):
                    return False
                if answer.will_close:
                    break
            return True
        finally:
            link.close()
    return tries(2 * size, place, once)


NODE_CLIENT = """
const [url, keep] = [process.argv[2], process.argv[3] === 'keep'], m = require(url.startsWith('https') ? 'https' : 'http');
const agent = new m.Agent({keepAlive: keep, maxSockets: 2, rejectUnauthorized: false}); let open = 0, good = 0, left = 6;
for (let i = 0; i < 6; i++) {
  const q = m.get(url + '/ok', {agent}, r => { r.resume(); r.on('end', () => { good += r.statusCode === 200; if (!--left) end(); }); });
  q.on('socket', s => { if (!s.seen) { s.seen = 1; open++; } });
  q.on('error', e => { console.error(e.code); if (!--left) end(); });
}
function end() { console.log(open, good); agent.destroy(); }
"""


def node(place, size):
    with tempfile.NamedTemporaryFile("w", suffix=".js") as script:
        script.write(NODE_CLIENT)
        script.flush()
        code, out = place.run(["/usr/bin/node", script.name, place.url, "keep" if size % 2 else "close"])
    words = out.split()
    return (int(words[0]), int(words[0]) if words[1] == "6" else 0) if code == 0 and len(words) == 2 else (1, 0)


def ab(place, size):
    count = 30 * size
    code, out = place.run(["ab", "-q", "-n", str(count), "-c", "4", "-s", "20", place.url + "/ok"], timeout=60 + count / 5)
    done = re.search(r"Complete requests: +(\d+)", out)
    bad = re.search(r"Failed requests: +(\d+)", out)
    other = re.search(r"Non-2xx responses: +(\d+)", out)
    if code or not done:
        return count, 0
    served = int(done[1]) - int(bad[1]) - (int(other[1]) if other else 0)
    if served < count:
        place.said = out[-600:]
    return count, served


def ab_kept(place, size):
    count = 12 * size
    code, out = place.run(["ab", "-q", "-k", "-n", str(count), "-c", "4", "-s", "20", place.url + "/ok"], timeout=60 + count / 5)
    bad = re.search(r"Failed requests: +(\d+)", out)
    return 4, 4 if code == 0 and bad and bad[1] == "0" and "Non-2xx" not in out else 0


def wrk(place, size):
    code, out = place.run(["wrk", "-t", "1", "-c", "4", "-d", "1s", "--timeout", "20s", place.url + "/ok"])
    return 4, 4 if code == 0 and "Socket errors" not in out and "Non-2xx" not in out else 0


def wrk_close(place, size):
    """A connection a request; wrk does not tell how many. Cut off where it ends: its last four are not looked at by it."""
    code, out = place.run(["wrk", "-t", "1", "-c", "4", "-d", "1s", "--timeout", "20s", "-H", "Connection: close", place.url + "/ok"])
    count = int((re.search(r"(\d+) requests in", out) or [0, 0])[1])
    return count, count if code == 0 and "Socket errors" not in out and "Non-2xx" not in out else 0


def h2load(place, size):
    count = 4 * size
    code, out = place.run(["h2load", "-n", str(3 * count), "-c", str(count), "-m", "3", place.url + "/ok"])
    return count, count if code == 0 and f"{3 * count} succeeded, 0 failed" in out else 0


def git_http(place, size):
    with tempfile.TemporaryDirectory() as folder:
        code, _ = place.run(["git", "-c", "http.sslVerify=false", "clone", "-q", place.url + "/repo.git", folder + "/r"])
    return 2, 2 if code == 0 else 0


# websockets

WS_CLIENT = """
import asyncio, ssl, sys, websockets
async def main():
    tls = ssl._create_unverified_context() if sys.argv[1].startswith("wss") else None
    good = 0
    for i in range(int(sys.argv[2])):
        async with websockets.connect(sys.argv[1], ssl=tls) as ws:
            for text in ("a", "b" * 5000):
                await ws.send(text)
                good += await ws.recv() == text
            if i == 0:
                await asyncio.sleep(1.5)
    print(good // 2)
asyncio.run(main())
"""


def websocket(place, size):
    count = 4 * size
    scheme = "wss" if place.tls else "ws"
    code, out = place.run(["/usr/bin/python3", "-c", WS_CLIENT, f"{scheme}://{place.host}:{place.port}/", str(count)])
    return count, int(out) if code == 0 else 0


# Databases

def redis_cli(place, size):
    more = ["--tls", "--insecure"] if place.label == "tls" or place.server.name == "stunnel" else []
    code, out = place.run(["redis-cli", *more, "-h", place.host, "-p", str(place.port), "set", "a", "b"])
    return 1, int(code == 0 and out.strip() == "OK")


def redis_quit(place, size):
    def once():
        with place.dial() as sock:
            sock.sendall(b"PING\r\nQUIT\r\n")
            return read_all(sock) == b"+PONG\r\n+OK\r\n"
    return tries(8 * size, place, once)


def redis_close(place, size):
    def once():
        with place.dial() as sock:
            sock.sendall(b"PING\r\n")
            return sock.recv(99) == b"+PONG\r\n"
    return tries(8 * size, place, once)


def redis_wait(place, size):
    """A consumer that blocks until something comes."""
    def once():
        with place.dial() as sock:
            sock.sendall(b"BLPOP nothing 6\r\n")
            return sock.recv(99) == b"*-1\r\n"
    return tries(1, place, once)


def redis_subscribe(place, size):
    def once():
        with place.dial() as sock:
            sock.sendall(b"SUBSCRIBE news\r\n")
            if b"subscribe" not in sock.recv(99):
                return False
            time.sleep(6)
            with place.dial() as other:
                other.sendall(b"PUBLISH news x\r\n")
                other.recv(99)
            return b"message" in sock.recv(99)
    return tries(1, place, once)


def redis_bench(place, size):
    code, out = place.run(["redis-benchmark", "-h", place.host, "-p", str(place.port), "-c", "8", "-n", "400", "-t", "get,set", "-q"])
    return 16, 16 if code == 0 else 0


def memcached_quit(place, size):
    def once():
        with place.dial() as sock:
            sock.sendall(b"set a 0 9 2\r\nok\r\nget a\r\nquit\r\n")
            return read_all(sock).startswith(b"STORED\r\nVALUE a 0 2\r\nok\r\nEND")
    return tries(6 * size, place, once)


def memcached_close(place, size):
    def once():
        with place.dial() as sock:
            sock.sendall(b"version\r\n")
            return sock.recv(99).startswith(b"VERSION")
    return tries(4 * size, place, once)


def psql(place, mode):
    code, out = place.run(["psql", f"host={place.host} port={place.port} user=postgres sslmode={mode}", "-Atc",
                           "select count(*) from generate_series(1, 1000)"])
    return 1, int(code == 0 and out.strip() == "1000")


def psql_tls(place, size):
    return psql(place, "require")


def psql_plain(place, size):
    return psql(place, "disable")


def psql_copy(place, size):
    code, out = place.run(["psql", f"host={place.host} port={place.port} user=postgres sslmode=require", "-c",
                           "copy (select repeat('x', 100) from generate_series(1, 20000)) to stdout"])
    return 1, int(code == 0 and len(out) == 101 * 20000)


def psql_slow(place, size):
    """A query that takes its time: the client waits, and is served."""
    code, out = place.run(["psql", f"host={place.host} port={place.port} user=postgres sslmode=disable", "-Atc", "select 1 from pg_sleep(7)"])
    return 1, int(code == 0 and out.strip() == "1")


def pg_isready(place, size):
    code, _ = place.run(["pg_isready", "-q", "-h", place.host, "-p", str(place.port)])
    return 1, int(code == 0)


def pgbench(place, size, mode="disable"):
    """A connection a transaction."""
    count = 10 * size
    code, out = place.run(["pgbench", "-n", "-C", "-c", "2", "-t", str(count // 2), "-f", "-",
                           f"host={place.host} port={place.port} user=postgres sslmode={mode}"], text=b"select 1;\n", timeout=120)
    return count, count if code == 0 and f"{count}/{count}" in out else 0


def pgbench_tls(place, size):
    return pgbench(place, size, "require")


def mysql(place, tls):
    code, out = place.run(["mariadb", "--no-defaults", "--skip-ssl" if not tls else "--ssl", "--skip-ssl-verify-server-cert", "-h",
                           place.host, "-P", str(place.port), "-u", "root", "-Bse", "select 41 + 1"])
    return 1, int(code == 0 and out.strip() == "42")


def mysql_plain(place, size):
    return mysql(place, False)


def mysql_tls(place, size):
    return mysql(place, True)


def mysqladmin(place, size):
    code, _ = place.run(["mariadb-admin", "--no-defaults", "-h", place.host, "-P", str(place.port), "-u", "root", "ping"])
    return 1, int(code == 0)


# ssh, git, rsync

def ssh_words(place):
    return ["ssh", "-F", "none", "-i", place.server.lab.path("ck"), "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o",
            "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-p", str(place.port)]


def ssh(place, size):
    code, out = place.run([*ssh_words(place), f"root@{place.host}", "seq 20000"])
    return 1, int(code == 0 and len(out.split()) == 20000)


def ssh_rsync(place, size):
    with tempfile.TemporaryDirectory() as folder:
        code, _ = place.run(["rsync", "-a", "-e", " ".join(ssh_words(place)),
                             f"root@{place.host}:{place.server.lab.path('www')}/big", folder])
    return 1, int(code == 0)


def ssh_git(place, size):
    with tempfile.TemporaryDirectory() as folder:
        code, _ = place.run(["git", "clone", "-q", f"root@{place.host}:{place.server.lab.path('www', 'repo.git')}", folder + "/r"],
                            env={"GIT_SSH_COMMAND": " ".join(ssh_words(place))})
    return 1, int(code == 0)


def sftp(place, size):
    words = ssh_words(place)
    code, _ = place.run(["sftp", *words[1:-2], "-P", str(place.port), "-b", "-", f"root@{place.host}"], text=b"ls /\n")
    return 1, int(code == 0)


def ssh_keyscan(place, size):
    code, out = place.run(["ssh-keyscan", "-t", "ed25519", "-p", str(place.port), place.host])
    return 1, int("ssh-ed25519" in out)


def ssh_silent(place, size):
    code, out = place.run([*ssh_words(place), f"root@{place.host}", "sleep 6; echo done"])
    return 1, int(code == 0 and out == "done\n")


def rsync(place, size):
    with tempfile.TemporaryDirectory() as folder:
        code, _ = place.run(["rsync", "-a", f"rsync://{place.host}:{place.port}/www/big", folder])
    return 1, int(code == 0)


def rsync_list(place, size):
    code, out = place.run(["rsync", f"rsync://{place.host}:{place.port}/"])
    return 1, int(code == 0 and "www" in out)


def git_clone(place, size):
    with tempfile.TemporaryDirectory() as folder:
        code, _ = place.run(["git", "clone", "-q", f"git://{place.host}:{place.port}/repo.git", folder + "/r"])
    return 1, int(code == 0)


def git_list(place, size):
    code, out = place.run(["git", "ls-remote", f"git://{place.host}:{place.port}/repo.git"])
    return 1, int(code == 0 and "HEAD" in out)


# ftp, mail, plain

def ftp_tls(place):
    return ["-k", "--ssl-reqd"] if place.label == "ftps" else []


def curl_ftp(place, size):
    code, out = place.run(["curl", "-sS", "-m", "20", *ftp_tls(place), f"ftp://{place.host}:{place.port}/file"])
    return 2, 2 if code == 0 and len(out) == 100000 else 0


def curl_ftp_list(place, size):
    code, out = place.run(["curl", "-sS", "-m", "20", *ftp_tls(place), f"ftp://{place.host}:{place.port}/"])
    return 2, 2 if code == 0 and "file" in out else 0


def python_ftp(place, size):
    def once():
        with (ftplib.FTP_TLS(context=TLS) if place.label == "ftps" else ftplib.FTP()) as ftp:
            ftp.connect(place.host, place.port, 20)
            ftp.login()
            if place.label == "ftps":
                ftp.prot_p()
            names = ftp.nlst()
            got = []
            ftp.retrbinary("RETR file", got.append)
            ftp.quit()
            return "file" in names and sum(map(len, got)) == 100000
    made, served = tries(1, place, once)
    return 3 * made, 3 * served


def smtp(place, size, tls=False):
    def once():
        kind = smtplib.SMTP_SSL if place.tls else smtplib.SMTP
        more = {"context": TLS} if place.tls else {}
        with kind(place.host, place.port, timeout=20, **more) as mail:
            if tls:
                mail.starttls(context=TLS)
            return mail.sendmail("a@x.test", ["b@x.test"], "Subject: x\r\n\r\n" + "text\r\n" * 200) == {}
    return tries(2 * size, place, once)


def smtp_starttls(place, size):
    return smtp(place, size, tls=True)


def curl_smtp(place, size):
    code, _ = place.run(["curl", "-ksS", "-m", "20", "--mail-from", "a@x.test", "--mail-rcpt", "b@x.test", "-T", "-",
                         f"smtp{'s' if place.tls else ''}://{place.host}:{place.port}"], text=b"Subject: x\r\n\r\ntext\r\n")
    return 1, int(code == 0)


def date(place, size):
    """A server that speaks first, and closes."""
    def once():
        with place.dial() as sock:
            return b":" in read_all(sock)
    return tries(4 * size, place, once)


def log(place, size):
    """One way: lines go there, nothing comes back."""
    def once():
        with place.dial() as sock:
            for _ in range(3):
                sock.sendall(b"a line of a log\n" * 50)
        return True
    return tries(4 * size, place, once)


def sort_half(place, size):
    """A filter: the client sends all, half-closes, and reads the answer."""
    def once():
        with place.dial() as sock:
            sock.sendall(b"b\na\n" * 500)
            sock.shutdown(socket.SHUT_WR)
            return read_all(sock) == b"a\n" * 500 + b"b\n" * 500
    return tries(2 * size, place, once)


def echo(place, size):
    def once():
        with place.dial() as sock:
            sock.sendall(b"some words\n")
            return sock.recv(99) == b"some words\n"
    return tries(2 * size, place, once)


def ncat_sort(place, size):
    code, out = place.run(["ncat", place.host, str(place.port)], text=b"b\na\n")
    return 1, int(code == 0 and out == "a\nb\n")


# Health checks: a habit of a peer, which may be told once and as such. They have addresses of their own.

CHECKERS = {"10.78.0.3": "haproxy checks", "10.78.0.4": "keepalived checks"}

CHECKS = [  # of haproxy: server, port, how
    ("nginx", "http", ""), ("nginx", "https", "ssl-hello-chk"), ("nginx", "http-short", "httpchk GET /ok"), ("apache", "http", "httpchk GET /ok"),
    ("apache", "https", "ssl-hello-chk"), ("node", "http", ""), ("gunicorn", "http", "httpchk GET /ok"), ("gunicorn", "https", ""),
    ("uvicorn", "http", ""), ("redis", "plain", "redis-check"), ("redis", "tls", ""), ("postgres", "sql", "pgsql-check user postgres"),
    ("mariadb", "sql", "mysql-check user root"), ("memcached", "plain", ""), ("sshd", "ssh", ""), ("vsftpd", "ftp", ""),
    ("exim", "smtp", "smtpchk HELO x.test"), ("aiosmtpd", "smtp", ""), ("haproxy", "http", "httpchk GET /ok"), ("haproxy", "https", ""),
    ("stunnel", "redis", ""), ("git", "git", ""), ("rsync", "rsync", ""), ("websockets", "ws", ""),
]

KEEPALIVED = [("nginx", "http"), ("apache", "http"), ("sshd", "ssh"), ("postgres", "sql"), ("redis", "plain"), ("exim", "smtp")]


def haproxy_checks(folder, servers, published, interval):
    words = ["global", f" stats socket {folder}/checks.sock", "defaults", " mode tcp", " timeout connect 5s", " timeout client 9s",
             " timeout server 9s", " timeout check 5s"]
    for name, label, how in CHECKS:
        if name in servers:
            port = PORTS[name][label] + (PUBLISHED if published else 0)
            words += [f"backend {name}-{label}", f" option {how}" if how else "",
                      f" server a 10.78.0.1:{port} check inter {interval} source 10.78.0.3"]
    for (name, label), local in BALANCED.items():
        if name in servers:
            port = PORTS[name][label] + (PUBLISHED if published else 0)
            words += [f"listen lb-{name}-{label}", " mode http", f" bind 127.0.0.1:{local}",
                      f" server a 10.78.0.1:{port}" + (" ssl verify none" if "https" in label else "")]
    path = folder + "/checks.cfg"
    with open(path, "w") as file:
        file.write("\n".join(words) + "\nlisten none\n bind 127.0.0.1:1\n")
    return ["haproxy", "-db", "-f", path]


def haproxy_checks_down(folder):
    """Names of what haproxy holds to be down."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(folder + "/checks.sock")
        sock.sendall(b"show stat\n")
        rows = [row.split(",") for row in read_all(sock).decode().splitlines()]
    return [f"{row[0]} ({row[36]})" for row in rows if len(row) > 36 and row[1] == "a" and row[17].startswith("DOWN")]


def keepalived_checks(folder, servers, published):
    words = ["global_defs {", " router_id x", "}"]
    for name, label in KEEPALIVED:
        if name in servers:
            port = PORTS[name][label] + (PUBLISHED if published else 0)
            check = "HTTP_GET {\n url { path /ok\n status_code 200 }" if label == "http" else "TCP_CHECK {"
            words.append(f"virtual_server 10.99.0.1 {port} {{\n delay_loop 1\n lb_algo rr\n lb_kind NAT\n protocol TCP\n"
                         f" real_server 10.78.0.1 {port} {{\n {check}\n connect_timeout 5\n bindto 10.78.0.4\n }}\n }}\n}}")
    path = folder + "/keepalived.conf"
    with open(path, "w") as file:
        file.write("\n".join(words) + "\n")
    return ["keepalived", "-n", "-l", "-D", "-C", "-f", path, "-p", folder + "/kd.pid", "-c", folder + "/kdc.pid"]


# A balancer on the client's host: it ends its connections to the servers in its own way (by a RST after the whole answer).

BALANCED = {("nginx", "http"): 7001, ("nginx", "https-close"): 7002, ("apache", "http"): 7011, ("node", "http"): 7031, ("gunicorn", "http"): 7041,
            ("uvicorn", "http"): 7051, ("uwsgi", "http"): 7081, ("lighttpd", "http"): 7083}


def balanced(place, size):
    port = BALANCED[place.server.name, place.label]
    code, out = place.run(["ab", "-q", "-n", str(6 * size), "-c", "2", "-s", "20", f"http://127.0.0.1:{port}/ok"])
    bad = re.search(r"Failed requests: +(\d+)", out)
    done = code == 0 and bad and bad[1] == "0" and "Non-2xx" not in out
    kept = place.run(["curl", "-sS", "-m", "20", "-w", "%{http_code}", "-o", "/dev/null", f"http://127.0.0.1:{port}/ok"])[1] == "200"
    return 6 * size + 1, 6 * size + 1 if done and kept else 0


# Which clients speak to which ports.

WEB = [curl, curl_many, wget, http10, kept, half_close, preconnect, preconnect_unused, probe, python_http, node, ab]
WEB_TLS = [curl, curl_many, wget, s_client, http10, http10_unwrap, kept, preconnect, preconnect_unused, probe, python_http, node, ab]

CLIENTS = {
    ("nginx", "http"): WEB + [ab_kept, wrk, wrk_close, curl_big, git_http],
    ("nginx", "https"): WEB_TLS + [curl_http2, h2load, wrk, curl_big],
    ("nginx", "https-close"): [client for client in WEB_TLS if client is not kept],
    ("nginx", "http-short"): [curl_many, kept_idle, http10, python_http, node],
    ("nginx", "to-gunicorn"): [curl, http10, ab, curl_upload],
    ("nginx", "to-uvicorn"): [curl_many, ab_kept, http10],
    ("nginx", "stream"): [redis_cli, redis_quit],
    ("apache", "http"): WEB + [ab_kept, kept_idle, wrk_close, curl_big],
    ("apache", "https"): WEB_TLS + [curl_http2, h2load],
    ("apache", "https-close"): [curl, wget, s_client, http10, http10_unwrap, ab],
    ("apache", "to-node"): [curl, http10, ab],
    ("haproxy", "http"): WEB + [kept_idle],
    ("haproxy", "https"): [curl, curl_many, curl_http2, h2load, http10, http10_unwrap, s_client, ab, curl_upload],
    ("haproxy", "https-close"): [curl, wget, s_client, http10, http10_unwrap, python_http, ab],
    ("haproxy", "tcp"): [redis_cli, redis_quit, redis_close],
    ("node", "http"): WEB + [curl_upload],
    ("node", "https"): WEB_TLS,
    ("gunicorn", "http"): [curl, curl_many, wget, http10, half_close, probe, python_http, node, ab, curl_upload],
    ("gunicorn", "https"): [curl, wget, s_client, http10, http10_unwrap, python_http],  # ab takes an end without close_notify for a failure
    ("uvicorn", "http"): [curl, curl_many, wget, http10, kept, kept_idle, preconnect, probe, python_http, node, ab],
    ("uvicorn", "https"): [curl, wget, http10, http10_unwrap, kept, python_http, ab],
    ("stunnel", "redis"): [redis_cli, redis_quit],
    ("stunnel", "http"): [curl, s_client, http10, http10_unwrap],
    ("websockets", "ws"): [websocket],
    ("websockets", "wss"): [websocket],
    ("uwsgi", "http"): [curl, wget, http10, ab],
    ("lighttpd", "http"): [curl, curl_many, wget, http10, kept, kept_idle, probe, ab],
    ("lighttpd", "https"): [curl, wget, s_client, http10, http10_unwrap, kept],
    ("s_server", "https"): [curl, s_client, http10],
    ("ncat", "echo"): [echo, probe],
    ("socat", "sort"): [ncat_sort, sort_half],
    ("socat", "date"): [date],
    ("socat", "log"): [log],
    ("socat", "http"): [curl, http10],
    ("postgres", "sql"): [psql_tls, psql_plain, psql_copy, psql_slow, pg_isready, pgbench, pgbench_tls, probe],
    ("mariadb", "sql"): [mysql_plain, mysql_tls, mysqladmin, mysql_tls],
    ("redis", "plain"): [redis_cli, redis_quit, redis_close, redis_bench, redis_wait, redis_subscribe, probe],
    ("redis", "tls"): [redis_cli, redis_quit, redis_close],
    ("memcached", "plain"): [memcached_quit, memcached_close, probe],
    ("memcached", "tls"): [memcached_quit, memcached_close],
    ("sshd", "ssh"): [ssh, ssh_silent, ssh_rsync, ssh_git, sftp, ssh_keyscan, probe],
    ("vsftpd", "ftp"): [curl_ftp, curl_ftp_list, python_ftp, probe],
    ("vsftpd", "ftps"): [curl_ftp, curl_ftp_list, python_ftp],
    ("exim", "smtp"): [smtp, smtp_starttls, curl_smtp, probe],
    ("aiosmtpd", "smtp"): [smtp, smtp_starttls, curl_smtp],
    ("aiosmtpd", "smtps"): [smtp, curl_smtp],
    ("git", "git"): [git_clone, git_list],
    ("rsync", "rsync"): [rsync, rsync_list],
}

for where in BALANCED:
    CLIENTS[where] = CLIENTS[where] + [balanced]

# What makes many connections a second: the long soak's bulk.
BULK = [(("nginx", "http"), ab), (("nginx", "https-close"), ab), (("nginx", "http"), http10), (("nginx", "https"), ab), (("nginx", "http"), wrk_close),
        (("apache", "http"), ab), (("apache", "https-close"), ab), (("haproxy", "https-close"), ab), (("haproxy", "http"), ab), (("node", "http"), ab),
        (("node", "https"), ab), (("gunicorn", "http"), ab), (("uvicorn", "http"), ab), (("uwsgi", "http"), ab), (("redis", "plain"), redis_quit),
        (("redis", "tls"), redis_close), (("memcached", "plain"), memcached_quit), (("postgres", "sql"), pgbench),
        (("nginx", "stream"), redis_quit), (("haproxy", "tcp"), redis_quit), (("lighttpd", "http"), ab), (("nginx", "to-gunicorn"), ab)]

# A backend's restart holds those who speak to what stands before it, too.
BEFORE = {
    "gunicorn": [("nginx", "to-gunicorn"), ("haproxy", "https")],
    "uvicorn": [("nginx", "to-uvicorn")],
    "redis": [("nginx", "stream"), ("haproxy", "tcp"), ("stunnel", "redis")],
    "nginx": [("haproxy", "http"), ("stunnel", "http"), ("socat", "http")],
    "node": [("apache", "to-node")],
}
