"""The scenarios of scenarios_ends.py themselves, without tcpwhy: does each really cause what its name says?

The witnesses are those of test_scenarios.py: the client's errno, asserted inside every scenario, the resets
on the wire, and the kernel's own counters.
"""
import pytest

import scenarios_ends
from lab import Wire, run

SOME = "some"       # how often depends on timers
WATCHED = ("TcpOutRsts", "TcpEstabResets", "TcpAttemptFails", "TcpExtEmbryonicRsts", "TcpExtListenOverflows",
           "TcpExtListenDrops", "TcpExtTCPReqQFullDrop", "TcpExtTCPReqQFullDoCookies", "TcpExtSyncookiesFailed",
           "TcpExtTCPDeferAcceptDrop", "TcpExtTCPAbortOnClose", "TcpExtTCPAbortOnData", "TcpExtTCPAbortOnTimeout",
           "TcpExtTCPAbortOnLinger", "TcpExtTCPKeepAlive", "TcpExtTCPToZeroWindowAdv", "TcpExtTCPFromZeroWindowAdv",
           "TcpExtTCPTimeouts", "TcpRetransSegs")

OVERFLOW = {"TcpExtListenOverflows": SOME, "TcpExtListenDrops": SOME}
ABORTED = {"TcpOutRsts": 1, "TcpEstabResets": 1}
UNKNOWN = {"TcpOutRsts": 1}
RETRANSMITTED = {"TcpExtTCPTimeouts": SOME, "TcpRetransSegs": SOME}
BACKEND_REFUSED = {"TcpOutRsts": 1, "TcpAttemptFails": 1}       # over lo, by the same host
DISCARDED = {"TcpOutRsts": 3, "TcpEstabResets": 3}
GAVE_UP = RETRANSMITTED | ABORTED | {"TcpExtTCPAbortOnTimeout": 1}

# name -> (what the client got, the resets on the wire, counters of the server host that move)
EXPECTED = {
    "accept-queue-full-late": ("hang", [], OVERFLOW | RETRANSMITTED),
    "late-with-abort": ("ECONNRESET", ["out RST"], {
        "TcpExtListenOverflows": 1, "TcpExtListenDrops": 1, "TcpExtEmbryonicRsts": 1, "TcpOutRsts": 1}),
    "late-with-cookie": ("hang", [], OVERFLOW | RETRANSMITTED | {"TcpExtTCPReqQFullDoCookies": 3}),
    "late-with-cookie-and-abort": ("hang", [], OVERFLOW | RETRANSMITTED | {"TcpExtTCPReqQFullDoCookies": 3}),
    "process-stopped": ("ETIMEDOUT", [], OVERFLOW),
    "fd-limit": ("ETIMEDOUT", [], OVERFLOW),
    "not-accepting": ("hang", [], {}),
    "reuseport-stuck": ("ETIMEDOUT", [], OVERFLOW),
    "syn-queue-full": ("ETIMEDOUT", [], RETRANSMITTED | {
        "TcpExtListenDrops": SOME, "TcpExtTCPReqQFullDrop": SOME}),
    "syn-queue-three-quarters": ("ETIMEDOUT", [], RETRANSMITTED | {"TcpExtListenDrops": SOME}),
    "syn-cookies": ("none", [], {"TcpExtTCPReqQFullDoCookies": 16}),
    "deferred-accept": ("hang", [], {"TcpExtTCPDeferAcceptDrop": 1, "TcpExtTCPTimeouts": 1}),
    "proxy-backend-dead": ("none", [], BACKEND_REFUSED),
    "proxy-that-reads-first": ("none", [], BACKEND_REFUSED),
    "process-died": ("ECONNRESET", ["out RST-ACK"], ABORTED | {"TcpExtTCPAbortOnClose": 1}),
    "queue-discarded": ("ECONNRESET", ["out RST-ACK"] * 3, DISCARDED),
    "queue-dies-with-its-process": ("ECONNRESET", ["out RST-ACK"] * 3, DISCARDED),
    "queue-of-silent-clients": ("ECONNRESET", ["out RST-ACK"] * 3, DISCARDED),
    "sent-after-close": ("EPIPE", ["out RST"], UNKNOWN),
    "sent-long-after-close": ("EPIPE", ["out RST"], UNKNOWN),
    "sent-after-lost-fin": ("ECONNRESET", ["out RST"], UNKNOWN | {"TcpExtTCPAbortOnData": 1}),
    "keepalive-timeout": ("ECONNRESET", ["out RST-ACK"], ABORTED | {
        "TcpExtTCPAbortOnTimeout": 1, "TcpExtTCPKeepAlive": 2}),
    "keepalive-reset-lost": ("ECONNRESET", ["out RST-ACK", "out RST"], {
        "TcpOutRsts": 2, "TcpEstabResets": 1, "TcpExtTCPAbortOnTimeout": 1, "TcpExtTCPKeepAlive": 2}),
    "retransmit-timeout": ("ECONNRESET", ["out RST"], GAVE_UP),
    "retransmit-user-timeout": ("ECONNRESET", ["out RST"], GAVE_UP),
    "stale-connection": ("ECONNRESET", ["out RST"], ABORTED),       # the reset counted is the forgetting
    "stale-without-listener": ("ECONNRESET", ["out RST"], ABORTED),
    "stale-segment": ("none", ["out RST"], UNKNOWN),
    "stale-segment-without-listener": ("none", ["out RST"], UNKNOWN),
    "not-reading": ("hang", [], {"TcpExtTCPToZeroWindowAdv": SOME}),
    "peer-closed-abruptly": ("none", ["in RST-ACK"], {"TcpEstabResets": 1}),
    "slow-but-moving": ("none", [], {}),
    "stopped-briefly": ("none", [], {}),
    "near-fd-limit": ("none", [], {}),
    "reuseport-healthy": ("none", [], {}),
    "deferred-accept-spoken-to": ("none", [], {"TcpExtTCPDeferAcceptDrop": 1}),
    "known-peer-passes": ("none", [], {}),
    "closed-beside-a-failing-client": ("none", [], BACKEND_REFUSED),
    "keepalive-answered": ("none", [], {"TcpExtTCPKeepAlive": SOME}),
    "retransmissions-recover": ("none", [], RETRANSMITTED),
    "listener-closed-connections-stay": ("none", [], {}),
    "reader-pauses": ("none", [], {"TcpExtTCPToZeroWindowAdv": SOME, "TcpExtTCPFromZeroWindowAdv": SOME}),
    "killed-with-all-read": ("none", [], {}),
    "late-answer-to-a-client-gone": ("none", ["in RST"], {"TcpEstabResets": 1}),
    "handed-over-with-aborts": ("ECONNRESET", ["out RST-ACK"], ABORTED | {"TcpExtTCPAbortOnClose": 1}),
    "forked-child-leaves": ("ECONNRESET", ["out RST-ACK"], ABORTED | {"TcpExtTCPAbortOnClose": 1}),
}

RUNS = {name: (function, {}) for name, function in scenarios_ends.SCENARIOS.items()}
RUNS |= {name: (function, settings) for name, (function, settings, _) in scenarios_ends.VARIANTS.items()}
RUNS |= {name: (function, {}) for name, (function, _) in scenarios_ends.NEAR_MISSES.items()}

SENDERS = {"out": "host", "in": "peer"}
SETTINGS = [f"net.ipv4.tcp_{name}" for name in (
    "syncookies", "abort_on_overflow", "max_syn_backlog", "retries2", "fin_timeout")]


def moved(before, after, expected):
    """What rose, with SOME in place of any number where `expected` has it."""
    deltas = {name: after[name] - before[name] for name in WATCHED if after[name] != before[name]}
    return {name: SOME if expected.get(name) == SOME else delta for name, delta in deltas.items()}


def left_behind(lab, port):
    """Everything that a scenario could forget to undo."""
    return dict(settings=[lab.server.sysctl(name) for name in SETTINGS],
                rules=lab.client.nft("list ruleset").count("port"),
                sockets=run(lab.server.command("ss", "-Hltn", f"sport = :{port}")))


def test_every_scenario_is_expected():
    assert RUNS.keys() == EXPECTED.keys()
    assert {cause for _, _, cause in scenarios_ends.VARIANTS.values()} <= scenarios_ends.SCENARIOS.keys()


@pytest.mark.parametrize("name", EXPECTED)
def test_client_wire_and_counters(lab, port, name):
    client_errno, resets, counters = EXPECTED[name]
    function, settings = RUNS[name]
    clean = left_behind(lab, port)
    with Wire(lab.server) as wire:
        before = lab.server.counters()
        result = function(lab, port, **settings)
        after = lab.server.counters()
        seen = wire.of(port, "RST")
    result["stop"]()
    assert result["client_errno"] == client_errno
    assert seen == resets
    if name not in scenarios_ends.NEAR_MISSES:
        assert result.get("by") == (SENDERS[resets[0].split()[0]] if resets else None)
    assert moved(before, after, counters) == counters
    assert left_behind(lab, port) == clean


def test_a_scenario_that_fails_leaves_nothing_behind(lab, port):
    @scenarios_ends.staged
    def failing(stage):
        stage.sysctl("net.ipv4.tcp_syncookies", 0)
        stage.client_rule("out", f"tcp dport {port} drop")
        stage.serve()
        raise ZeroDivisionError

    clean = left_behind(lab, port)
    with pytest.raises(ZeroDivisionError):
        failing(lab, port)
    assert left_behind(lab, port) == clean
