"""With less privilege: fewer causes, lower confidence, and never a wrong one.

Without CAP_NET_RAW no packet is seen; what is left are the socket table, the counters and routing.  An ordinary user
has these too, and may not look into others' processes.
"""
import pytest

import scenarios
import scenarios_ends
import scenarios_net
from watch import Watch

LADDER = {
    "without CAP_NET_RAW": ("setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw"),
    "as an ordinary user": ("setpriv", "--reuid=1000", "--regid=1000", "--clear-groups"),
}

# What each rung may say of a failure, and what it has to say; everything else would be wrong.
FAILURES = {
    "accept-queue-full": (scenarios.accept_queue_full, {"accept-queue-full", "not-accepting"}, "accept-queue-full"),
    "process-stopped": (scenarios_ends.process_stopped, {"process-stopped", "accept-queue-full", "not-accepting"}, None),
    "syn-queue-full": (scenarios_ends.syn_queue_full, {"syn-queue-full"}, "syn-queue-full"),
    "not-accepting": (scenarios_ends.not_accepting, {"not-accepting"}, "not-accepting"),
    "not-reading": (scenarios_ends.not_reading, {"not-reading"}, "not-reading"),
    "tcp-md5": (scenarios_net.tcp_md5, {"tcp-md5"}, "tcp-md5"),
    "paws": (scenarios_net.paws, {"paws"}, "paws"),
    "loopback-only": (scenarios.loopback_only, set(), None),
    "firewall-drop": (scenarios.firewall_drop, {"firewall-drop"}, None),
    "firewall-reset": (scenarios.firewall_reset, {"firewall-reset"}, None),
    "abort-unread-data": (scenarios.abort_unread_data, set(), None),
    "keepalive-timeout": (scenarios_ends.keepalive_timeout, set(), None),
}


@pytest.fixture(scope="module", params=LADDER)
def low_watch(lab, request):
    with Watch(lab.server, prefix=LADDER[request.param], packets=False) as started:
        yield started


@pytest.mark.parametrize("name", FAILURES)
def test_less_and_never_wrong(lab, low_watch, port, name):
    scenario, allowed, required = FAILURES[name]
    result = scenario(lab, port)
    try:
        low_watch.wait_ticks(4)
        said = [line for line in low_watch.attempts(result["port"]) if line["cause"] != "none"]
        for line in said:
            assert line["cause"] in allowed | {"unknown"} or line["confidence"] == "possible", line
            assert line["advice"]
        assert required is None or required in {line["cause"] for line in said}, low_watch.report(port)
    finally:
        result["stop"]()


def test_sources_say_what_is_missing(low_watch):
    hello = low_watch.wait_for(lambda l: l["type"] == "hello", 1)
    assert hello["sources"]["packets"]["state"] == "off" and hello["sources"]["packets"]["why"]
    assert hello["sources"]["sockets"]["state"] == "on"
