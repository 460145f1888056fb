"""--trace-firewall: the exact rule is named, and whatever becomes of the program, the ruleset is as it was."""
import os
import signal
import time

import pytest

from lab import SERVER4, run
from pace import limit
from watch import Watch


def ruleset(host):
    return run(host.command("nft", "list", "ruleset"))


def is_traced(host):
    return "tcpwhy_trace" in run(host.command("nft", "list", "tables"))


@pytest.fixture
def dropping(lab, port):
    """A rule that drops what others may drop as well, so that only a trace can tell."""
    lab.server.nft(f"""table inet other {{ chain c {{ type filter hook input priority 0;
        tcp dport {port} limit rate over 1/hour burst 1 packets drop comment "the one";
        tcp dport {port} limit rate over 2/hour burst 2 packets drop; }}; }}""")
    yield
    lab.server.nft("delete table inet other")


def test_the_rule_is_named(lab, port, dropping):
    lab.serve(port)
    with Watch(lab.server, "--trace-firewall") as watch:
        lab.dial(SERVER4, port, timeout=0.3)
        lab.dial(SERVER4, port, timeout=4)
        line = watch.await_attempt(lambda l: any("the trace of this SYN ends at the rule" in e["text"] for e in l["evidence"]),
                                   port, 10)
        assert (line["cause"], line["confidence"]) == ("firewall-drop", "proved")
        assert "inet other c" in line["summary"] and "1/hour" in line["summary"], line["summary"]
        assert "the one" in line["advice"], line["advice"]
    assert not is_traced(lab.server)


def test_nothing_is_put_in_without_a_failure(lab, port):
    lab.serve(port)
    with Watch(lab.server, "--trace-firewall") as watch:
        assert lab.request(SERVER4, port)[0] == "none"
        watch.wait_ticks(2)
        assert not is_traced(lab.server)


@pytest.mark.parametrize("which", ["broker", "worker"])
def test_killed_in_the_middle(lab, port, dropping, which):
    lab.serve(port)
    before = ruleset(lab.server)
    watch = Watch(lab.server, "--trace-firewall")
    try:
        lab.dial(SERVER4, port, timeout=0.3)
        lab.dial(SERVER4, port, timeout=2)
        deadline = time.monotonic() + limit(10)
        while not is_traced(lab.server):
            assert time.monotonic() < deadline, "no trace"
            time.sleep(0.05)
        broker, *workers = watch.processes()
        os.kill(broker if which == "broker" else workers[0], signal.SIGKILL)
        deadline = time.monotonic() + limit(5)
        while is_traced(lab.server) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert ruleset(lab.server) == before
    finally:
        watch.kill()
