"""Routing: what RTM_GETROUTE and RTM_GETNEIGH say of a packet, and what happens to a real one."""
import socket

import pytest

from diag import LISTEN, SYN_RECV
from ground import BOTH, everywhere, family_of
from history import new
from lab import CLIENT4, SERVER4, SERVER4_OTHER, SERVER6
from pace import eventually
from peer import PEER4, PEER6
from routes import NUD_FAILED, NUD_INCOMPLETE, NUD_PERMANENT

FAR4, FAR6 = "192.0.2.9", "2001:db8::9"
LD = "TcpExtListenDrops"
HOP_RETRY_MS = 200


def way_in(lab, source, addr, port):
    """What RTM_GETROUTE says of a packet, then what a real SYN moves, and what it gets."""
    said = lab.routes.ask(addr, source=source, iif=lab.ifindex)
    peer = lab.peer(port, addr=source, server=addr)
    with lab.counted(port, family_of(addr)) as moved:
        peer.send("SYN")
        answer = peer.answer(0.15)
    return said, moved, answer and answer.flags


ACCEPTED = ("local", {}, "SYN-ACK")
MARTIAN = ("EINVAL", {}, None)
BROADCAST = ("broadcast", {"d": 1, LD: 1}, None)
WAYS_IN = {     # source, destination, rp_filter: the word of RTM_GETROUTE, what moves, what a SYN gets
    "ordinary": (PEER4, SERVER4, 1, ACCEPTED),
    "our own source": (SERVER4, SERVER4, 0, MARTIAN),
    "our other source": (SERVER4_OTHER, SERVER4, 0, MARTIAN),
    "loopback source": ("127.0.0.9", SERVER4, 0, MARTIAN),
    "to loopback": (PEER4, "127.0.0.1", 0, MARTIAN),
    "source 0.0.0.0": ("0.0.0.0", SERVER4, 0, MARTIAN),
    "multicast source": ("224.0.0.9", SERVER4, 0, MARTIAN),
    "broadcast source": ("255.255.255.255", SERVER4, 0, MARTIAN),
    "strict rp_filter": (FAR4, SERVER4, 1, ("EINVAL", {"TcpExtIPReversePathFilter": 1}, None)),
    "loose rp_filter": (FAR4, SERVER4, 2, ("EINVAL", {"TcpExtIPReversePathFilter": 1}, None)),
    "not our address": (PEER4, "10.77.0.99", 0, ("EHOSTUNREACH", {"IpInAddrErrors": 1}, None)),
    "not our network": (PEER4, FAR4, 0, ("EHOSTUNREACH", {"IpInAddrErrors": 1}, None)),
    "broadcast": (PEER4, "10.77.0.255", 0, BROADCAST),
    "limited broadcast": (PEER4, "255.255.255.255", 0, BROADCAST),
    "multicast": (PEER4, "224.0.0.9", 0, MARTIAN),
}


@pytest.mark.parametrize("case", WAYS_IN)
def test_way_in(lab, port, case):
    """RTM_GETROUTE with an input interface says what happens to a SYN of IPv4: local to one that arrives, broadcast to
    one that the listener drops (with ListenDrops), EINVAL to a martian or rp_filter (only this one counts, in
    IPReversePathFilter; before some version between 6.12 and 6.18 EXDEV), EHOSTUNREACH to an address that is not ours with forwarding off (IpInAddrErrors).

    Kernel: inet_rtm_getroute, ip_route_input_rcu, fib_validate_source
    Causes: martian, reverse-path, not-our-address, not-for-us, dnat-to-loopback
    """
    source, addr, rp_filter, want = WAYS_IN[case]
    lab.listen(port)
    lab.server.sysctl("net.ipv4.conf.eth0.rp_filter", rp_filter)
    if "rp_filter" in case and not new("RTM_GETROUTE says EINVAL of rp_filter"):
        want = ("EXDEV", *want[1:])
    assert way_in(lab, source, addr, port) == want


WAYS_IN_6 = {       # source, destination: the word of RTM_GETROUTE, what moves, what a SYN gets
    "ordinary": (PEER6, SERVER6, ACCEPTED),
    "loopback source": ("::1", SERVER6, ("local", {}, None)),
    "multicast source": ("ff02::1", SERVER6, ("local", {}, None)),
    "not our address": (PEER6, "fd77::99", ("unicast", {"Ip6InAddrErrors": 1}, None)),
    "not our network": (PEER6, FAR6, ("ENETUNREACH", {"Ip6InNoRoutes": 1, "Icmp6OutDestUnreachs": 1}, None)),
}


@pytest.mark.parametrize("case", WAYS_IN_6)
def test_way_in_ipv6(lab, port, case):
    """For IPv6 RTM_GETROUTE with an input interface does not check the source, and says of an address that is not ours
    what forwarding would do, although forwarding is off: unicast (then Ip6InAddrErrors rises) or ENETUNREACH (then an
    ICMPv6 error goes out, and Ip6InNoRoutes rises).

    Kernel: inet6_rtm_getroute, ip6_forward, ip6_pkt_drop
    Causes: martian, not-our-address, forward-unreachable
    """
    source, addr, want = WAYS_IN_6[case]
    lab.listen(port, addr="::")
    assert way_in(lab, source, addr, port) == want


@pytest.mark.parametrize("addr, want", [("10.77.0.99", "unicast"), (FAR4, "ENETUNREACH"), (SERVER4, "local")])
def test_way_in_of_a_router(lab, addr, want):
    """With forwarding on RTM_GETROUTE with an input interface says unicast for what would be forwarded and ENETUNREACH
    where there is no route.

    Kernel: ip_route_input_slow
    Causes: not-our-address, forward-unreachable, published-not-forwarded
    """
    lab.server.sysctl("net.ipv4.conf.all.forwarding", 1)
    assert lab.routes.ask(addr, source=CLIENT4, iif=lab.ifindex) == want


WAYS_BACK = {"none": "ENETUNREACH", "blackhole": "EINVAL", "unreachable": "EHOSTUNREACH", "prohibit": "EACCES",
             "unicast": "unicast"}


@pytest.mark.parametrize("peer, server", [(FAR4, SERVER4), (FAR6, SERVER6)])
@pytest.mark.parametrize("kind", WAYS_BACK)
def test_way_back(lab, kind, peer, server):
    """RTM_GETROUTE for output tells the kinds of no way back by errno: ENETUNREACH none, EINVAL blackhole, EHOSTUNREACH
    unreachable, EACCES prohibit.

    Kernel: fib_props, ip6_route_output
    Causes: no-route-back
    """
    if kind != "none":
        dev = " dev eth0" if kind == "unicast" else ""
        lab.server.ip(f"route add {kind} {peer}/{128 if ':' in peer else 32}{dev}")
    assert lab.routes.ask(peer, source=server) == WAYS_BACK[kind]


NOWHERE = {SERVER4: ("10.77.0.60", FAR4), SERVER6: ("fd77::60", FAR6)}


@BOTH
@pytest.mark.parametrize("gateway", [False, True])
def test_next_hop_dead(lab, port, gateway, server):
    """While the next hop of the way back does not answer, its neighbour entry is INCOMPLETE and SYN_RECV exists,
    without a SYN-ACK on the wire; after the third question (3 s) it is FAILED, and over IPv4 SYN_RECV goes and the
    listener's drops and ListenDrops rise, over IPv6 it stays.

    Kernel: neigh_timer_handler, arp_error_report, tcp_v4_err, tcp_req_err
    Causes: next-hop-dead, firewall-drop-reply, syn-queue-full, no-route-back
    """
    hop, far = NOWHERE[server]
    lab.server.sysctl(f"net.{'ipv6' if ':' in server else 'ipv4'}.neigh.eth0.retrans_time_ms", HOP_RETRY_MS)
    if gateway:
        lab.server.ip(f"route add {far} via {hop}")
    lab.listen(port, addr=everywhere(server))
    peer = lab.peer(port, addr=far if gateway else hop, server=server)
    with lab.counted(port, family_of(server)) as moved:
        peer.send("SYN")
        assert eventually(lambda: lab.routes.neighbour(hop, lab.ifindex) == NUD_INCOMPLETE)
        assert lab.diag.look_up(*peer.four_tuple(), lab.ifindex).state == SYN_RECV
        assert eventually(lambda: lab.routes.neighbour(hop, lab.ifindex) == NUD_FAILED, 4.0)
        assert peer.answer(0.05) is None
    four = ":" not in server
    assert (moved.get("d"), moved.get(LD)) == ((1, 1) if four else (None, None))
    assert lab.diag.look_up(*peer.four_tuple(), lab.ifindex).state == (LISTEN if four else SYN_RECV)


def test_neighbours(lab):
    """RTM_GETNEIGH finds one entry by address and interface; ENOENT says that there is none.

    Kernel: neigh_get
    Causes: next-hop-dead, published-target-dead
    """
    for addr in (PEER4, PEER6):
        assert lab.routes.neighbour(addr, lab.ifindex) == NUD_PERMANENT
    for addr in ("10.77.0.99", "fd77::99"):
        assert lab.routes.neighbour(addr, lab.ifindex) == "ENOENT"


def test_loopback_interface_is_1(lab):
    """The loopback interface has index 1 in every network namespace.

    Kernel: loopback_net_init, LOOPBACK_IFINDEX
    Causes: loopback-only, no-listener, firewall-drop
    """
    for host in (lab.server, lab.client):
        with host:
            assert socket.if_nametoindex("lo") == 1


REJECTED = {        # what a rule answers our own SYN-ACK with: whether that ends SYN_RECV
    SERVER4: {"icmp port-unreachable": False, "icmp admin-prohibited": False, "icmp host-unreachable": True,
              "icmp net-unreachable": True},
    SERVER6: {"icmpv6 port-unreachable": True, "icmpv6 admin-prohibited": True, "icmpv6 addr-unreachable": False,
              "icmpv6 no-route": False},
}


@pytest.mark.parametrize("server, what", [(server, what) for server in REJECTED for what in REJECTED[server]])
def test_icmp_error_about_our_answer(lab, port, server, what):
    """An ICMP error about our SYN-ACK ends SYN_RECV and adds to the listener's drops and ListenDrops, as if a queue
    were full, when it is net- or host-unreachable over IPv4, port-unreachable or admin-prohibited over IPv6; any
    other leaves SYN_RECV.

    Kernel: tcp_v4_err, tcp_v6_err, tcp_req_err
    Causes: firewall-drop-reply, peer-firewall, next-hop-dead, syn-queue-full
    """
    lab.listen(port, addr=everywhere(server))
    lab.rule("out", f"tcp sport {port} reject with {what}")
    peer = lab.peer(port, server=server)
    with lab.counted(port, family_of(server)) as moved:
        peer.send("SYN")
        assert peer.answer() is None
    ends = REJECTED[server][what]
    assert (moved.get("d"), moved.get(LD)) == ((1, 1) if ends else (None, None))
    assert lab.diag.look_up(*peer.four_tuple(), lab.ifindex).state == (LISTEN if ends else SYN_RECV)


LOST = {        # what keeps the RST from leaving: whether OutRsts counts it, over IPv4 and IPv6
    "rule": (True, True),
    "dead next hop": (True, True),
    "no route": (True, False),
}


@BOTH
@pytest.mark.parametrize("case", LOST)
def test_reset_that_never_left(lab, port, case, server):
    """OutRsts counts a refusal that does not reach the wire too, when a rule drops it on its way out or the next hop is
    dead; without a route back it does so over IPv4 only.

    Kernel: tcp_v4_send_reset, tcp_v6_send_response
    Causes: next-hop-dead, firewall-drop-reply, firewall-drop, no-route-back
    """
    source = None
    if case == "rule":
        lab.rule("out", f"tcp sport {port} drop")
    else:
        source = NOWHERE[server][case == "no route"]
    peer = lab.peer(port, addr=source, server=server)
    with lab.counted() as moved:
        peer.send("SYN")
        assert peer.answer(0.15) is None
    assert moved.get("TcpOutRsts", 0) == LOST[case][":" in server]
