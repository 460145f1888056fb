"""The scenarios themselves, without tcpwhy: does each really cause what its name says?

Three witnesses that share no code with the program: the client's errno (asserted inside every
scenario), the packets on the wire, and the kernel's own counters.  Where a later kernel behaves
differently, it shows here first.
"""
import os
import time

import pytest

import scenarios
from lab import SERVER4, Lab, Wire, run
from pace import limit

REFUSED = ["in SYN", "out RST-ACK"]
OPENED = ["in SYN", "out SYN-ACK", "in ACK"]
KERNEL_RST = {"TcpOutRsts": 1}
WATCHED = ("TcpOutRsts", "TcpExtListenOverflows", "TcpExtListenDrops", "TcpExtEmbryonicRsts", "TcpExtTCPAbortOnClose",
           "TcpExtTCPAbortOnData", "TcpExtTCPReqQFullDrop", "IpExtReversePathFilter", "TcpExtIPReversePathFilter")

# cause -> (beginning of what the wire shows, counters of the server host that move)
EXPECTED = {
    "no-listener": (REFUSED, KERNEL_RST),
    "loopback-only": (REFUSED, KERNEL_RST),
    "other-address": (REFUSED, KERNEL_RST),
    "ipv6-only": (REFUSED, KERNEL_RST),
    "ipv4-only": (REFUSED, KERNEL_RST),
    "other-device": (REFUSED, KERNEL_RST),
    "not-listening": (REFUSED, KERNEL_RST),
    "udp-only": (REFUSED, KERNEL_RST),
    "outgoing-port": (["out SYN", "in SYN-ACK", "out ACK", *REFUSED], KERNEL_RST),
    "too-early": (REFUSED + OPENED, KERNEL_RST),
    "restarting": (REFUSED + OPENED, KERNEL_RST),
    "listener-gone": (REFUSED, KERNEL_RST),
    "accept-queue-full": (OPENED + ["in SYN"] * 3, {"TcpExtListenOverflows": 3, "TcpExtListenDrops": 3}),
    "firewall-reject": (["in SYN", "out ICMP 3/3"], {}),
    "firewall-reset": (REFUSED, {}),     # the same wire as no-listener, but the kernel counts no RST
    "firewall-drop": (["in SYN"] * 3, {}),
    "peer-reset": (["in SYN", "out SYN-ACK", "in RST"], {"TcpExtEmbryonicRsts": 1}),
    "peer-silent": (["in SYN", "out SYN-ACK", "out SYN-ACK"], {}),
    "abort-unread-data": (OPENED + ["in PSH-ACK", "out ACK", "out RST-ACK"],
                          {"TcpExtTCPAbortOnClose": 1, "TcpOutRsts": 1}),
    "abort-linger": (OPENED + ["in PSH-ACK", "out ACK", "out RST-ACK"],
                     {"TcpExtTCPAbortOnData": 1, "TcpOutRsts": 1}),
    "closed-early": (OPENED + ["in PSH-ACK", "out ACK", "out FIN-ACK"], {}),    # a slow client acknowledges it first
    "remote-refused": (REFUSED, KERNEL_RST),
    "remote-unreachable": (["in SYN", "out ICMP 3/13"], {}),
    "remote-silent": (["in SYN"] * 3, {}),
}


def moved(before, after):
    return {name: after[name] - before[name] for name in WATCHED
            if name in after and after[name] != before.get(name, 0)}


def test_every_scenario_is_expected():
    assert scenarios.SCENARIOS.keys() == EXPECTED.keys()


@pytest.mark.parametrize("cause", EXPECTED)
def test_wire_and_counters(lab, port, cause):
    wire_begins, counters = EXPECTED[cause]
    with Wire(lab.server) as wire:
        before = lab.server.counters()
        result = scenarios.SCENARIOS[cause](lab, port)
        if cause == "peer-silent":
            time.sleep(1.2)     # for the retransmitted SYN-ACK
        seen = wire.of(port)
        after = lab.server.counters()
    result["stop"]()
    assert seen[:len(wire_begins)] == wire_begins
    assert moved(before, after) == counters


ICMP_REJECTS = [
    (4, "port-unreachable", "ECONNREFUSED", "ICMP 3/3"),
    (4, "admin-prohibited", "EHOSTUNREACH", "ICMP 3/13"),
    (4, "host-prohibited", "EHOSTUNREACH", "ICMP 3/10"),
    (4, "host-unreachable", "EHOSTUNREACH", "ICMP 3/1"),
    (4, "net-unreachable", "ENETUNREACH", "ICMP 3/0"),
    (6, "port-unreachable", "ECONNREFUSED", "ICMP6 1/4"),
    (6, "admin-prohibited", "EACCES", "ICMP6 1/1"),
    (6, "addr-unreachable", "EHOSTUNREACH", "ICMP6 1/3"),
    (6, "no-route", "ENETUNREACH", "ICMP6 1/0"),
]


@pytest.mark.parametrize("family,what,errno_name,icmp", ICMP_REJECTS)
def test_icmp_errors_and_their_errnos(lab, port, family, what, errno_name, icmp):
    with Wire(lab.server) as wire:
        result = scenarios.firewall_reject(lab, port, family, what, errno_name)
        assert wire.of(port)[:2] == ["in SYN", "out " + icmp]
    result["stop"]()


def test_accept_queue_limit_is_one_more_than_the_backlog(lab, port):
    """sock_diag's Recv-Q > Send-Q, as ss shows it, is what 'full' means."""
    server, stop = scenarios.fill_accept_queue(lab, port, backlog=1)
    shown = run(lab.server.command("ss", "-Hltn", f"sport = :{port}")).split()
    assert (shown[1], shown[2]) == ("2", "1")
    stop()


def test_bound_without_listen_shows_in_no_list_of_listeners(lab, port):
    result = scenarios.not_listening(lab, port)
    assert run(lab.server.command("ss", "-Hltn", f"sport = :{port}")) == ""
    result["stop"]()


def test_outgoing_port_is_an_established_connection(lab, port):
    result = scenarios.outgoing_port(lab, port)
    shown = run(lab.server.command("ss", "-Htn", "state", "established", f"sport = :{port}"))
    assert f"{SERVER4}:{port}" in shown
    result["stop"]()


def test_icmp_rate_limit_makes_a_reject_rule_silent(lab, port):
    """Why the lab switches the limit off: six errors to one peer, and then SYNs meet silence."""
    lab.server.sysctl("net.ipv4.icmp_ratelimit", 1000)
    try:
        lab.rule("in", f"tcp dport {port} reject with icmp type admin-prohibited")
        with Wire(lab.server) as wire:
            dials = [lab.dial(SERVER4, port) for _ in range(7)]
            seen = wire.of(port)
    finally:
        lab.server.sysctl("net.ipv4.icmp_ratelimit", 0)
    assert dials[0].ms < limit(100) and dials[6].ms > 900, dials
    assert seen[:2] == ["in SYN", "out ICMP 3/13"] and seen[-3:] == ["in SYN", "in SYN", "out ICMP 3/13"], seen


def test_no_process_and_no_namespace_stays_behind(lab, port):
    """A lab inside the lab's program: everything it made is gone when its block ends."""
    with Lab() as inner:
        names = (inner.server.name, inner.client.name)
        pid = inner.serve(port).pid
    left = os.listdir("/run/netns")
    assert not [name for name in names if name in left]
    assert not os.path.exists(f"/proc/{pid}")
