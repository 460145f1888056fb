"""What the kernel and the firewall prove, without the one or the other, or without both: less sure, and never wrong."""
import pytest

from expect import KERNEL, MATRIX, NAT
from test_causes import caused
from watch import Watch

NO_ADMIN = ("setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin")
RUNGS = {
    "--no-kernel": ((), ["--no-kernel"], "kernel"),
    "without CAP_NET_ADMIN": (NO_ADMIN, [], "firewall"),
    "--no-kernel and without CAP_NET_ADMIN": (NO_ADMIN, ["--no-kernel"], "kernel"),
}
PLAIN = {case[0]: case for case in KERNEL + NAT if case[0] == case[3].cause or case[0] in (
    "firewall-drop netdev-ingress", "firewall-drop iptables-nft ufw", "firewall-drop rate-limit", "bpf-drop xdp-native",
    "bpf-drop socket-filter", "bpf-drop cgroup-egress", "published-not-forwarded ip_forward",
    "published-no-listener beside a local one")}
# What else is true of the very failure when less is known.
ALSO = {
    "redirect-no-listener": {"firewall-reset"},
    "published-no-listener": {"other-namespace"},
}


@pytest.fixture(scope="module", params=RUNGS)
def low_watch(lab, request):
    prefix, arguments, _ = RUNGS[request.param]
    with Watch(lab.server, *arguments, prefix=prefix) as started:
        yield started


@pytest.mark.parametrize("name", PLAIN)
def test_less_sure_and_never_wrong(lab, low_watch, port, name):
    _, scenario, settings, want = PLAIN[name]
    result = caused(scenario, lab, port, settings)
    try:
        low_watch.wait_ticks(4)
        for line in low_watch.failures(result["port"]):
            MATRIX.add(want.cause, line)
            right = line["cause"] in {want.cause, "unknown"} | want.beside | ALSO.get(want.cause, set())
            assert right or line["confidence"] == "possible", line
            assert line["summary"] and line["advice"] or line["cause"] == "unknown", line
    finally:
        result["stop"]()


@pytest.mark.parametrize("rung", RUNGS)
def test_what_is_off_says_why(lab, rung):
    prefix, arguments, source = RUNGS[rung]
    with Watch(lab.server, *arguments, prefix=prefix) as watch:
        state = watch.lines[0]["sources"][source]
        assert state["state"] == "off" and state["why"], state
