"""Segments that are damaged, odd, late or not meant for this host: what is counted and what is answered."""

import pytest

from diag import ESTABLISHED, LISTEN, SYN_RECV, TIME_WAIT
from ground import BOTH, everywhere, family_of, pause
from history import new
from lab import SERVER6
from pace import eventually
from peer import MSS, timestamps

OTHER_MAC, BROADCAST_MAC = "02:00:00:00:00:99", "ff:ff:ff:ff:ff:ff"
CSUM = "TcpInCsumErrors"
PAWS_TIMEWAIT, PAWS_ESTAB = "TcpExtPAWSTimewait", "TcpExtPAWSEstab"


def sent(lab, peer, what="SYN", count=True, **more):
    """What a segment moves and what answers it."""
    with lab.counted(peer.port if count else None, family_of(peer.server)) as moved:
        peer.send(what, **more)
        answer = peer.answer(0.15)
    return moved, answer and answer.flags


@BOTH
def test_bad_tcp_checksum(lab, port, server):
    """A SYN with a wrong TCP checksum gets no answer and counts in TcpInCsumErrors; it does not reach the listener.

    Kernel: tcp_v4_rcv, tcp_v6_rcv (csum_error)
    Causes: bad-checksum
    """
    lab.listen(port, addr=everywhere(server))
    assert sent(lab, lab.peer(port, server=server), spoil=0x0101) == ({CSUM: 1}, None)


def test_bad_ip_checksum(lab, port):
    """A SYN with a wrong IPv4 header checksum gets no answer and counts in IpExtInCsumErrors and IpInHdrErrors.

    Kernel: ip_rcv_core
    Causes: bad-checksum
    """
    lab.listen(port)
    assert sent(lab, lab.peer(port), spoil_ip=0x0101) == ({"IpExtInCsumErrors": 1, "IpInHdrErrors": 1}, None)


def test_ipv6_disabled(lab, port):
    """With disable_ipv6 on the interface a SYN over IPv6 gets no answer and counts in Ip6InDiscards, as every packet of
    IPv6 does, neighbour discovery as well.

    Kernel: ip6_rcv_core
    Causes: ipv6-disabled
    """
    lab.listen(port, addr="::")
    peer = lab.peer(port, server=SERVER6)
    lab.server.sysctl("net.ipv6.conf.eth0.disable_ipv6", 1)
    moved, answer = sent(lab, peer)
    assert answer is None
    assert moved.keys() == {"Ip6InDiscards"}


@BOTH
@pytest.mark.parametrize("mac", [OTHER_MAC, BROADCAST_MAC])
def test_not_for_us(lab, port, mac, server):
    """A SYN to our address in a frame for another MAC address or for all gets no answer and moves no counter, whether
    somebody listens or not.

    Kernel: eth_type_trans, ip_rcv_core, tcp_v4_rcv (pkt_type)
    Causes: not-for-us
    """
    assert sent(lab, lab.peer(port, server=server, mac=mac), count=False) == ({}, None)
    lab.listen(port, addr=everywhere(server))
    assert sent(lab, lab.peer(port, server=server, mac=mac)) == ({}, None)


ODD = {     # flags: the answer of a listener, of a closed port
    "SYN-FIN": (None, "RST-ACK"),
    "": (None, "RST-ACK"),
    "FIN": (None, "RST-ACK"),
    "FIN-PSH-URG": (None, "RST-ACK"),
    "SYN-RST": (None, None),
    "SYN-ACK": ("RST", "RST"),
    "SYN-PSH": ("SYN-ACK", "RST-ACK"),
}


@BOTH
@pytest.mark.parametrize("flags", ODD)
def test_odd_flags(lab, port, flags, server):
    """A listener drops SYN+FIN, NULL, FIN, Xmas and SYN+RST without an answer, counted in its own drops alone; a closed
    port answers all but SYN+RST with a RST. SYN+ACK gets a RST either way, and is not counted in the drops.

    Kernel: tcp_rcv_state_process (LISTEN), tcp_v4_send_reset
    Causes: odd-flags, stray-segment
    """
    by_listener, by_nobody = ODD[flags]
    moved, answer = sent(lab, lab.peer(port, server=server), flags, count=False)
    assert (moved, answer) == ({"TcpOutRsts": 1} if by_nobody else {}, by_nobody)
    lab.listen(port, addr=everywhere(server))
    moved, answer = sent(lab, lab.peer(port, server=server), flags)
    assert answer == by_listener
    assert moved == {None: {"d": 1}, "RST": {"TcpOutRsts": 1}, "SYN-ACK": {}}[answer]


@BOTH
@pytest.mark.parametrize("stamps", [False, True])
def test_syn_on_an_open_connection(lab, port, server, stamps):
    """A SYN on an established 4-tuple is answered by an ACK only and counts in TCPSYNChallenge; Q still says
    ESTABLISHED.

    Kernel: tcp_validate_incoming, tcp_send_challenge_ack
    Causes: duplicate-connection
    """
    options = MSS + (timestamps(1000) if stamps else b"")
    _listener, peer, _conn = lab.connected(port, server=server, options=options)
    pause(0.05)
    moved, answer = sent(lab, peer, seq=555555)
    assert (moved, answer) == ({"TcpExtTCPSYNChallenge": 1}, "ACK")
    assert lab.diag.look_up(*peer.four_tuple(), lab.ifindex).state == ESTABLISHED


def test_paws(lab, port):
    """A segment whose timestamp went backwards is dropped, answered by an ACK, and counts in PAWSEstab.

    Kernel: tcp_validate_incoming, tcp_paws_discard
    Causes: paws
    """
    _listener, peer, conn = lab.connected(port, options=MSS + timestamps(1000))
    peer.clock = 100
    moved, answer = sent(lab, peer, "PSH-ACK", data=b"old")
    assert (moved, answer) == ({"TcpExtPAWSEstab": 1}, "ACK")


def time_wait(lab, port, options):
    """A peer whose 4-tuple is in TIME_WAIT on the server."""
    _listener, peer, conn = lab.connected(port, options=options)
    conn.close()
    peer.answer(1.0, "FIN-ACK")
    peer.send("FIN-ACK")
    peer.answer(1.0, "ACK")
    assert eventually(lambda: lab.diag.look_up(*peer.four_tuple(), lab.ifindex).state == TIME_WAIT)
    return peer


PLAIN, OLD, STAMPED, NEW = MSS, MSS + timestamps(100), MSS + timestamps(1000), MSS + timestamps(9000)
REUSE = {       # options then, sequence number and options of the SYN: what moves, the answer, what Q says
    "newer sequence": (PLAIN, 90000, PLAIN, {}, "SYN-ACK", SYN_RECV),
    "older sequence": (PLAIN, 500, PLAIN, {}, "ACK", TIME_WAIT),
    "older sequence, newer timestamp": (STAMPED, 500, NEW, {}, "SYN-ACK", SYN_RECV),
    "newer sequence, older timestamp": (STAMPED, 90000, OLD, {PAWS_TIMEWAIT: 1}, "ACK", TIME_WAIT),
}


@pytest.mark.parametrize("case", REUSE)
def test_syn_on_time_wait(lab, port, case):
    """A SYN on a 4-tuple in TIME_WAIT is accepted if its sequence number or timestamp is newer; with an older one it is
    answered by an ACK and Q says TIME_WAIT; an older timestamp counts in PAWSTimewait (in PAWSEstab where there is no
    such counter).

    Kernel: tcp_timewait_state_process
    Causes: timewait-reuse
    """
    then, seq, options, moves, wanted, state = REUSE[case]
    if PAWS_TIMEWAIT in moves and PAWS_TIMEWAIT not in lab.server.counters():
        moves = {PAWS_ESTAB: 1}
    peer = time_wait(lab, port, then)
    assert sent(lab, peer, seq=seq, options=options) == (moves, wanted)
    assert lab.diag.look_up(*peer.four_tuple(), lab.ifindex).state == state


@BOTH
def test_wrong_handshake_ack(lab, port, server):
    """A final ACK with a wrong number is answered by a bare RST; SYN_RECV stays, and the right ACK still completes it.

    Kernel: tcp_check_req
    Causes: stray-segment, peer-silent
    """
    listener = lab.listen(port, addr=everywhere(server))
    peer = lab.peer(port, server=server)
    peer.half_open()
    moved, answer = sent(lab, peer, "ACK", ack=777)
    assert (moved, answer) == ({"TcpOutRsts": 1}, "RST")
    peer.send("ACK")
    listener.accept()[0].close()


@BOTH
@pytest.mark.parametrize("exact", [True, False])
def test_reset_of_a_half_open_connection(lab, port, exact, server):
    """The peer's RST to our SYN-ACK ends SYN_RECV and counts in EmbryonicRsts, AttemptFails and the listener's drops;
    one with another sequence number in the window is answered by an ACK and counts in the drops alone (before some
    version between 6.1 and 6.12 it ends SYN_RECV as well).

    Kernel: tcp_check_req, tcp_v4_rcv (discard_and_relse)
    Causes: peer-reset, peer-firewall, accept-queue-full, syn-queue-full, no-route-back, tcp-md5, min-ttl, bpf-drop
    """
    ends = exact or not new("only an exact RST ends SYN_RECV")
    lab.listen(port, addr=everywhere(server))
    peer = lab.peer(port, server=server)
    peer.half_open()
    moved, answer = sent(lab, peer, "RST", seq=peer.seq if exact else peer.seq + 100)
    assert answer == (None if ends else "ACK")
    assert moved == {"d": 1} | ({"TcpExtEmbryonicRsts": 1, "TcpAttemptFails": 1} if ends else {})
    assert lab.diag.look_up(*peer.four_tuple(), lab.ifindex).state == (LISTEN if ends else SYN_RECV)
