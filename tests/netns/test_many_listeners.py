"""Thousands of listeners: all are known up to 65,536, and above that nothing is made of one that is not seen."""
import os
import resource
import subprocess

import pytest

from lab import PYTHON, SERVER4
from test_explain import explain
from watch import Watch

# Each process takes as many as its limit of descriptors allows; `first port` and `ports` of 127.x addresses each.
LISTEN = """
import os, resource, socket, sys
n, first_port, ports = map(int, sys.argv[1:])
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
share, first, kept = min(hard, 50000) - 100, 0, []
while n - first > share and os.fork():
    first += share
for i in range(first, min(n, first + share)):
    s = socket.socket()
    s.bind(("127.%d.%d.1" % divmod(i // ports + 256, 256), first_port + i % ports))
    s.listen(8)
    kept.append(s)
print("ok", flush=True)
sys.stdin.read()
"""


class Crowd:
    def __init__(self, lab, n, first_port, ports):
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        self.process = lab.server.popen([PYTHON, "-c", LISTEN, str(n), str(first_port), str(ports)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in range(-(-n // (min(hard, 50000) - 100))):
            assert self.process.stdout.readline() == b"ok\n"

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        self.process.stdin.close()
        self.process.wait(30)


def resident(pid):
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))


def worker_of(watch):
    return int(subprocess.check_output(["pgrep", "-P", str(watch.pid)]).split()[0])


def sockets_state(watch):
    states = [line["state"] for line in watch.lines if line["type"] == "source" and line["source"] == "sockets"]
    return states[-1] if states else "on"


def refusal(lab, watch, port):
    assert lab.dial(SERVER4, port).errno == "ECONNREFUSED"
    return watch.settled(lambda l: l.get("outcome") == "refused" and l["cause"] != "unknown", port, 20)


def test_thousands_are_all_known(lab, port):
    """More than 2,048, which was the limit once: proofs stay proofs, and who listens is told with its process."""
    with Crowd(lab, 3000, 30000, 100) as crowd, Watch(lab.server) as watch:
        line = refusal(lab, watch, port)
        assert (line["cause"], line["confidence"]) == ("no-listener", "proved"), line
        assert refusal(lab, watch, 30050)["cause"] == "loopback-only"
        watch.wait_ticks(2)
        told = {line["id"]: line for line in watch.lines if line["type"] == "listener"}
        assert sum(30000 <= line["port"] < 30100 for line in told.values()) == 3000
        assert {line["owner"]["pid"] for line in told.values() if 30000 <= line["port"] < 30100} == {crowd.process.pid}
        assert sockets_state(watch) == "on"


def test_rest_does_not_pay(lab):
    """Room for 65,536 listeners costs nothing before they come."""
    with Watch(lab.server) as watch:
        watch.wait_ticks(2)
        rest = resident(worker_of(watch))
        with Crowd(lab, 20000, 30000, 100):
            watch.wait_ticks(6)
            assert resident(worker_of(watch)) > rest + 10000
    assert rest < 64000, rest


def test_more_than_are_kept(lab, port):
    """Above the bound no absence proves anything; but -x knows all of its port."""
    server = lab.serve(port)
    with Crowd(lab, 70000, 30000, 100), Watch(lab.server) as watch:
        watch.wait_ticks(3)
        assert sockets_state(watch) == "degraded"
        line = refusal(lab, watch, port + 1)
        assert (line["cause"], line["confidence"]) == ("no-listener", "possible"), line
        assert "loopback-only" in line["alternatives"], line
        for asked, status, says in ((port, 0, "listens on 0.0.0.0"), (30050, 4, "no other host can reach it"),
                                    (port + 1, 4, "nothing listens")):
            running = explain(lab, asked, seconds="3")
            said, _ = running.communicate(timeout=60)
            assert (running.returncode, says in said) == (status, True), said
    server.stop()
