"""The scenarios of scenarios_net.py by themselves, without tcpwhy, and that they leave nothing behind.

The witnesses are those of test_scenarios.py: the client's errno and the essential counters (asserted
inside every scenario), the packets on the wire, and which counters move and which do not.

Nearly all of the time is spent waiting for retransmissions, so several labs run side by side.
"""
import concurrent.futures
import glob
import itertools
import threading
import time

import pytest

import packets
import scenarios_net
from lab import CLIENT4, SERVER4, SERVER6, Lab, Wire, run
from pace import limit

LABS = 4
TIME_LIMIT = 6.0

SYNS = ["in SYN"] * 3
REFUSED = ["in SYN", "out RST-ACK"]
OPENED = ["in SYN", "out SYN-ACK"]
ASKED = OPENED + ["in PSH-ACK", "out ACK"]
ECHOED = ASKED + ["out PSH-ACK"]
CLOSED_HERE = ASKED + ["out FIN-ACK", "in FIN-ACK", "out ACK"]
COME_BACK = ["in SYN", "out ACK", "in RST", *OPENED]
SHUT_OUT = ["in SYN", "out ACK", "in RST", "in SYN", "in SYN"]

WATCHED = """
    IpInAddrErrors IpInHdrErrors IpOutNoRoutes IpExtInCsumErrors IpExtInNoRoutes
    Ip6InAddrErrors Ip6InDiscards Ip6InNoRoutes Ip6OutNoRoutes
    IcmpInDestUnreachs IcmpOutDestUnreachs Icmp6InDestUnreachs Icmp6OutDestUnreachs
    TcpEstabResets TcpInCsumErrors TcpOutRsts TcpRetransSegs
    TcpExtEmbryonicRsts TcpExtIPReversePathFilter TcpExtListenDrops TcpExtListenOverflows
    TcpExtPAWSEstab TcpExtPAWSTimewait TcpExtTW
    TcpExtTCPMD5Failure TcpExtTCPMD5NotFound TcpExtTCPMD5Unexpected
    TcpExtTCPMinTTLDrop TcpExtTCPSYNChallenge TcpExtTCPTimeouts
    """.split()

# name -> (beginning of what the wire shows but for the client's bare ACKs, which may be late or ride on other
# segments; which of the watched counters move)
EXPECTED = {
    "reverse-path": (SYNS, "TcpExtIPReversePathFilter"),
    "reverse-path by conf.all": (SYNS, "TcpExtIPReversePathFilter"),
    "no-route-back": (SYNS, "TcpExtListenDrops IpOutNoRoutes"),
    "no-route-back blackhole": (SYNS, "TcpExtListenDrops IpOutNoRoutes"),
    "no-route-back unreachable": (SYNS, "TcpExtListenDrops IpOutNoRoutes"),
    "no-route-back prohibit": (SYNS, "TcpExtListenDrops IpOutNoRoutes"),
    "no-route-back over IPv6": (SYNS, "TcpExtListenDrops Ip6OutNoRoutes"),
    "no-route-back blackhole over IPv6": (SYNS, "TcpExtListenDrops"),      # and no Ip6OutNoRoutes
    # When ARP gives up, the kernel tells itself by ICMP over lo.  Over IPv4 that also ends the half-open
    # connection, which counts as a ListenDrop.
    "next-hop-dead": (
        SYNS, "TcpExtListenDrops TcpExtTCPTimeouts TcpRetransSegs IcmpInDestUnreachs IcmpOutDestUnreachs"),
    "next-hop-dead gateway": (
        SYNS, "TcpExtListenDrops TcpExtTCPTimeouts TcpRetransSegs IcmpInDestUnreachs IcmpOutDestUnreachs"),
    "next-hop-dead over IPv6": (SYNS, "TcpExtTCPTimeouts TcpRetransSegs Icmp6InDestUnreachs Icmp6OutDestUnreachs"),
    "not-our-address": (SYNS, "IpInAddrErrors"),
    "not-our-address over IPv6": (SYNS, "Ip6InAddrErrors"),
    "not-our-address freebind": (SYNS, "IpInAddrErrors"),
    "address-unanswered": ([], ""),
    "address-unanswered removed over IPv6": ([], ""),
    "address-unanswered arp-ignore-1": ([], ""),
    "address-unanswered arp-ignore-8": ([], ""),
    "address-unanswered dad-failed": ([], ""),
    "address-unanswered filtered": ([], ""),
    "address-unanswered filtered over IPv6": ([], ""),
    "forward-unreachable": (["in SYN", "out ICMP 3/0"], "IpExtInNoRoutes IcmpOutDestUnreachs"),
    "forward-unreachable neighbour": (SYNS + ["out ICMP 3/1"] * 3, "IcmpOutDestUnreachs"),
    "forward-unreachable over IPv6": (["in SYN", "out ICMP6 1/0"], "Ip6InNoRoutes Icmp6OutDestUnreachs"),
    "martian": (["in SYN"], ""),
    "martian loopback": (["in SYN"], ""),
    "martian over IPv6": (["in SYN"], "TcpExtEmbryonicRsts TcpOutRsts"),
    "martian loopback over IPv6": (["in SYN"], ""),
    "not-for-us": (SYNS, ""),
    "not-for-us vlan": (["in SYN"], ""),
    "not-for-us broadcast": (["in SYN"], ""),
    "not-for-us broadcast-mac": (["in SYN"], ""),
    "ipv6-disabled": (SYNS, "Ip6InDiscards"),
    "mtu-blackhole": (ECHOED, "TcpExtTCPTimeouts TcpRetransSegs"),
    "mtu-blackhole over IPv6": (ECHOED, "TcpExtTCPTimeouts TcpRetransSegs"),
    "tcp-md5": (SYNS, "TcpExtTCPMD5NotFound"),
    "tcp-md5 unexpected": (SYNS, "TcpExtTCPMD5Unexpected"),
    "tcp-md5 wrong": (SYNS, "TcpExtTCPMD5Failure"),
    "bad-checksum": (["in SYN"], "TcpInCsumErrors"),
    "bad-checksum IP header": (["in SYN"], "IpExtInCsumErrors IpInHdrErrors"),
    "min-ttl": (SYNS, "TcpExtTCPMinTTLDrop"),
    "min-ttl over IPv6": (SYNS, "TcpExtTCPMinTTLDrop"),
    "timewait-reuse": (CLOSED_HERE + COME_BACK, "TcpExtTW"),
    "timewait-reuse old timestamp": (CLOSED_HERE + COME_BACK, "TcpExtTW TcpExtPAWSTimewait"),
    "timewait-reuse rfc1337": (CLOSED_HERE + SHUT_OUT, "TcpExtTW"),
    "paws": (ECHOED + ["in PSH-ACK", "out ACK"] * 2, "TcpExtPAWSEstab"),
    "duplicate-connection": (ECHOED + COME_BACK, "TcpExtTCPSYNChallenge TcpEstabResets"),
    "duplicate-connection silent": (ECHOED + ["in SYN", "out ACK", "in SYN"], "TcpExtTCPSYNChallenge"),
    "peer-firewall": (["in SYN", "out SYN-ACK", "in RST"] * 3, "TcpExtEmbryonicRsts"),
    "peer-firewall icmp": (["in SYN", "out SYN-ACK", "in ICMP 3/13"],
                           "IcmpInDestUnreachs TcpExtTCPTimeouts TcpRetransSegs"),
    "peer-firewall icmp host": (["in SYN", "out SYN-ACK", "in ICMP 3/1"] * 3, "IcmpInDestUnreachs TcpExtListenDrops"),
    "reply-lost": (["in SYN", "out SYN-ACK"], "TcpExtTCPTimeouts TcpRetransSegs"),
    "reply-lost over IPv6": (["in SYN", "out SYN-ACK"], "TcpExtTCPTimeouts TcpRetransSegs"),
    "peer-gave-up": (["in SYN"], ""),
    "stray-segment": (["out RST"], "TcpOutRsts"),
    "stray-segment handshake": (["in SYN", "out SYN-ACK", "out RST"], "TcpOutRsts"),
    "odd-flags": (["in SYN-FIN"], ""),
    "odd-flags syn-rst": (["in SYN-RST"], ""),
    "odd-flags null": (["in "], ""),
    "odd-flags xmas": (["in FIN-PSH"], ""),
    "odd-flags fin": (["in FIN"], ""),
    "odd-flags syn-fin closed": (["in SYN-FIN", "out RST-ACK"], "TcpOutRsts"),
    "odd-flags syn-rst closed": (["in SYN-RST"], ""),
    "odd-flags null closed": (["in ", "out RST-ACK"], "TcpOutRsts"),
    "odd-flags xmas closed": (["in FIN-PSH", "out RST-ACK"], "TcpOutRsts"),
    "odd-flags fin closed": (["in FIN", "out RST-ACK"], "TcpOutRsts"),
    "middlebox-reset": (ECHOED + ["in RST", "in PSH-ACK", "out RST"], "TcpEstabResets TcpOutRsts"),
    "middlebox-reset both ends": (ECHOED + ["in RST"], "TcpEstabResets"),
    "remote-reset": (["out SYN", "in SYN-ACK", "out ACK", "out PSH-ACK", "in RST-ACK"], "TcpEstabResets"),
    "steered-away": (REFUSED, "TcpOutRsts"),
    "other-namespace": (REFUSED, "TcpOutRsts"),
    **{f"other-namespace {kind}": (REFUSED, "TcpOutRsts") for kind in ("macvlan", "over IPv6", "apart", "isolated")},
    "firewall-drop-reply": (SYNS, "TcpExtTCPTimeouts"),
    # What a reject rule of the output chain sends comes back over lo, and may end the half-open connection.
    "firewall-drop-reply reject": (SYNS, "TcpExtTCPTimeouts IcmpInDestUnreachs IcmpOutDestUnreachs"),
    "firewall-drop-reply icmp host": (SYNS, "TcpExtListenDrops IcmpInDestUnreachs IcmpOutDestUnreachs"),
    "firewall-drop-reply reset": (SYNS, "TcpExtEmbryonicRsts"),
    "firewall-drop-ack": (OPENED + ["in PSH-ACK"], "TcpExtTCPTimeouts TcpRetransSegs"),
    "synproxy-backend-dead": (OPENED + ["out RST-ACK"], "TcpOutRsts"),
    "conntrack-full": (SYNS, ""),
    # Near misses
    "drop beside reverse-path": (SYNS, "TcpExtIPReversePathFilter"),
    "drop beside bad checksums": (SYNS, "TcpInCsumErrors"),
    "drop beside tcp-md5": (SYNS, "TcpExtTCPMD5NotFound"),
    "drop beside a blackhole": (SYNS, "TcpExtListenDrops IpOutNoRoutes"),
    "slow neighbour": (ECHOED, ""),
    "peer reset, usual TTL": (ECHOED + ["in RST-ACK"], "TcpEstabResets"),
    "small loss recovers": (ASKED + ["out PSH-ACK"] * 2, "TcpRetransSegs TcpExtTCPTimeouts"),
    "port used again": (CLOSED_HERE + OPENED, "TcpExtTW"),
    "strays dropped as invalid": (["in SYN-ACK", "in RST", "in FIN-ACK", *ECHOED], ""),
    "odd flags from another": (["in SYN-FIN", "in ", "in FIN-PSH", *ECHOED], ""),
    "forward rejected": (["in SYN", "out ICMP 3/1"], "IcmpOutDestUnreachs"),
    "reset out of window": (["in SYN", "out SYN-ACK"], ""),
    "loopback of another namespace": (REFUSED, "TcpOutRsts"),
    "loopback of a container": (REFUSED, "TcpOutRsts"),
    "peer's own listener": (REFUSED, "TcpOutRsts"),
    "reset beside other-namespace": (["in SYN", "out RST-ACK"], ""),
    "synproxy in front of a server": (["in SYN", "out SYN-ACK"], ""),
    "nobody's addresses": ([], ""),
}

ALL = {
    **{name: (function, {}) for name, function in scenarios_net.SCENARIOS.items()},
    **{name: (function, settings) for name, (function, settings, _) in scenarios_net.VARIANTS.items()},
    **{name: (function, {}) for name, (function, _) in scenarios_net.NEAR_MISSES.items()},
}


def settings_of(host):
    """Everything on a host that a scenario may have changed and has to put back."""
    found = {}
    with host:
        for pattern in ("ipv4/conf/*/*", "ipv6/conf/*/*", "ipv4/tcp_*", "ipv4/ip_forward",
                        "netfilter/nf_conntrack_tcp*"):
            for path in glob.glob(f"/proc/sys/net/{pattern}"):
                if not path.endswith(("stable_secret", "flush", "tcp_fastopen_key")):
                    with open(path) as file:
                        found[path] = file.read()
        for command in ("ip address", "ip route show table all", "ip -6 route show table all",
                        "ip neigh show nud permanent", "nft -s list ruleset"):
            found[command] = sorted(run(command.split()).splitlines())
        with open("/proc/sys/net/netfilter/nf_conntrack_count") as file:
            found["conntrack filled"] = int(file.read()) > 100
    return found


def furnish(lab):
    """What scenarios share and do not take away again: the second cable, the hosts' tables, link-local addresses."""
    lab.add_second_link()
    for host in (lab.server, lab.client):
        lab.rule("in", "counter", host)()
        deadline = time.monotonic() + limit(5)
        while len(run(host.command("ip", "-br", "-6", "address", "show", "scope", "link", "-tentative")).split()) < 6:
            assert time.monotonic() < deadline, "no link-local addresses"
            time.sleep(0.1)


class Outcome:
    """What one scenario did, in a lab of its thread's."""

    def __init__(self, name, lab, port):
        function, settings = ALL[name]
        hosts = (lab.server, lab.client)
        settings_before, before = [settings_of(h) for h in hosts], lab.server.counters()
        started = time.monotonic()
        with Wire(lab.server) as wire:
            self.result = function(lab, port, **settings)
            self.seen = [what for what in wire.of(port) if what != "in ACK"]
        self.seconds = time.monotonic() - started
        after = lab.server.counters()
        self.moved = {counter for counter in WATCHED if after.get(counter, 0) != before.get(counter, 0)}
        self.result["stop"]()
        settings_after = [settings_of(h) for h in hosts]
        self.left_behind = [f"{key}: {old.get(key)} -> {new.get(key)}"
                            for old, new in zip(settings_before, settings_after)
                            for key in old.keys() | new.keys() if old.get(key) != new.get(key)]
        self.left_behind += run(lab.server.command("ss", "-Hntl")).splitlines()
        self.reachable = [lab.dial(addr, 1).errno for addr in (SERVER4, SERVER6)]


@pytest.fixture(scope="module")
def outcomes(request):
    """The futures of the outcomes of all selected scenarios."""
    local, labs, ports = threading.local(), [], itertools.count(30000, 10)

    def make_lab():
        local.lab = Lab()
        labs.append(local.lab)
        furnish(local.lab)

    def run_one(name):
        return Outcome(name, local.lab, next(ports))
    names = {item.callspec.params["name"] for item in request.session.items
             if item.module is request.module and hasattr(item, "callspec")}
    with concurrent.futures.ThreadPoolExecutor(LABS, initializer=make_lab) as pool:
        yield {name: pool.submit(run_one, name) for name in EXPECTED if name in names}
        pool.shutdown(cancel_futures=True)
    for lab in labs:
        lab.close()


def test_every_scenario_is_expected():
    assert ALL.keys() == EXPECTED.keys()
    assert {cause for _, _, cause in scenarios_net.VARIANTS.values()} <= scenarios_net.SCENARIOS.keys()


def promptly(seen):
    """What was seen, as if the client had closed at once: a slow one acknowledges our FIN before it sends its own."""
    return [what for what, then in zip(seen, [*seen[1:], ""]) if (what, then) != ("in ACK", "in FIN-ACK")]


@pytest.mark.parametrize("name", EXPECTED)
def test_wire_counters_and_clean_up(outcomes, name):
    wire_begins, counters = EXPECTED[name]
    outcome = outcomes[name].result()
    seen = promptly(outcome.seen)
    assert seen[:len(wire_begins)] == wire_begins and bool(seen) == bool(wire_begins)
    assert outcome.moved == set(counters.split())
    assert outcome.left_behind == []
    assert outcome.reachable == ["ECONNREFUSED"] * 2
    assert outcome.seconds < limit(TIME_LIMIT)
    assert {"peer", "addr", "port", "dir", "client_errno", "evidence", "stop"} <= outcome.result.keys()


def test_hand_made_packets_are_sound(lab, port):
    """A hand-made SYN is answered like any other, over both families, with options and a low TTL."""
    lab.serve(port, "::")
    for src, dst in ((CLIENT4, SERVER4), ("fd77::2", SERVER6)):
        source = lab.spare_port()
        options = packets.segment_size(1400) + packets.timestamp(1000)
        packet = packets.ip(src, dst, packets.tcp(src, source, dst, port, packets.SYN, options=options), ttl=9)
        with packets.Tap(lab.server) as tap:
            packets.send(lab.client, packets.ethernet(lab.server.mac("eth0"), lab.client.mac("eth0"), packet))
            time.sleep(0.1)
            assert [bits for way, bits, _ in tap.segments(source) if way == "out"] == [packets.SYN | packets.ACK]


def test_a_failing_scenario_puts_everything_back(lab, port, monkeypatch):
    """Also when its assertion fails in the middle."""
    furnish(lab)
    before = settings_of(lab.server), settings_of(lab.client)
    monkeypatch.setattr(scenarios_net, "fails", lambda *_args, **_more: pytest.fail("as planned"))
    with pytest.raises(pytest.fail.Exception):
        scenarios_net.reverse_path(lab, port)
    assert (settings_of(lab.server), settings_of(lab.client)) == before
