"""The servers of the soak: how each is configured, started, reloaded and restarted, in one namespace.

A server's ports are those it listens on in its own namespace; behind DNAT they are PUBLISHED higher.
"""
import glob
import os
import shutil
import signal
import subprocess
import textwrap
import threading
import time

PUBLISHED = 10000  # a published port is the container's plus this
FTP_DATA = (21100, 21139)  # published as they are: the server names them to the client

# name of the port: number
PORTS = {
    "nginx": {"http": 8001, "https": 8002, "https-close": 8003, "http-short": 8004, "to-gunicorn": 8005, "stream": 8006,
              "to-uvicorn": 8007},
    "apache": {"http": 8011, "https": 8012, "https-close": 8013, "to-node": 8014},
    "haproxy": {"http": 8021, "https": 8022, "tcp": 8023, "https-close": 8024},
    "node": {"http": 8031, "https": 8032},
    "gunicorn": {"http": 8041, "https": 8042},
    "uvicorn": {"http": 8051, "https": 8052},
    "stunnel": {"redis": 8061, "http": 8062},
    "websockets": {"ws": 8071, "wss": 8072},
    "uwsgi": {"http": 8081},
    "lighttpd": {"http": 8083, "https": 8084},
    "s_server": {"https": 8091},
    "ncat": {"echo": 9002},
    "socat": {"http": 9003, "sort": 9001, "date": 9004, "log": 9005},
    "postgres": {"sql": 5432},
    "mariadb": {"sql": 3306},
    "redis": {"plain": 6379, "tls": 6380},
    "memcached": {"plain": 11211, "tls": 11212},
    "sshd": {"ssh": 2222},
    "vsftpd": {"ftp": 2121, "ftps": 2122},
    "exim": {"smtp": 2525},
    "aiosmtpd": {"smtp": 2526, "smtps": 2527},
    "git": {"git": 9418},
    "rsync": {"rsync": 8730},
}

POSTGRES = sorted(glob.glob("/usr/lib/postgresql/*/bin")) or [""]


class Unready(Exception):
    """A server that did not come up: nothing is known about the program under test."""


class Lab:
    """Where servers are started: a namespace's name and a folder."""

    def __init__(self, netns, folder, certificate):
        self.netns, self.folder = netns, folder
        self.key, self.cert, self.both = certificate
        os.makedirs(folder, exist_ok=True)
        os.chmod(folder, 0o755)
        self.log = open(os.path.join(folder, "log"), "ab")

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def write(self, name, text):
        with open(self.path(name), "w") as file:
            file.write(textwrap.dedent(text))
        return self.path(name)

    def spawn(self, argv, env=None):
        return subprocess.Popen(["nsenter", f"--net=/run/netns/{self.netns}", *argv], stdin=subprocess.DEVNULL,
                                stdout=self.log, stderr=self.log, cwd=self.folder, start_new_session=True,
                                env={**os.environ, **(env or {})})

    def listens(self, port):
        out = subprocess.run(["nsenter", f"--net=/run/netns/{self.netns}", "ss", "-Hltn", f"sport = :{port}"],
                             capture_output=True, text=True).stdout
        return bool(out.strip())


class Server:
    """One of them. Whoever talks to a port holds its lock, so a restart waits until nobody does."""
    reload_signal = None  # graceful: nobody is to notice
    stop_signal = signal.SIGTERM

    def __init__(self, lab):
        self.lab, self.name = lab, type(self).__name__.lower()
        self.ports = PORTS[self.name]
        self.locks = {port: threading.Lock() for port in self.ports.values()}
        self.processes = []
        self.prepare()

    def prepare(self):
        pass

    def commands(self):
        raise NotImplementedError

    def start(self):
        self.processes = [self.lab.spawn(argv) for argv in self.commands()]

    def wait(self, seconds=40):
        end = time.monotonic() + seconds
        for port in self.ports.values():
            while not self.lab.listens(port):
                if time.monotonic() > end:
                    raise Unready(f"{self.name}: nothing listens on {port}; see {self.lab.path('log')}")
                time.sleep(0.1)
        time.sleep(0.3)  # listen() comes before the first accept() in most

    def reload(self):
        for process in self.processes:
            process.send_signal(self.reload_signal)

    def stop(self):
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(self.stop_signal)
        for process in self.processes:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def restart(self):
        for lock in self.locks.values():
            lock.acquire()
        try:
            time.sleep(0.2)  # what is still on the way
            self.stop()
            self.start()
            self.wait()
        finally:
            for lock in self.locks.values():
                lock.release()


class Nginx(Server):
    reload_signal = signal.SIGHUP
    stop_signal = signal.SIGQUIT

    def prepare(self):
        lab, tls = self.lab, f"ssl_certificate {self.lab.cert}; ssl_certificate_key {self.lab.key};"
        static = f"root {lab.path('www')}; location = /ok {{ return 200 ok; }}"
        lab.write("nginx.conf", f"""\
            load_module /usr/lib/nginx/modules/ngx_stream_module.so;
            daemon off; user root; worker_processes 2; pid {lab.path('nginx.pid')}; error_log {lab.path('nginx.err')} info;
            events {{ worker_connections 500; }}
            stream {{ server {{ listen 8006; proxy_pass 127.0.0.1:6379; }} }}
            http {{
                access_log off; client_header_timeout 3; sendfile on;
                client_body_temp_path {lab.path('nb')}; proxy_temp_path {lab.path('np')}; fastcgi_temp_path {lab.path('nf')};
                uwsgi_temp_path {lab.path('nu')}; scgi_temp_path {lab.path('ns')};
                server {{ listen 8001; {static} }}
                server {{ listen 8002 ssl http2; {tls} {static} }}
                server {{ listen 8003 ssl; {tls} keepalive_timeout 0; {static} }}
                server {{ listen 8004; keepalive_timeout 1; keepalive_requests 3; {static} }}
                server {{ listen 8005; location / {{ proxy_pass http://127.0.0.1:8041; }} }}
                server {{ listen 8007; location / {{ proxy_pass http://127.0.0.1:8051; proxy_http_version 1.1;
                    proxy_set_header Connection ""; }} }}
            }}
            """)

    def commands(self):
        return [["nginx", "-e", self.lab.path("nginx.err"), "-c", self.lab.path("nginx.conf")]]


class Apache(Server):
    reload_signal = signal.SIGUSR1

    def prepare(self):
        lab = self.lab
        modules = "\n".join(f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so" for name in
                            "mpm_event authz_core ssl socache_shmcb http2 proxy proxy_http mime dir".split())
        tls = f"SSLEngine on\nSSLCertificateFile {lab.cert}\nSSLCertificateKeyFile {lab.key}\n"
        with open(lab.path("apache.conf"), "w") as file:
            file.write(f"ServerRoot /etc/apache2\nServerName x\nPidFile {lab.path('apache.pid')}\n"
                       f"ErrorLog {lab.path('apache.err')}\n{modules}\nUser www-data\nDocumentRoot {lab.path('www')}\n"
                       f"TypesConfig /etc/mime.types\nMutex posixsem\nKeepAliveTimeout 2\nMaxConnectionsPerChild 500\n"
                       "Listen 8011\nListen 8012\nListen 8013\nListen 8014\nSSLSessionCache none\n"
                       f"<VirtualHost *:8012>\n{tls}Protocols h2 http/1.1\n</VirtualHost>\n"
                       f"<VirtualHost *:8013>\n{tls}KeepAlive Off\n</VirtualHost>\n"
                       "<VirtualHost *:8014>\nProxyPass / http://127.0.0.1:8031/\n</VirtualHost>\n")

    def commands(self):
        return [["apache2", "-f", self.lab.path("apache.conf"), "-DFOREGROUND"]]


class Haproxy(Server):
    reload_signal = signal.SIGUSR2

    def prepare(self):
        lab = self.lab
        lab.write("haproxy.cfg", f"""\
            global
             stats socket {lab.path('haproxy.sock')} mode 600 expose-fd listeners
             hard-stop-after 20s
            defaults
             mode http
             timeout connect 3s
             timeout client 20s
             timeout server 20s
             timeout http-keep-alive 3s
            listen http
             bind :8021
             server n 127.0.0.1:8001 check inter 1s
            listen https
             bind :8022 ssl crt {lab.both} alpn h2,http/1.1
             server n 127.0.0.1:8041 check inter 1s
            listen tcp
             mode tcp
             bind :8023
             server r 127.0.0.1:6379 check inter 1s
            listen close
             bind :8024 ssl crt {lab.both}
             http-request return status 200 content-type text/plain string ok hdr Connection close
            """)

    def commands(self):
        return [["haproxy", "-W", "-db", "-f", self.lab.path("haproxy.cfg")]]


class Node(Server):
    def prepare(self):
        self.lab.write("server.js", f"""\
            const fs = require('fs'), tls = {{key: fs.readFileSync('{self.lab.key}'), cert: fs.readFileSync('{self.lab.cert}')}};
            const answer = (q, r) => {{ q.resume(); q.on('end', () => r.end('ok')); }};
            const all = [require('http').createServer(answer).listen(8031), require('https').createServer(tls, answer).listen(8032)];
            process.on('SIGTERM', () => {{ for (const s of all) s.close(); setTimeout(() => process.exit(0), 500); }});
            """)

    def commands(self):
        return [["/usr/bin/node", self.lab.path("server.js")]]


class Gunicorn(Server):
    reload_signal = signal.SIGHUP

    def prepare(self):
        self.lab.write("wapp.py", """\
            def app(e, start):
                e["wsgi.input"].read(int(e.get("CONTENT_LENGTH") or 0))
                start("200 OK", [("Content-Length", "2"), ("Content-Type", "text/plain")])
                return [b"ok"]
            application = app
            """)

    def commands(self):
        common = ["gunicorn", "--chdir", self.lab.folder, "--graceful-timeout", "10", "--keep-alive", "3", "--log-level", "warning"]
        return [[*common, "-w", "2", "--max-requests", "300", "--max-requests-jitter", "100", "-b", "0.0.0.0:8041", "wapp:app"],
                [*common, "-w", "1", "-k", "gthread", "--threads", "8", "-b", "0.0.0.0:8042", "--certfile", self.lab.cert,
                 "--keyfile", self.lab.key, "wapp:app"]]


class Uvicorn(Server):
    def prepare(self):
        self.lab.write("aapp.py", """\
            async def app(scope, receive, send):
                if scope["type"] != "http":
                    return
                while (await receive()).get("more_body"):
                    pass
                await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
                await send({"type": "http.response.body", "body": b"ok"})
            """)

    def commands(self):
        common = ["/usr/bin/python3", "-m", "uvicorn", "--host", "0.0.0.0", "--log-level", "warning", "--app-dir", self.lab.folder]
        return [[*common, "--port", "8051", "aapp:app"],
                [*common, "--port", "8052", "--ssl-keyfile", self.lab.key, "--ssl-certfile", self.lab.cert, "aapp:app"]]


class Stunnel(Server):
    reload_signal = signal.SIGHUP

    def prepare(self):
        self.lab.write("stunnel.conf", f"""\
            foreground = yes
            pid =
            cert = {self.lab.cert}
            key = {self.lab.key}
            [redis]
            accept = 0.0.0.0:8061
            connect = 127.0.0.1:6379
            [http]
            accept = 0.0.0.0:8062
            connect = 127.0.0.1:8001
            """)

    def commands(self):
        return [["stunnel4", self.lab.path("stunnel.conf")]]


class Websockets(Server):
    def prepare(self):
        self.lab.write("ws.py", f"""\
            import asyncio, ssl, websockets
            async def echo(ws, path=None):
                async for message in ws:
                    await ws.send(message)
            async def main():
                tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                tls.load_cert_chain({self.lab.cert!r}, {self.lab.key!r})
                async with websockets.serve(echo, "0.0.0.0", 8071), websockets.serve(echo, "0.0.0.0", 8072, ssl=tls):
                    await asyncio.Future()
            asyncio.run(main())
            """)

    def commands(self):
        return [["/usr/bin/python3", self.lab.path("ws.py")]]


class Uwsgi(Server):
    reload_signal = signal.SIGHUP
    stop_signal = signal.SIGINT

    def commands(self):
        return [["uwsgi", "--plugin", "python3", "--http-socket", ":8081", "--master", "--processes", "2", "--die-on-term",
                 "--wsgi-file", self.lab.path("wapp.py"), "--disable-logging"]]

    def reload(self):  # execs itself anew with the socket kept
        super().reload()
        time.sleep(2)


class Lighttpd(Server):
    stop_signal = signal.SIGINT  # graceful

    def prepare(self):
        self.lab.write("lighttpd.conf", f"""\
            server.modules = ("mod_openssl")
            server.document-root = "{self.lab.path('www')}"
            server.port = 8083
            server.max-keep-alive-idle = 2
            $SERVER["socket"] == ":8084" {{
                ssl.engine = "enable"
                ssl.pemfile = "{self.lab.cert}"
                ssl.privkey = "{self.lab.key}"
            }}
            """)

    def commands(self):
        return [["lighttpd", "-D", "-f", self.lab.path("lighttpd.conf")]]


class S_Server(Server):
    def commands(self):
        return [["openssl", "s_server", "-www", "-quiet", "-accept", "8091", "-cert", self.lab.cert, "-key", self.lab.key]]


class Ncat(Server):
    def commands(self):
        return [["ncat", "-lk", "9002", "-e", "/bin/cat"]]


class Socat(Server):
    def commands(self):
        return [["socat", "TCP-LISTEN:9003,fork,reuseaddr,backlog=128", "TCP:127.0.0.1:8001"],
                ["socat", "TCP-LISTEN:9001,fork,reuseaddr,backlog=128", "EXEC:sort"],
                ["socat", "TCP-LISTEN:9004,fork,reuseaddr,backlog=128", "EXEC:date"],
                ["socat", "-u", "TCP-LISTEN:9005,fork,reuseaddr,backlog=128", "OPEN:/dev/null"]]


class Postgres(Server):
    reload_signal = signal.SIGHUP
    stop_signal = signal.SIGINT  # fast

    def prepare(self):
        lab, data = self.lab, self.lab.path("pg")
        os.makedirs(data)
        for name in ("k.pem", "c.pem"):
            shutil.copy(lab.key if name[0] == "k" else lab.cert, lab.path("pg-" + name))
        nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        for path in (data, lab.path("pg-k.pem"), lab.path("pg-c.pem")):
            os.chown(path, 65534, 65534)
        os.chmod(lab.path("pg-k.pem"), 0o600)
        subprocess.run([*nobody, POSTGRES[-1] + "/initdb", "-D", data, "-A", "trust", "-U", "postgres", "--no-sync"], check=True,
                       stdout=lab.log, stderr=lab.log, cwd=data)
        with open(data + "/pg_hba.conf", "a") as file:
            file.write("host all all 0.0.0.0/0 trust\n")
        self.argv = [*nobody, POSTGRES[-1] + "/postgres", "-D", data, "-p", "5432", "-k", data, "-c", "listen_addresses=*",
                     "-c", "ssl=on", "-c", f"ssl_cert_file={lab.path('pg-c.pem')}", "-c", f"ssl_key_file={lab.path('pg-k.pem')}",
                     "-c", "fsync=off", "-c", "max_connections=60"]

    def commands(self):
        return [self.argv]


class Mariadb(Server):
    def prepare(self):
        data = self.lab.path("my")
        subprocess.run(["mariadb-install-db", "--no-defaults", f"--datadir={data}", "--user=root", "--skip-test-db",
                        "--auth-root-authentication-method=normal"], check=True, stdout=self.lab.log, stderr=self.lab.log)

    def commands(self):
        return [["mariadbd", "--no-defaults", f"--datadir={self.lab.path('my')}", "--user=root", "--port=3306", "--bind-address=0.0.0.0",
                 f"--socket={self.lab.path('my.sock')}", f"--pid-file={self.lab.path('my.pid')}", "--skip-name-resolve",
                 "--skip-grant-tables", f"--ssl-cert={self.lab.cert}", f"--ssl-key={self.lab.key}", "--max-connect-errors=1000000",
                 "--innodb-buffer-pool-size=32M", "--innodb-flush-log-at-trx-commit=0"]]


class Redis(Server):
    def commands(self):
        return [["redis-server", "--port", "6379", "--tls-port", "6380", "--tls-cert-file", self.lab.cert, "--tls-key-file",
                 self.lab.key, "--tls-auth-clients", "no", "--tls-ca-cert-file", self.lab.cert, "--bind", "0.0.0.0",
                 "--protected-mode", "no", "--save", "", "--dir", self.lab.folder]]


class Memcached(Server):
    def commands(self):
        return [["memcached", "-u", "root", "-l", "0.0.0.0", "-p", "11211"],
                ["memcached", "-u", "root", "-l", "0.0.0.0", "-p", "11212", "-Z", "-o",
                 f"ssl_chain_cert={self.lab.cert},ssl_key={self.lab.key}"]]


class Sshd(Server):
    def prepare(self):
        lab = self.lab
        for name in ("hk", "ck"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", lab.path(name)], check=True)
        shutil.copy(lab.path("ck.pub"), lab.path("ak"))

    def commands(self):
        return [["/usr/sbin/sshd", "-D", "-e", "-f", "/dev/null", "-h", self.lab.path("hk"), "-p", "2222", "-o",
                 f"AuthorizedKeysFile={self.lab.path('ak')}", "-o", "StrictModes=no", "-o", "PermitRootLogin=yes", "-o",
                 "UsePAM=no", "-o", "MaxStartups=100:30:200", "-o", "LogLevel=ERROR", "-o",
                 "Subsystem=sftp internal-sftp", "-o", "PidFile=none"]]


class Vsftpd(Server):
    def prepare(self):
        lab = self.lab
        os.makedirs(lab.path("ftp", "empty"), exist_ok=True)
        with open(lab.path("ftp", "file"), "wb") as file:
            file.write(b"f" * 100000)
        os.chmod(lab.path("ftp"), 0o555)
        for name, port, tls in (("v1", 2121, ""), ("v2", 2122, f"ssl_enable=YES\nallow_anon_ssl=YES\nrsa_cert_file={lab.cert}\n"
                                                    f"rsa_private_key_file={lab.key}\nrequire_ssl_reuse=NO\nssl_ciphers=HIGH\n")):
            half = FTP_DATA[0] + 20 * (port - 2121)
            with open(lab.path(name + ".conf"), "w") as file:
                file.write(f"listen=YES\nlisten_port={port}\nbackground=NO\nanonymous_enable=YES\nsecure_chroot_dir={lab.path('ftp', 'empty')}\n"
                           f"anon_root={lab.path('ftp')}\nseccomp_sandbox=NO\nno_anon_password=YES\npasv_min_port={half}\n"
                           f"pasv_max_port={half + 19}\n{tls}")

    def commands(self):
        return [["vsftpd", self.lab.path("v1.conf")], ["vsftpd", self.lab.path("v2.conf")]]


class Exim(Server):
    def prepare(self):
        lab = self.lab
        os.makedirs(lab.path("spool"))
        shutil.chown(lab.path("spool"), "Debian-exim", "Debian-exim")
        for name, path in (("k", lab.key), ("c", lab.cert)):
            shutil.copy(path, lab.path(f"exim-{name}.pem"))
            shutil.chown(lab.path(f"exim-{name}.pem"), "Debian-exim", "Debian-exim")
        lab.write("exim.conf", f"""\
            primary_hostname = x.test
            spool_directory = {lab.path('spool')}
            log_file_path = {lab.path('spool')}/%slog
            acl_smtp_rcpt = accept
            acl_smtp_data = accept
            tls_advertise_hosts = *
            tls_certificate = {lab.path('exim-c.pem')}
            tls_privatekey = {lab.path('exim-k.pem')}
            daemon_smtp_ports = 2525
            smtp_accept_max = 100
            begin acl
            begin routers
            hole:
             driver = redirect
             data = :blackhole:
            """)
        os.chmod(lab.path("exim.conf"), 0o644)

    def commands(self):
        return [["exim4", "-bdf", "-C", self.lab.path("exim.conf"), "-oP", self.lab.path("exim.pid")]]


class Aiosmtpd(Server):
    def commands(self):
        common = ["/usr/bin/python3", "-m", "aiosmtpd", "-n", "-c", "aiosmtpd.handlers.Sink"]
        return [[*common, "-l", "0.0.0.0:2526", "--tlscert", self.lab.cert, "--tlskey", self.lab.key, "--no-requiretls"],
                [*common, "-l", "0.0.0.0:2527", "--smtpscert", self.lab.cert, "--smtpskey", self.lab.key]]


class Git(Server):
    def prepare(self):
        lab, git = self.lab, ["git", "-c", "init.defaultBranch=main", "-c", "user.name=x", "-c", "user.email=x@x"]
        work = lab.path("work")
        subprocess.run([*git, "init", "-q", work], check=True)
        for i in range(20):
            lab.write(f"work/file{i}", f"{i}\n" * 500)
        subprocess.run([*git, "-C", work, "add", "."], check=True)
        subprocess.run([*git, "-C", work, "commit", "-q", "-m", "x"], check=True)
        subprocess.run([*git, "clone", "-q", "--bare", work, lab.path("www", "repo.git")], check=True)
        subprocess.run([*git, "-C", lab.path("www", "repo.git"), "update-server-info"], check=True)

    def commands(self):
        return [["git", "daemon", f"--base-path={self.lab.path('www')}", "--export-all", "--reuseaddr", "--port=9418",
                 "--log-destination=none"]]


class Rsync(Server):
    def prepare(self):
        self.lab.write("rsyncd.conf", f"""\
            use chroot = no
            uid = 0
            gid = 0
            log file = {self.lab.path('rsyncd.log')}
            [www]
            path = {self.lab.path('www')}
            """)

    def commands(self):
        return [["rsync", "--daemon", "--no-detach", "--port=8730", f"--config={self.lab.path('rsyncd.conf')}"]]


# In the order of their start: backends first.
ALL = [Redis, Gunicorn, Uvicorn, Node, Nginx, Apache, Haproxy, Stunnel, Websockets, Uwsgi, Lighttpd, S_Server, Ncat, Socat, Postgres,
       Mariadb, Memcached, Sshd, Vsftpd, Exim, Aiosmtpd, Git, Rsync]


def prepare_folder(lab):
    os.makedirs(lab.path("www"), exist_ok=True)
    with open(lab.path("www", "ok"), "w") as file:
        file.write("ok")
    with open(lab.path("www", "big"), "wb") as file:
        file.write(b"b" * 3_000_000)
