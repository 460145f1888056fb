"""Scenarios of full queues and of how connections end; scenarios.py says what a scenario is and returns.

Each is called as f(lab, port, **settings), although it is written with a Stage: what it puts up there is
taken down by the returned `stop`, or at once when the scenario itself fails.  Besides the fields that
scenarios.py names there are

    peer_port           of the connection that failed, wherever it is known
    by                  "host" or "peer": who sent the reset, where there is one
    client_errno        may also be "hang": connected, and nothing came while the client waited

SCENARIOS has the plain form of each cause, VARIANTS its other forms, and NEAR_MISSES what looks like a
cause and is none: the client is served or leaves by itself, and the causes listed must not be named.
"""
import errno
import functools
import os
import select
import signal
import socket
import struct
import time
from concurrent.futures import ThreadPoolExecutor

from lab import CLIENT4, SERVER4, checksum, run
from pace import eventually, limit, settle
from scenarios import PATIENCE, SETTLE, by_server, used

ANY = ("0.0.0.0", 0)
PATIENT = 30        # for connections whose own timeout must not be what ends them, in seconds
LINGER_RESET = struct.pack("ii", 1, 0)
PSH_ACK = 0x18


class Stage:
    """One scenario's servers, clients, rules and settings, on one port."""

    def __init__(self, lab, port):
        self.lab = lab
        self.port = port
        self._undo = []

    def on_stop(self, undo, *args):
        self._undo.append((undo, args))

    def stop(self):
        while self._undo:
            undo, args = self._undo.pop()
            undo(*args)

    def serve(self, **settings):
        server = self.lab.serve(self.port, **settings)
        self.on_stop(server.stop)
        return server

    def sysctl(self, name, value):
        self.on_stop(self.lab.server.sysctl, name, self.lab.server.sysctl(name, value))

    def client_rule(self, chain, rule):
        remove = self.lab.rule(chain, rule, host=self.lab.client)
        self.on_stop(remove)
        return remove

    def connect(self, source=ANY):
        """A client that must get in, and stays."""
        got = self.lab.dial(SERVER4, self.port, timeout=PATIENT, keep=True, source=source)
        self.on_stop(got.close)
        assert got.errno == "none", got
        return got

    def connect_until_timeout(self, at_most=8):
        """One client after the other, all staying, until one gets no answer: that one."""
        for _ in range(at_most):
            got = self.lab.dial(SERVER4, self.port, timeout=PATIENCE, keep=True)
            self.on_stop(got.close)
            if got.errno != "none":
                assert got.errno == "ETIMEDOUT", got
                return got
        raise AssertionError(f"{at_most} clients, and all connected")

    def counters(self):
        return self.lab.server.counters()

    def listeners(self):
        """[(Recv-Q, Send-Q), ...] as ss shows them: how many wait, and the limit."""
        return [(int(row[0]), int(row[1])) for row in self.rows("listening")]

    def rows(self, state):
        shown = run(self.lab.server.command("ss", "-Htn", "state", state, f"sport = :{self.port}"))
        return [line.split() for line in shown.splitlines()]

    def row_of(self, client, state):
        """ss's row of one client's connection on the server: [Recv-Q, Send-Q, ours, theirs]."""
        return next((row for row in self.rows(state) if row[3].endswith(f":{client.source[1]}")), None)

    def used(self, failed, errno_name, server, *evidence, **more):
        if errno_name == "hang":    # or its kernel would go on asking after the end of the scenario
            failed.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RESET)
        return used(SERVER4, self.port, errno_name, **by_server(server, *evidence),
                    peer_port=failed.source[1]) | more


def staged(scenario):
    @functools.wraps(scenario)
    def call(lab, port, **settings):
        stage = Stage(lab, port)
        try:
            return scenario(stage, **settings) | dict(stop=stage.stop)
        except BaseException:
            stage.stop()
            raise
    return call


def ask(client, data=b"hello\n", patience=5.0):
    """Send (if there is data) and await one answer: (errno name, "none" or "hang"; what came)."""
    client.sock.settimeout(patience)
    try:
        if data:
            client.sock.sendall(data)
        return "none", client.sock.recv(4096)
    except socket.timeout:
        return "hang", b""
    except OSError as err:
        return errno.errorcode[err.errno], b""


def assert_served(client, data=b"hello\n"):
    got = ask(client, data)
    assert got == ("none", data), got


def rose(stage, before, name, at_least=1):
    by = stage.counters()[name] - before[name]
    assert by >= at_least, f"{name} rose by {by}"


def await_that(condition, timeout=2.0):
    """Poll what takes the kernel or a process an instant."""
    assert eventually(condition, timeout), "never came true"


def open_files(server):
    return len(os.listdir(f"/proc/{server.pid}/fd"))


def segment(source_port, port, flags, payload):
    """An IPv4 packet of the client's with data, as in the middle of a connection."""
    tcp = struct.pack("!HHIIBBHHH", source_port, port, 0x1234567, 0x7654321, 5 << 4, flags, 64240, 0, 0) + payload
    addrs = socket.inet_aton(CLIENT4) + socket.inet_aton(SERVER4)
    tcp = tcp[:16] + struct.pack("!H", checksum(addrs + struct.pack("!BBH", 0, 6, len(tcp)) + tcp)) + tcp[18:]
    return struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0) + addrs + tcp


# Full queues

@staged
def accept_queue_full_late(stage, abort=False):
    """Room when the SYN comes, none when the final ACK does: other clients were faster in between.

    The client's own firewall holds its first ACKs back; those that the server drops are later ones, so
    they do reach it.  With tcp_abort_on_overflow they are answered with a reset.
    """
    stage.sysctl("net.ipv4.tcp_syncookies", 0)
    stage.sysctl("net.ipv4.tcp_abort_on_overflow", int(abort))
    server = stage.serve(mode="hold", backlog=2, comm="demo-stuck")
    late, release = connect_without_ack(stage)
    for _ in range(3):
        stage.connect()
    assert stage.listeners() == [(3, 2)], stage.listeners()
    before = stage.counters()
    release()
    got, _ = ask(late, patience=2.5)
    assert got == ("ECONNRESET" if abort else "hang"), got
    rose(stage, before, "TcpExtListenOverflows")
    if abort:
        rose(stage, before, "TcpExtEmbryonicRsts")
    else:
        assert stage.row_of(late, "syn-recv"), stage.rows("syn-recv")
    by = dict(by="host") if abort else {}
    return stage.used(late, got, server, "3/2", "queue", queue_max=2, **by)


@staged
def accept_queue_full_late_cookie(stage, abort=False):
    """The same for a client that got a cookie: no SYN_RECV stays, no SYN-ACK is repeated, and no reset sent."""
    stage.sysctl("net.ipv4.tcp_syncookies", 1)
    stage.sysctl("net.ipv4.tcp_abort_on_overflow", int(abort))
    server = stage.serve(mode="hold", backlog=0, comm="demo-stuck")
    half_open(stage, 2)
    late, release = connect_without_ack(stage)
    stage.connect()
    assert stage.listeners() == [(1, 0)], stage.listeners()
    before = stage.counters()
    release()
    got, _ = ask(late, patience=2.5)
    assert got == "hang", got
    rose(stage, before, "TcpExtListenOverflows")
    assert not stage.row_of(late, "syn-recv") and not stage.row_of(late, "established")
    return stage.used(late, got, server, "1/0", "queue", queue_max=0)


def connect_without_ack(stage):
    """A client that believes it is connected, and what makes its firewall let out more than its SYN."""
    source_port = stage.lab.spare_port()
    release = stage.client_rule("out", f"tcp sport {source_port} tcp flags & syn != syn drop")
    return stage.connect(source=("0.0.0.0", source_port)), release


@staged
def process_stopped(stage, backlog=1):
    server = stage.serve(backlog=backlog, comm="demo-stopped")
    assert_served(stage.connect())
    server.signal(signal.SIGSTOP)
    time.sleep(0.2)
    got = stage.connect_until_timeout()
    assert stage.listeners() == [(backlog + 1, backlog)], stage.listeners()
    return stage.used(got, got.errno, server, str(server.pid), "stopped", "SIGSTOP", queue_max=backlog)


@staged
def fd_limit(stage, limit=8, backlog=1):
    """Standard input, output and error, the listener, and four connections: the fifth cannot be accepted."""
    server = stage.serve(nofile=limit, backlog=backlog, comm="demo-files")
    for _ in range(limit - open_files(server)):
        assert_served(stage.connect())
    assert open_files(server) == limit
    time.sleep(0.3)
    got = stage.connect_until_timeout()
    assert stage.listeners() == [(backlog + 1, backlog)], stage.listeners()
    assert server.process.poll() is None and open_files(server) == limit
    return stage.used(got, got.errno, server, f"{limit} file", f"{limit} of {limit}", f"{limit}/{limit}", "EMFILE",
                      limit=limit, queue_max=backlog)


@staged
def not_accepting(stage, backlog=5, patience=3.4):
    """A single-threaded server is busy with a client that says nothing; the next one waits in the queue."""
    server = stage.serve(worker="self", backlog=backlog, comm="demo-single")
    stage.connect()
    time.sleep(0.3)
    waiting = stage.connect()
    got, _ = ask(waiting, patience=patience)
    assert got == "hang", got
    assert stage.listeners() == [(1, backlog)], stage.listeners()
    assert stage.row_of(waiting, "established")[0] == "6"
    return stage.used(waiting, got, server, str(server.pid), "1 of", "wait", "accept", queue_max=backlog)


@staged
def reuseport_stuck(stage, members=3, stuck=1):
    """One process of a SO_REUSEPORT group never accepts: the clients whose hash falls to it get nothing."""
    servers = [stage.serve(mode="hold" if i == stuck else "echo", backlog=0 if i == stuck else 16, reuseport=True,
                           comm="demo-worker") for i in range(members)]
    got = stage.connect_until_timeout(at_most=60)
    rows = stage.listeners()
    assert len(rows) == members and [row for row in rows if row[0] > row[1]] == [(1, 0)], rows
    return stage.used(got, got.errno, servers[stuck], str(servers[stuck].pid), queue_max=0,
                      pids=[server.pid for server in servers])


def half_open(stage, count):
    """Hand-made SYNs whose sender never goes on; its firewall keeps its kernel from resetting the answers."""
    stage.client_rule("out", f"tcp dport {stage.port} tcp flags & rst == rst drop")
    for _ in range(count):
        stage.lab.send_syn(SERVER4, stage.port, stage.lab.spare_port())
    time.sleep(settle(0.1))
    return len(stage.rows("syn-recv"))


def forget_peers(stage):
    """A peer with a remembered round-trip time passes the 3/4 limit of tcp_max_syn_backlog."""
    run(stage.lab.server.command("ip", "tcp_metrics", "flush"))


@staged
def syn_queue_full(stage, limit="backlog"):
    """Cookies off, and half-open connections up to listen()'s backlog, or to 3/4 of tcp_max_syn_backlog."""
    stage.sysctl("net.ipv4.tcp_syncookies", 0)
    if limit == "sysctl":
        stage.sysctl("net.ipv4.tcp_max_syn_backlog", 16)
        forget_peers(stage)
    server = stage.serve(backlog=4 if limit == "backlog" else 128, syn_retries=2)
    held = half_open(stage, 20)
    before = stage.counters()
    got = stage.lab.dial(SERVER4, stage.port, timeout=PATIENCE)
    assert got.errno == "ETIMEDOUT", got
    rose(stage, before, "TcpExtListenDrops", 3)
    after = stage.counters()
    assert after["TcpExtListenOverflows"] == before["TcpExtListenOverflows"]
    assert (after["TcpExtTCPReqQFullDrop"] > before["TcpExtTCPReqQFullDrop"]) == (limit == "backlog")
    return stage.used(got, got.errno, server, f"{held} ", "TCPReqQFullDrop", "tcp_max_syn_backlog", "half-open",
                      half_open=held)


@staged
def syn_cookies(stage):
    """The same with cookies: the client is served, and only the counters tell."""
    stage.sysctl("net.ipv4.tcp_syncookies", 1)
    server = stage.serve(backlog=4, syn_retries=2)
    held = half_open(stage, 20)
    before = stage.counters()
    client = stage.connect()
    assert_served(client)
    for name in ("TcpExtTCPReqQFullDoCookies", "TcpExtSyncookiesSent", "TcpExtSyncookiesRecv"):
        rose(stage, before, name)
    return stage.used(client, "none", server, "cookie", f"{held} ", half_open=held)


@staged
def deferred_accept(stage, patience=2.5):
    """TCP_DEFER_ACCEPT in front of a protocol in which the server speaks first."""
    server = stage.serve(mode="greet", defer_accept=5)
    before = stage.counters()
    client = stage.connect()
    got, _ = ask(client, b"", patience)
    assert got == "hang", got
    assert stage.row_of(client, "syn-recv"), stage.rows("syn-recv")
    rose(stage, before, "TcpExtTCPDeferAcceptDrop")
    return stage.used(client, got, server, "TCP_DEFER_ACCEPT", "TCPDeferAcceptDrop", "SYN_RECV")


# The application, or the connection's end

@staged
def proxy_backend_dead(stage, read_first=False):
    """A proxy whose backend is gone.  It connects there at once, or only when the client has said something."""
    backend = ("127.0.0.1", stage.port + 1)
    proxy = stage.serve(mode="proxy", to=backend, read_first=read_first, comm="demo-proxy")
    time.sleep(0.2)
    client = stage.connect()
    got = ask(client, b"hello\n" if read_first else b"")
    assert got == ("none", b""), got
    return stage.used(client, "none", proxy, "%s:%d" % backend, backend=backend)


@staged
def process_died(stage):
    """SIGKILL with a request unread: the connection is reset, the listener goes at the same instant."""
    server = stage.serve(mode="keep-unread", comm="demo-crash")
    client = stage.connect()
    client.sock.sendall(b"hello\n")
    time.sleep(SETTLE)
    before = stage.counters()
    server.kill()
    got, _ = ask(client, b"")
    assert got == "ECONNRESET", got
    assert stage.listeners() == []
    rose(stage, before, "TcpExtTCPAbortOnClose")
    return stage.used(client, got, server, str(server.pid), server.comm, by="host")


@staged
def queue_discarded(stage, process="stays", clients=3, talk=True):
    """The listener goes while clients wait in its queue; its process stays, or dies with it."""
    server = stage.serve(mode="hold", backlog=8, comm="demo-quit")
    waiting = [stage.connect() for _ in range(clients)]
    for client in waiting if talk else ():
        client.sock.sendall(b"hello\n")
    time.sleep(SETTLE)
    assert stage.listeners() == [(clients, 8)]
    before = stage.counters()
    if process == "stays":
        server.close_listener()
    else:
        server.kill()
    for client in waiting:
        got, _ = ask(client, b"")
        assert got == "ECONNRESET", got
    assert stage.listeners() == []
    rose(stage, before, "TcpOutRsts", clients)
    return stage.used(waiting[0], got, server, str(server.pid), server.comm, "queue", by="host",
                      peer_ports=[client.source[1] for client in waiting])


def keep_sending(client, tries=20):
    """The name of the error that a client meets which does not mind an end of file."""
    for _ in range(tries):
        try:
            client.sock.send(b"more\n")
        except OSError as err:
            return errno.errorcode[err.errno]
        time.sleep(0.1)
    return "none"


@staged
def sent_after_close(stage, after=0.2, fin="arrives"):
    """The server answers and leaves; the client has more to say.

    Whoever has got the FIN gets EPIPE; where the FIN is "lost", which its own firewall sees to here, ECONNRESET.
    With `after` beyond tcp_fin_timeout the server's kernel has forgotten the connection by then.
    """
    if after > 1:
        stage.sysctl("net.ipv4.tcp_fin_timeout", 1)
    if fin == "lost":
        stage.client_rule("in", f"tcp sport {stage.port} tcp flags & fin == fin drop")
    server = stage.serve(mode="answer-and-leave")
    client = stage.connect()
    assert_served(client)
    time.sleep(after)
    before = stage.counters()
    got = keep_sending(client)
    assert got == ("ECONNRESET" if fin == "lost" else "EPIPE"), got
    rose(stage, before, "TcpOutRsts")
    return stage.used(client, got, server, "after", "FIN", by="host")


@staged
def keepalive_timeout(stage, client_hears=True):
    """The answers to the server's keepalive probes are lost on the client's own host.

    The reset at the end reaches the client, or (client_hears=False) is lost like the probes: then the
    client sends, later, into a connection that is no more.
    """
    server = stage.serve(keepalive=[1, 1, 2], comm="demo-keepalive")
    client = stage.connect()
    assert_served(client)
    before = stage.counters()
    mute = [stage.client_rule("out", f"tcp dport {stage.port} drop")]
    if not client_hears:
        mute.append(stage.client_rule("in", f"tcp sport {stage.port} drop"))
        await_that(lambda: not stage.row_of(client, "established"), 5)
        for remove in mute:
            remove()
    got, _ = ask(client, b"" if client_hears else b"again\n")
    assert got == "ECONNRESET", got
    rose(stage, before, "TcpExtTCPKeepAlive", 2)
    rose(stage, before, "TcpExtTCPAbortOnTimeout")
    return stage.used(client, got, server, "keepalive", "keep-alive", "probe", by="host")


@staged
def retransmit_timeout(stage, how="tcp_retries2"):
    """The server's data is lost on the client's host until the server gives up; then the client speaks."""
    if how == "tcp_retries2":
        stage.sysctl("net.ipv4.tcp_retries2", 2)
    server = stage.serve(mode="talk", **(dict(user_timeout=2000) if how == "user_timeout" else {}))
    client = stage.connect()
    assert_served(client)
    time.sleep(0.2)
    before = stage.counters()
    remove = stage.client_rule("in", f"tcp sport {stage.port} drop")
    server.tell("send")
    await_that(lambda: not stage.row_of(client, "established"), 8)
    rose(stage, before, "TcpExtTCPAbortOnTimeout")
    rose(stage, before, "TcpRetransSegs", 2)
    remove()
    got, _ = ask(client, b"again\n")
    assert got == "ECONNRESET", got
    return stage.used(client, got, server, "retransmi", "unacknowledged", "5 bytes", by="host")


@staged
def stale_connection(stage, listener="stays"):
    """The server's kernel forgets an established connection without a segment, and the client goes on."""
    server = stage.serve(mode="answer-and-forget")
    client = stage.connect()
    assert_served(client)
    await_that(lambda: not stage.row_of(client, "established"))
    if listener == "gone":
        time.sleep(SETTLE)
        server.kill()
    time.sleep(0.2)
    before = stage.counters()
    got, _ = ask(client, b"again\n")
    assert got == "ECONNRESET", got
    rose(stage, before, "TcpOutRsts")
    return stage.used(client, got, server, "no connection", "unknown", "RST", by="host")


@staged
def stale_segment(stage, listener=True):
    """Data of a connection that this host has never had, hand-made."""
    server = stage.serve() if listener else None
    source_port = stage.lab.spare_port()
    before = stage.counters()
    with stage.lab.client.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        raw.sendto(segment(source_port, stage.port, PSH_ACK, b"hello\n"), (SERVER4, 0))
    await_that(lambda: stage.counters()["TcpOutRsts"] > before["TcpOutRsts"])
    known = by_server(server, "no connection", "unknown", "RST") if server else {}
    return used(SERVER4, stage.port, "none", peer_port=source_port, by="host", **known)


@staged
def not_reading(stage, patience=3.0):
    """The client sends until nothing more fits on either side, and then for `patience` seconds not a byte."""
    server = stage.serve(mode="keep-unread", rcvbuf=8192, comm="demo-deaf")
    client = stage.connect()
    before = stage.counters()
    sent = send_until_blocked(client, patience)
    unread = int(stage.row_of(client, "established")[0])
    assert 0 < unread < sent, (unread, sent)
    rose(stage, before, "TcpExtTCPToZeroWindowAdv")
    return stage.used(client, "hang", server, f"{unread}", "window", str(server.pid), unread=unread)


def send_until_blocked(client, patience):
    """How many bytes went out until the socket took none for `patience` seconds."""
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
    client.sock.setblocking(False)
    sent = 0
    while select.select([], [client.sock], [], patience)[1]:
        sent += client.sock.send(b"x" * 4096)
    return sent


@staged
def peer_closed_abruptly(stage):
    server = stage.serve()
    client = stage.connect()
    assert_served(client)
    time.sleep(0.2)
    before = stage.counters()
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RESET)
    client.close()
    await_that(lambda: stage.counters()["TcpEstabResets"] > before["TcpEstabResets"])
    return stage.used(client, "none", server, "RST", "reset", by="peer")


# Near misses: the queues

@staged
def slow_but_moving(stage, seconds=4.0):
    """A single-threaded server that needs 0.1 s a client: the queue is never empty, and nobody waits long.

    Not not-accepting, and not accept-queue-full: there is always room.
    """
    server = stage.serve(mode="answer-and-close", worker="self", accept_pause=0.1, comm="demo-slow")
    waited, queued, deadline = [], [], time.monotonic() + seconds

    def keep_asking():
        while time.monotonic() < deadline:
            started = time.monotonic()
            got, answer, _ = stage.lab.request(SERVER4, stage.port)
            assert got == "none" and answer.startswith(b"HTTP"), (got, answer)
            waited.append(time.monotonic() - started)

    with ThreadPoolExecutor() as pool:
        clients = [pool.submit(keep_asking) for _ in range(4)]
        time.sleep(0.3)
        while time.monotonic() < deadline - 0.3:
            queued.append(stage.listeners()[0][0])
            time.sleep(0.2)
        for client in clients:
            client.result()
    assert min(queued) > 0 and max(waited) < limit(1.0), (queued, max(waited))
    return used(SERVER4, stage.port, "none", **by_server(server), waited=max(waited))


@staged
def stopped_briefly(stage, pause=0.3):
    """SIGSTOP and, before anybody fails, SIGCONT.  Not process-stopped, not not-accepting."""
    server = stage.serve(backlog=8, comm="demo-stopped")
    assert_served(stage.connect())
    server.signal(signal.SIGSTOP)
    waiting = [stage.connect() for _ in range(3)]
    time.sleep(pause)
    server.signal(signal.SIGCONT)
    for client in waiting:
        assert_served(client)
    return stage.used(waiting[0], "none", server)


@staged
def near_fd_limit(stage, limit=10, spare=2):
    """Almost all file descriptors are in use, and there is one for every client that comes.  Not fd-limit."""
    server = stage.serve(nofile=limit, comm="demo-files")
    for _ in range(limit - spare - open_files(server)):
        assert_served(stage.connect())
    assert open_files(server) == limit - spare
    for _ in range(3):
        client = stage.connect()
        assert_served(client)
        client.close()
        await_that(lambda: open_files(server) == limit - spare)
    return stage.used(client, "none", server)


@staged
def reuseport_healthy(stage, members=3, clients=12):
    """A SO_REUSEPORT group in which all accept.  Not reuseport-stuck."""
    servers = [stage.serve(backlog=4, reuseport=True, comm="demo-worker") for _ in range(members)]
    for _ in range(clients):
        client = stage.connect()
        assert_served(client)
    return stage.used(client, "none", servers[0], pids=[server.pid for server in servers])


@staged
def deferred_accept_spoken_to(stage):
    """TCP_DEFER_ACCEPT as it is meant: the client speaks at once.  Not deferred-accept.

    Its bare ACK comes first and is dropped all the same: TCPDeferAcceptDrop moves.
    """
    server = stage.serve(defer_accept=5)
    client = stage.connect()
    assert_served(client)
    return stage.used(client, "none", server)


@staged
def known_peer_passes(stage):
    """Over 3/4 of tcp_max_syn_backlog, cookies off: a peer that was served before is let in.  Not syn-queue-full."""
    stage.sysctl("net.ipv4.tcp_syncookies", 0)
    stage.sysctl("net.ipv4.tcp_max_syn_backlog", 16)
    server = stage.serve(backlog=128, syn_retries=2)
    forget_peers(stage)
    early = stage.connect()
    assert_served(early)
    early.close()
    time.sleep(settle(0.1))
    assert half_open(stage, 20) == 20
    client = stage.connect()
    assert_served(client)
    return stage.used(client, "none", server)


# Near misses: the connection's end

@staged
def closed_beside_a_failing_client(stage):
    """The server closes early for its own reasons, while another process's connect() is refused.

    closed-early is true; proxy-backend-dead is not.
    """
    server = stage.serve(mode="close-early")
    client = stage.connect()
    assert stage.lab.dial("127.0.0.1", stage.port + 1, host=stage.lab.server).errno == "ECONNREFUSED"
    got = ask(client)
    assert got == ("none", b""), got
    return stage.used(client, "none", server)


@staged
def keepalive_answered(stage, seconds=3.6):
    """Idle for longer than the keepalive allows silence, and alive.  Not keepalive-timeout."""
    server = stage.serve(keepalive=[1, 1, 2])
    client = stage.connect()
    assert_served(client)
    before = stage.counters()
    time.sleep(seconds)
    rose(stage, before, "TcpExtTCPKeepAlive", 2)
    assert_served(client, b"still here\n")
    return stage.used(client, "none", server)


@staged
def retransmissions_recover(stage, seconds=0.6):
    """The server's data is lost for a moment and then gets through.  Not retransmit-timeout, no firewall of ours."""
    server = stage.serve(mode="talk")
    client = stage.connect()
    assert_served(client)
    before = stage.counters()
    remove = stage.client_rule("in", f"tcp sport {stage.port} drop")
    server.tell("send")
    time.sleep(seconds)
    rose(stage, before, "TcpRetransSegs")
    remove()
    assert ask(client, b"") == ("none", b"news\n")
    assert_served(client, b"thanks\n")
    return stage.used(client, "none", server)


@staged
def listener_closed_connections_stay(stage):
    """A graceful shutdown: no new clients, and the old ones are served to their end.

    Not process-died, not queue-discarded, not stale-connection.
    """
    server = stage.serve()
    client = stage.connect()
    assert_served(client)
    time.sleep(SETTLE)
    server.close_listener()
    assert stage.listeners() == []
    assert_served(client, b"more\n")
    client.sock.shutdown(socket.SHUT_WR)
    assert ask(client, b"") == ("none", b"")
    return stage.used(client, "none", server)


@staged
def reader_pauses(stage, pause=1.5):
    """The window is shut for about a second, and then all is read.  Not not-reading (or only for that second)."""
    server = stage.serve(mode="read-late", rcvbuf=8192, pause=pause)
    before = stage.counters()
    client = stage.connect()
    send_until_blocked(client, 0.3)
    rose(stage, before, "TcpExtTCPToZeroWindowAdv")
    client.sock.setblocking(True)
    client.sock.sendall(b"x" * 4096)
    client.sock.shutdown(socket.SHUT_WR)
    got = ask(client, b"")
    assert got == ("none", b"ok\n"), got
    return stage.used(client, "none", server)


@staged
def killed_with_all_read(stage):
    """SIGKILL with nothing unread: a FIN, as from any close.  Not process-died, not abort-unread-data."""
    server = stage.serve()
    client = stage.connect()
    assert_served(client)
    time.sleep(SETTLE)
    server.kill()
    assert ask(client, b"") == ("none", b"")
    return stage.used(client, "none", server)


@staged
def late_answer_to_a_client_gone(stage):
    """The client closes with a FIN; what the server still sends is reset by the client's kernel.

    The client's own end of it, and no failure of this host's.
    """
    server = stage.serve(mode="answer-late", pause=0.3)
    client = stage.connect()
    client.sock.sendall(b"hello\n")
    time.sleep(0.1)
    before = stage.counters()
    client.close()
    await_that(lambda: stage.counters()["TcpEstabResets"] > before["TcpEstabResets"])
    assert stage.rows("established") == stage.rows("close-wait") == []
    return stage.used(client, "none", server)


@staged
def forked_child_leaves(stage):
    """A forking server's child exits without reading the request; the parent has the listener and goes on.

    abort-unread-data is true; process-died, queue-discarded and listener-gone are not.
    """
    server = stage.serve(mode="keep-unread-and-exit", worker="child", comm="demo-forking")
    client = stage.connect()
    got, _ = ask(client)
    assert got == "ECONNRESET", got
    assert stage.listeners() == [(0, 128)]
    return stage.used(client, got, server, by="host")


@staged
def handed_over_with_aborts(stage):
    """The old process ends just when the new one, which shares the port, closes with a request unread.

    abort-unread-data of the new one is true; process-died and queue-discarded are not.
    """
    old = stage.serve(reuseport=True, comm="demo-old")
    new = stage.serve(mode="abort-unread", reuseport=True, comm="demo-new")
    time.sleep(SETTLE)
    old.kill()
    client = stage.connect()
    got, _ = ask(client)
    assert got == "ECONNRESET", got
    return stage.used(client, got, new, by="host")


SCENARIOS = {
    "accept-queue-full-late": accept_queue_full_late,
    "process-stopped": process_stopped,
    "fd-limit": fd_limit,
    "not-accepting": not_accepting,
    "reuseport-stuck": reuseport_stuck,
    "syn-queue-full": syn_queue_full,
    "syn-cookies": syn_cookies,
    "deferred-accept": deferred_accept,
    "proxy-backend-dead": proxy_backend_dead,
    "process-died": process_died,
    "queue-discarded": queue_discarded,
    "sent-after-close": sent_after_close,
    "keepalive-timeout": keepalive_timeout,
    "retransmit-timeout": retransmit_timeout,
    "stale-connection": stale_connection,
    "not-reading": not_reading,
    "peer-closed-abruptly": peer_closed_abruptly,
}

VARIANTS = {
    "late-with-abort": (accept_queue_full_late, dict(abort=True), "accept-queue-full-late"),
    "late-with-cookie": (accept_queue_full_late_cookie, {}, "accept-queue-full-late"),
    "late-with-cookie-and-abort": (accept_queue_full_late_cookie, dict(abort=True), "accept-queue-full-late"),
    "syn-queue-three-quarters": (syn_queue_full, dict(limit="sysctl"), "syn-queue-full"),
    "proxy-that-reads-first": (proxy_backend_dead, dict(read_first=True), "proxy-backend-dead"),
    "queue-dies-with-its-process": (queue_discarded, dict(process="dies"), "queue-discarded"),
    "queue-of-silent-clients": (queue_discarded, dict(talk=False), "queue-discarded"),
    "sent-long-after-close": (sent_after_close, dict(after=1.5), "sent-after-close"),
    "sent-after-lost-fin": (sent_after_close, dict(fin="lost"), "sent-after-close"),
    "keepalive-reset-lost": (keepalive_timeout, dict(client_hears=False), "keepalive-timeout"),
    "retransmit-user-timeout": (retransmit_timeout, dict(how="user_timeout"), "retransmit-timeout"),
    "stale-without-listener": (stale_connection, dict(listener="gone"), "stale-connection"),
    "stale-segment": (stale_segment, {}, "stale-connection"),
    "stale-segment-without-listener": (stale_segment, dict(listener=False), "stale-connection"),
}

QUEUE_CAUSES = {"accept-queue-full", "accept-queue-full-late", "process-stopped", "fd-limit", "not-accepting",
                "reuseport-stuck", "syn-queue-full", "deferred-accept"}
END_CAUSES = {"closed-early", "abort-unread-data", "process-died", "abort-linger", "sent-after-close",
              "queue-discarded", "socket-destroyed", "keepalive-timeout", "retransmit-timeout", "stale-connection",
              "not-reading", "proxy-backend-dead"}

NEAR_MISSES = {
    "slow-but-moving": (slow_but_moving, QUEUE_CAUSES | END_CAUSES),
    "stopped-briefly": (stopped_briefly, QUEUE_CAUSES | END_CAUSES),
    "near-fd-limit": (near_fd_limit, QUEUE_CAUSES | END_CAUSES),
    "reuseport-healthy": (reuseport_healthy, QUEUE_CAUSES | END_CAUSES),
    "deferred-accept-spoken-to": (deferred_accept_spoken_to, QUEUE_CAUSES | END_CAUSES),
    "known-peer-passes": (known_peer_passes, QUEUE_CAUSES | END_CAUSES),
    "closed-beside-a-failing-client": (closed_beside_a_failing_client, QUEUE_CAUSES | END_CAUSES - {"closed-early"}),
    "keepalive-answered": (keepalive_answered, QUEUE_CAUSES | END_CAUSES),
    "retransmissions-recover": (retransmissions_recover, QUEUE_CAUSES | END_CAUSES | {
        "firewall-drop", "firewall-drop-reply", "firewall-drop-ack", "conntrack-invalid", "mtu-blackhole"}),
    "listener-closed-connections-stay": (listener_closed_connections_stay, QUEUE_CAUSES | END_CAUSES),
    "reader-pauses": (reader_pauses, QUEUE_CAUSES | END_CAUSES | {"mtu-blackhole"}),
    "killed-with-all-read": (killed_with_all_read, QUEUE_CAUSES | END_CAUSES),
    "late-answer-to-a-client-gone": (late_answer_to_a_client_gone, QUEUE_CAUSES | END_CAUSES | {
        "peer-closed-abruptly", "middlebox-reset"}),
    "handed-over-with-aborts": (handed_over_with_aborts, QUEUE_CAUSES | END_CAUSES - {"abort-unread-data"}),
    "forked-child-leaves": (forked_child_leaves, QUEUE_CAUSES | END_CAUSES - {"abort-unread-data"} | {
        "listener-gone", "restarting"}),
}
