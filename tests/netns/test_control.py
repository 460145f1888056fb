"""Ordinary traffic: whatever is healthy must be left alone, and a scan must blame nobody."""
import contextlib
import http.client
import os
import socket
import subprocess
import tempfile
import threading
import time

import pytest

from lab import PYTHON, SERVER4, SERVER6, run

CONNECTIONS = 1000


class NamespacedHTTP(http.client.HTTPConnection):
    """An HTTP client on the client host."""

    def __init__(self, lab, addr, port):
        super().__init__(addr, port, timeout=10)
        self.lab = lab

    def connect(self):
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        self.sock = self.lab.client.socket(family)
        self.sock.settimeout(self.timeout)
        self.sock.connect((self.host, self.port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def in_parallel(count, work, workers=8):
    """work(i) for every i below count, from several threads; the first exception is raised here."""
    errors = []

    def loop(first):
        try:
            for i in range(first, count, workers):
                work(i)
        except Exception as err:     # noqa: BLE001 - handed to the test's own thread
            errors.append(err)
    threads = [threading.Thread(target=loop, args=(n,)) for n in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


@contextlib.contextmanager
def http_server(lab, port, *args):
    """python3 -m http.server in a directory of its own, known to be up."""
    with tempfile.TemporaryDirectory() as root:
        with open(os.path.join(root, "index.html"), "w") as page:
            page.write("<p>hello\n")
        with lab.server:
            process = subprocess.Popen([PYTHON, "-m", "http.server", str(port), "--directory", root, *args],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            await_listener(lab, port)
            yield process
        finally:
            process.kill()
            process.wait(5)


def await_listener(lab, port):
    """Without dialling, which would count."""
    for _ in range(100):
        if run(lab.server.command("ss", "-Hltn", f"sport = :{port}")):
            return
        time.sleep(0.05)
    raise AssertionError(f"nothing listens on {port}")


def assert_quiet(watch, port, made):
    """Nothing but acceptances, and as many as were made (unless packets were lost, and said so)."""
    watch.wait_ticks(3)
    assert watch.failures(port) == []
    counted = sum(line["count"] for line in watch.attempts(port))
    lost = max((line.get("lost", 0) for line in watch.lines if line["type"] == "tick"), default=0)
    assert counted == made or (lost and counted <= made), f"{counted} of {made}, {lost} packets lost"
    assert watch.counters(port)["accepted"] == counted


def test_thousand_short_connections(lab, watch, port):
    lab.serve(port, backlog=512)

    def exchange(i):
        assert lab.request(SERVER4, port, b"hello %d" % i)[1] == b"hello %d" % i
    in_parallel(CONNECTIONS, exchange)
    assert_quiet(watch, port, CONNECTIONS)


@pytest.mark.parametrize("bound,dialled", [
    ("0.0.0.0", [SERVER4]),
    ("::", [SERVER6, SERVER4]),
    (SERVER4, [SERVER4]),
    (SERVER6, [SERVER6]),
])
def test_each_way_to_listen(lab, watch, port, bound, dialled):
    server = lab.serve(port, bound)
    for addr in dialled:
        for _ in range(10):
            assert lab.request(addr, port)[0] == "none"
    assert_quiet(watch, port, 10 * len(dialled))
    server.stop()


def test_server_that_closes_first(lab, watch, port):
    server = lab.serve(port, mode="answer-and-close", backlog=512)
    in_parallel(200, lambda _: lab.request(SERVER4, port))
    assert_quiet(watch, port, 200)
    server.stop()


def test_keep_alive_connections(lab, watch, port):
    """Ten connections, a hundred exchanges each, open over several intervals."""
    server = lab.serve(port)
    clients = [lab.dial(SERVER4, port, keep=True) for _ in range(10)]
    for turn in range(4):
        for client in clients:
            for _ in range(25):
                client.sock.sendall(b"ping")
                assert client.sock.recv(100) == b"ping"
        if turn < 3:
            watch.wait_ticks(1)
    for client in clients:
        client.close()
    assert_quiet(watch, port, 10)
    server.stop()


def test_http_server(lab, watch, port):
    """Python's own, HTTP/1.1 with three requests a connection; its 404s are no failures either."""
    with http_server(lab, port, "--protocol", "HTTP/1.1"):
        for _ in range(20):
            client = NamespacedHTTP(lab, SERVER4, port)
            for path, status in (("/", 200), ("/none", 404), ("/", 200)):
                client.request("GET", path)
                answer = client.getresponse()
                answer.read()
                assert answer.status == status
            client.close()
        # http.server ends the connection after an error, so each client connects twice
        assert_quiet(watch, port, 2 * 20)


def test_http_server_that_closes_first(lab, watch, port):
    """HTTP/1.0: the end of the answer is the server's FIN."""
    with http_server(lab, port):
        for _ in range(20):
            client = NamespacedHTTP(lab, SERVER4, port)
            client.request("GET", "/")
            assert client.getresponse().read() == b"<p>hello\n"
            client.close()
        assert_quiet(watch, port, 20)


def test_half_closed_client(lab, watch, port):
    """The client shuts down its sending side and waits for the rest, as many scripts do."""
    server = lab.serve(port)
    client = lab.dial(SERVER4, port, keep=True)
    client.sock.sendall(b"question")
    client.sock.shutdown(socket.SHUT_WR)
    assert client.sock.recv(100) == b"question" and client.sock.recv(100) == b""
    client.close()
    assert_quiet(watch, port, 1)
    server.stop()


def test_connect_scan_of_open_ports(lab, watch, port):
    servers = [lab.serve(port + i, mode="wait-for-eof") for i in range(8)]
    for i in range(8):
        assert lab.dial(SERVER4, port + i).errno == "none"
    watch.wait_ticks(3)
    for i in range(8):
        assert watch.failures(port + i) == []
    for server in servers:
        server.stop()


def test_half_open_scan_of_open_ports(lab, watch, port):
    servers = [lab.serve(port + i) for i in range(8)]
    for i in range(8):
        lab.send_syn(SERVER4, port + i, lab.spare_port())
    watch.wait_ticks(3)
    for i in range(8):
        failures = watch.failures(port + i)
        assert failures and {f["cause"] for f in failures} == {"peer-reset"}, failures
        assert {f["outcome"] for f in failures} == {"cancelled"}
    for server in servers:
        server.stop()


@pytest.mark.parametrize("how", ["connect", "half-open"])
def test_scan_of_200_closed_ports(lab, watch, how):
    """Two hundred refusals, one cause; the engine may roll up, but must not begin to guess."""
    first = 30000 if how == "connect" else 31000
    since = len(watch.lines)
    for target in range(first, first + 200):
        if how == "connect":
            assert lab.dial(SERVER4, target).errno == "ECONNREFUSED"
        else:
            lab.send_syn(SERVER4, target, lab.spare_port())
    watch.wait_ticks(3)
    found = [line for line in watch.failures() if line.number >= since and first <= line["port"] < first + 200]
    assert {(f["cause"], f["outcome"]) for f in found} == {("no-listener", "refused")}
    assert sum(f["count"] for f in found) == 200
    ever = {l["cause"] for l in watch.lines[since:] if l["type"] in ("attempt", "reset")}
    assert ever == {"no-listener"}, ever


def test_no_resets_and_no_firewall_in_the_whole_module(watch):
    """Nothing in this module resets an established connection, and no rule exists."""
    assert [line for line in watch.lines if line["type"] == "reset"] == []
    assert [line for line in watch.lines if line["type"] == "attempt" and line["cause"].startswith("firewall")] == []
