"""SYNs that get no answer: which counters tell who dropped them, and whether it reached the listener."""
import hashlib
import socket
import struct

import pytest

from diag import LISTEN, SYN_RECV
from ground import BOTH, attach_filter, everywhere, family_of
from lab import SERVER4, SERVER6
from pace import eventually
from peer import MSS, tcp_header

LD = "TcpExtListenDrops"
TCP_MD5SIG, IP_MINTTL, IPV6_MINHOPCOUNT = 14, 21, 73
KEY, WRONG_KEY = b"right", b"wrong"


def silent(lab, peer, **more):
    """Send one SYN, see no answer, and return what moved."""
    with lab.counted(peer.port, family_of(peer.server)) as moved:
        peer.send("SYN", **more)
        assert peer.answer(0.15) is None
    return moved


FAR4, FAR6 = "192.0.2.9", "2001:db8::9"
NO_WAY = {"none": None, "blackhole": "blackhole", "unreachable": "unreachable", "prohibit": "prohibit"}


@pytest.mark.parametrize("kind", NO_WAY)
def test_no_route_back(lab, port, kind):
    """Without a route to the peer, or with one of type blackhole, unreachable or prohibit, a SYN gets no answer and
    adds one to the listener's drops, ListenDrops and IpOutNoRoutes.

    Kernel: tcp_conn_request, inet_csk_route_req
    Causes: no-route-back, syn-queue-full
    """
    lab.listen(port)
    if NO_WAY[kind]:
        lab.server.ip(f"route add {NO_WAY[kind]} {FAR4}/32")
    assert silent(lab, lab.peer(port, addr=FAR4)) == {"d": 1, LD: 1, "IpOutNoRoutes": 1}


@pytest.mark.parametrize("kind", NO_WAY)
def test_no_route_back_ipv6(lab, port, kind):
    """Over IPv6 a SYN without a way back adds one to the listener's drops and ListenDrops, and to Ip6OutNoRoutes only
    when there is no route at all, not for blackhole, unreachable or prohibit.

    Kernel: tcp_conn_request, inet6_csk_route_req
    Causes: no-route-back, syn-queue-full
    """
    lab.listen(port, addr="::")
    if NO_WAY[kind]:
        lab.server.ip(f"route add {NO_WAY[kind]} {FAR6}/128")
    moved = silent(lab, lab.peer(port, addr=FAR6, server=SERVER6))
    assert moved == {"d": 1, LD: 1} | ({"Ip6OutNoRoutes": 1} if kind == "none" else {})


def md5_key(addr, key):
    """setsockopt() arguments that expect TCP-MD5 with this key from addr: struct tcp_md5sig."""
    if ":" in addr:
        where = struct.pack("=HHI16sI", socket.AF_INET6, 0, 0, socket.inet_pton(socket.AF_INET6, addr), 0)
    else:
        where = struct.pack("=HH4s", socket.AF_INET, 0, socket.inet_aton(addr))
    return socket.IPPROTO_TCP, TCP_MD5SIG, where.ljust(128, b"\0") + struct.pack("=BBHi80s", 0, 0, len(key), 0, key)


def signed(peer, key):
    """Options of a SYN with a TCP-MD5 signature (RFC 2385)."""
    size = len(MSS) + 20
    head = tcp_header(peer.source_port, peer.port, 0x02, peer.seq, 0, bytes(size), 64240)[:20]
    kind = family_of(peer.addr)
    ends = socket.inet_pton(kind, peer.addr) + socket.inet_pton(kind, peer.server)
    pseudo = struct.pack("!II", 20 + size, 6) if ":" in peer.addr else struct.pack("!BBH", 0, 6, 20 + size)
    return MSS + b"\x13\x12" + hashlib.md5(ends + pseudo + head + key).digest() + b"\1\1"


MD5 = {     # what the listener expects, what the SYN has, the counter
    "missing": (KEY, None, "TcpExtTCPMD5NotFound"),
    "unexpected": (None, KEY, "TcpExtTCPMD5Unexpected"),
    "wrong": (KEY, WRONG_KEY, "TcpExtTCPMD5Failure"),
}


@BOTH
@pytest.mark.parametrize("case", MD5)
def test_tcp_md5(lab, port, case, server):
    """A SYN whose TCP-MD5 signature is missing, unexpected or wrong gets no answer and adds one to the listener's
    drops and to TCPMD5NotFound, TCPMD5Unexpected or TCPMD5Failure; ListenDrops stands still.

    Kernel: tcp_inbound_hash
    Causes: tcp-md5
    """
    expected, sent, counter = MD5[case]
    peer = lab.peer(port, server=server)
    lab.listen(port, addr=everywhere(server), options=[md5_key(peer.addr, expected)] if expected else [])
    assert silent(lab, peer, options=signed(peer, sent) if sent else None) == {"d": 1, counter: 1}


@BOTH
def test_tcp_md5_right(lab, port, server):
    """A SYN with the right TCP-MD5 signature is answered (else the tests above prove nothing).

    Kernel: tcp_inbound_hash
    Causes: tcp-md5
    """
    peer = lab.peer(port, server=server)
    lab.listen(port, addr=everywhere(server), options=[md5_key(peer.addr, KEY)])
    peer.send("SYN", options=signed(peer, KEY))
    assert peer.answer(1.0).flags == "SYN-ACK"


@pytest.mark.parametrize("server, option", [
    (SERVER4, (socket.IPPROTO_IP, IP_MINTTL, 255)),
    (SERVER6, (socket.IPPROTO_IPV6, IPV6_MINHOPCOUNT, 255)),
])
def test_min_ttl(lab, port, server, option):
    """A SYN with a smaller TTL than IP_MINTTL (IPV6_MINHOPCOUNT) gets no answer and adds one to the listener's drops
    and TCPMinTTLDrop; ListenDrops stands still.

    Kernel: tcp_v4_rcv, tcp_v6_rcv
    Causes: min-ttl
    """
    lab.listen(port, addr=everywhere(server), options=[option])
    assert silent(lab, lab.peer(port, server=server), ttl=254) == {"d": 1, "TcpExtTCPMinTTLDrop": 1}
    near = lab.peer(port, server=server)
    near.send("SYN", ttl=255)
    assert near.answer(1.0).flags == "SYN-ACK"


@BOTH
def test_socket_filter(lab, port, server):
    """A SYN that a socket filter drops gets no answer and adds one to the listener's drops, and nothing else moves.

    Kernel: tcp_filter, sk_filter_trim_cap
    Causes: bpf-drop
    """
    attach_filter(lab.listen(port, addr=everywhere(server)), [(0x06, 0, 0, 0)])     # ret 0
    assert silent(lab, lab.peer(port, server=server)) == {"d": 1}


HOOKS = {
    "input": "table inet t { chain c { type filter hook input priority 0; tcp dport %d drop; }; }",
    "prerouting": "table inet t { chain c { type filter hook prerouting priority -300; tcp dport %d drop; }; }",
    "policy": "table inet t { chain c { type filter hook input priority 0; policy drop; tcp dport != %d accept; }; }",
    "ingress": "table netdev t { chain c { type filter hook ingress device eth0 priority 0; tcp dport %d drop; }; }",
}


@BOTH
@pytest.mark.parametrize("hook", HOOKS)
def test_firewall_drop(lab, port, hook, server):
    """A SYN that a rule drops on its way in gets no answer and moves neither the listener's drops nor any counter.

    Kernel: nf_hook_slow, nft_do_chain
    Causes: firewall-drop, conntrack-full, nfqueue-dead
    """
    lab.listen(port, addr=everywhere(server))
    lab.server.nft(HOOKS[hook] % port)
    peer = lab.peer(port, server=server)
    assert silent(lab, peer) == {}
    assert lab.diag.look_up(*peer.four_tuple(), lab.ifindex).state == LISTEN


def test_reverse_path(lab, port):
    """With strict rp_filter a SYN whose source is routed elsewhere adds one to IPReversePathFilter; it does not reach
    the listener, whose drops stand still.

    Kernel: fib_validate_source, ip_rcv_finish_core
    Causes: reverse-path
    """
    lab.listen(port)
    lab.server.ip(f"route add {FAR4}/32 dev lo")
    lab.server.sysctl("net.ipv4.conf.eth0.rp_filter", 1)
    assert silent(lab, lab.peer(port, addr=FAR4)) == {"TcpExtIPReversePathFilter": 1}


@pytest.mark.parametrize("action", ["drop", "reject with icmp port-unreachable"])
def test_answer_dropped_on_its_way_out(lab, port, action):
    """When a rule drops or rejects the SYN-ACK in output, SYN_RECV exists, the wire shows no SYN-ACK, and the
    listener's drops stand still.

    Kernel: tcp_v4_send_synack, __ip_local_out
    Causes: firewall-drop-reply, bpf-drop
    """
    lab.listen(port)
    lab.rule("out", f"tcp sport {port} {action}")
    peer = lab.peer(port)
    assert silent(lab, peer) == ({"IcmpOutMsgs": 1} if "reject" in action else {})      # that one to itself
    assert lab.diag.look_up(*peer.four_tuple(), lab.ifindex).state == SYN_RECV


@pytest.mark.parametrize("dropped", [True, False])
def test_retransmission_of_the_answer(lab, port, dropped):
    """When nobody acknowledges the SYN-ACK, TCPTimeouts rises after a second; RetransSegs and TCPSynRetrans rise with
    it only if the SYN-ACK got past the rules of this host.

    Kernel: reqsk_timer_handler, tcp_rtx_synack
    Causes: firewall-drop-reply, peer-silent, reply-lost
    """
    lab.listen(port)
    if dropped:
        lab.rule("out", f"tcp sport {port} drop")
    peer = lab.peer(port)
    names = ["TcpExtTCPTimeouts", "TcpRetransSegs", "TcpExtTCPSynRetrans"]
    before = lab.server.counters()
    peer.send("SYN")
    assert eventually(lambda: lab.server.counters()[names[0]] > before[names[0]], 3.0)
    after = lab.server.counters()
    assert [after[name] - before[name] for name in names] == [1, int(not dropped), int(not dropped)]
    assert len(peer.answers()) == (0 if dropped else 2)
