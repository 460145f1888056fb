"""Failures amid 5,000 healthy connections a second: each is still named right, and the healthy port is not blamed."""
import os
import shutil
import subprocess

import pytest

import scenarios
import scenarios_ends
import scenarios_net
from expect import MATRIX, WANTED
from lab import HERE, SERVER4, Lab
from pace import limit
from watch import Watch, program

RATE, SECONDS = 5000, 45
HEALTHY = 9000

FAILURES = [
    scenarios.no_listener, scenarios.loopback_only, scenarios.firewall_reset, scenarios.accept_queue_full,
    scenarios.firewall_drop, scenarios.abort_unread_data, scenarios.abort_linger, scenarios.closed_early,
    scenarios_ends.process_stopped, scenarios_ends.not_accepting, scenarios_ends.process_died,
    scenarios_net.no_route_back, scenarios_net.tcp_md5,
]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def lab(requirements):
    with Lab() as made:
        made.client.sysctl("net.ipv4.ip_local_port_range", "1024 60000")
        made.client.sysctl("net.ipv4.tcp_tw_reuse", 1)
        yield made


@pytest.fixture(scope="module")
def load(lab, tmp_path_factory):
    """The healthy traffic, from a program of ours: Python would need both processors for it."""
    compiler = next((c for c in ("cc", "gcc", "clang") if shutil.which(c)), None)
    assert compiler, "no C compiler"
    binary = tmp_path_factory.mktemp("load") / "load"
    subprocess.run([compiler, "-D_GNU_SOURCE", "-O2", "-o", binary, os.path.join(HERE, "load.c")], check=True)
    running = subprocess.Popen([binary, f"/run/netns/{lab.server.name}", f"/run/netns/{lab.client.name}", SERVER4,
                                str(HEALTHY), str(RATE), str(SECONDS)], stdout=subprocess.PIPE, text=True)
    yield running
    if running.poll() is None:
        running.kill()
    running.wait()


def wrong(watch, port, want):
    """What was said for sure of the port, and is not so."""
    return [line for line in watch.failures(port)
            if line["cause"] not in want.beside and line["confidence"] != "possible"]


def test_failures_amid_healthy_traffic(lab, load, capsys):
    assert os.access(program(), os.X_OK)
    with Watch(lab.server) as watch:
        missed, port = [], 20000
        for scenario in FAILURES:
            want = WANTED[scenario.__name__.replace("_", "-")]
            result = scenario(lab, port)
            try:
                line = watch.await_attempt(lambda l: l["cause"] == want.cause or (
                    l["confidence"] == "possible" and want.cause in l["alternatives"]), port, want.patience)
                MATRIX.add(want.cause, line)
            except AssertionError as err:
                missed.append(f"{want.cause}: {err}")
            missed += [f"{want.cause}: {line}" for line in wrong(watch, port, want)]
            result["stop"]()
            port += 10
        busy = load.poll() is None
        load.terminate() if busy else None
        out = load.communicate()[0]
        healthy = watch.counters(HEALTHY)
        with capsys.disabled():
            print(f"\nbusy: {out.strip() or 'still running when the last failure was told'}; healthy port: "
                  f"{healthy['syn']} SYNs, {healthy['accepted']} accepted; {len(FAILURES)} failures told")
        assert not missed, "\n".join(missed)
        assert watch.failures(HEALTHY) == []
        assert healthy["syn"] >= RATE * 15 / limit(1), "that was not busy"
