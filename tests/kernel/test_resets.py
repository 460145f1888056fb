"""Resets: what each looks like on the wire, and which counters tell who sent it and why."""
import os
import socket
import struct

import pytest

from ground import BOTH, pause, readable
from lab import CLIENT4, SERVER4, SERVER6, Namespace, _names
from pace import eventually
from peer import MSS, timestamps

LINGER_0 = socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
RST, ESTAB = "TcpOutRsts", "TcpEstabResets"
ON_CLOSE, ON_DATA, ON_TIMEOUT = "TcpExtTCPAbortOnClose", "TcpExtTCPAbortOnData", "TcpExtTCPAbortOnTimeout"
WITH_STAMPS = MSS + timestamps(1000)



def refuse(lab, peer, **syn):
    """The answer to a SYN, and what moved."""
    with lab.counted() as moved:
        peer.send("SYN", **syn)
        answer = peer.answer(1.0)
    assert (answer.flags, answer.seq, answer.ack, answer.window) == ("RST-ACK", 0, 1001, 0)
    assert (answer.options, answer.data) == (b"", b"")
    return answer, moved


@BOTH
def test_refused_by_the_stack(lab, port, server):
    """A SYN to a closed port is answered by a RST-ACK with window 0, counted in OutRsts.

    Kernel: tcp_v4_send_reset, tcp_v6_send_reset
    Causes: no-listener, loopback-only, other-address, ipv6-only, ipv4-only, other-device, not-listening, outgoing-port,
            udp-only, too-early, restarting, listener-gone, steered-away, firewall-reset
    """
    _answer, moved = refuse(lab, lab.peer(port, server=server))
    assert moved == {RST: 1}


@BOTH
def test_refused_by_a_rule(lab, port, server):
    """nftables' `reject with tcp reset` answers with the same RST-ACK and leaves OutRsts unchanged.

    Kernel: nf_send_reset, nf_send_reset6
    Causes: firewall-reset, no-listener, published-no-listener
    """
    lab.rule("in", f"tcp dport {port} reject with tcp reset")
    _answer, moved = refuse(lab, lab.peer(port, server=server))
    assert moved == {}


def by_both(lab, port, server, tos):
    """The stack's RST and netfilter's to the same SYN."""
    peer = lab.peer(port, server=server)
    by_stack, _ = refuse(lab, peer, seq=1000, tos=tos)
    lab.rule("in", f"tcp dport {port} reject with tcp reset")
    by_rule, _ = refuse(lab, peer, seq=1000, tos=tos)
    return by_stack, by_rule


def test_refusals_are_alike_over_ipv4(lab, port):
    """Over IPv4 the stack's RST and netfilter's are the same bytes when the SYN's TOS is 0; else the stack's has the
    SYN's TOS and netfilter's has 0.

    Kernel: tcp_v4_send_reset, nf_reject_iphdr_put
    Causes: firewall-reset, no-listener
    """
    by_stack, by_rule = by_both(lab, port, SERVER4, tos=0)
    assert by_stack == by_rule
    by_stack, by_rule = by_both(lab, port + 10000, SERVER4, tos=0x10)
    assert (by_stack.tos, by_rule.tos) == (0x10, 0)


def test_refusals_over_ipv6(lab, port):
    """Over IPv6 the stack's RST has a flow label and netfilter's has none.

    Kernel: tcp_v6_send_response, nf_reject_ip6hdr_put
    Causes: firewall-reset, no-listener
    """
    by_stack, by_rule = by_both(lab, port, SERVER6, tos=0)
    assert by_stack.flow_label != 0 and by_rule.flow_label == 0


def test_refused_behind_this_host(lab, port):
    """A refusal from a namespace behind this host (DNAT to a container) has a TTL one less and leaves OutRsts
    unchanged.

    Kernel: ip_forward, nf_nat_inet_fn
    Causes: published-no-listener, published-loopback-only, firewall-reset
    """
    inner = Namespace(f"twlab-{os.getpid()}-{next(_names)}-c")
    lab.on_exit(inner.delete)
    lab.server.ip(f"link add inner type veth peer name eth0 netns {inner.name}", "address add 10.79.0.1/24 dev inner",
                  "link set inner up")
    inner.ip("address add 10.79.0.2/24 dev eth0", "link set eth0 up", "route add default via 10.79.0.1")
    lab.server.sysctl("net.ipv4.conf.all.forwarding", 1)
    lab.server.nft("table ip n { chain c { type nat hook prerouting priority -100; "
                   f"tcp dport {port} dnat to 10.79.0.2; }}; }}")
    answer, moved = refuse(lab, lab.peer(port))
    assert (answer.ttl, moved) == (63, {})


def close(_lab, _peer, conn):
    conn.close()


def data(_lab, peer, conn):
    peer.send("PSH-ACK", b"unread")
    readable(conn)


def data_and_fin(lab, peer, conn):
    data(lab, peer, conn)
    peer.send("FIN-ACK")
    pause(0.05)


def fin(_lab, peer, conn):
    peer.send("FIN-ACK")
    readable(conn)


def linger(_lab, _peer, conn):
    conn.setsockopt(*LINGER_0)
    conn.close()


def destroy(lab, peer, conn):
    assert lab.diag.destroy(*peer.four_tuple(), lab.ifindex) == ""


ABORTS = {      # what happens before, what ends it, what is counted besides OutRsts and EstabResets
    "close, unread data": (data, close, {ON_CLOSE: 1}),
    "close, unread data and FIN": (data_and_fin, close, {ON_CLOSE: 1}),
    "SO_LINGER 0": (None, linger, {ON_DATA: 1}),
    "SO_LINGER 0 after the peer's FIN": (fin, linger, {ON_DATA: 1}),
    "SO_LINGER 0, unread data": (data, linger, {ON_CLOSE: 1}),
    "ss -K": (None, destroy, {}),
    "ss -K, unread data": (data, destroy, {}),
}


@BOTH
@pytest.mark.parametrize("case", ABORTS)
def test_aborts(lab, port, case, server):
    """An abort is a RST-ACK with a window and timestamps, counted in OutRsts and EstabResets; unread data adds
    TCPAbortOnClose, even with SO_LINGER 0, SO_LINGER 0 without adds TCPAbortOnData, and SOCK_DESTROY adds neither.

    Kernel: __tcp_close, tcp_disconnect, tcp_abort, tcp_send_active_reset
    Causes: abort-unread-data, abort-linger, process-died, socket-destroyed
    """
    before, end, counted = ABORTS[case]
    _listener, peer, conn = lab.connected(port, server=server, options=WITH_STAMPS)
    if before:
        before(lab, peer, conn)
    with lab.counted() as moved:
        end(lab, peer, conn)
        answer = peer.answer(1.0, "RST-ACK")
    assert answer and answer.window > 0 and b"\x08\x0a" in answer.options
    assert moved == {RST: 1, ESTAB: 1} | counted


def test_linger_without_a_reset(lab, port):
    """SO_LINGER 0 on a connection of ours that was not answered yet adds to TCPAbortOnData without a RST; on one that
    the peer has reset it does not.

    Kernel: __tcp_close, tcp_need_reset
    Causes: abort-linger
    """
    lab.rule("in", f"tcp dport {port} drop", host=lab.client)
    calling = lab.new_socket()
    calling.setblocking(False)
    calling.connect_ex((CLIENT4, port))
    _listener, peer, conn = lab.connected(port)
    peer.send("RST-ACK")
    pause(0.05)
    for ended, counted in ((calling, {ON_DATA: 1}), (conn, {})):
        ended.setsockopt(*LINGER_0)
        with lab.counted() as moved:
            ended.close()
        assert moved == counted


def test_queue_discarded(lab, port):
    """close() of a listener resets the connections that wait in its queue, by RST-ACKs with a window, counted in
    OutRsts and EstabResets only, whether there is data in them or not.

    Kernel: inet_csk_listen_stop, inet_child_forget, tcp_disconnect
    Causes: queue-discarded, process-died, listener-gone
    """
    listener = lab.listen(port)
    idle, busy = lab.peer(port).connect(), lab.peer(port).connect()
    busy.send("PSH-ACK", b"unread")
    busy.answer()
    with lab.counted() as moved:
        listener.close()
        answers = [peer.answer(1.0, "RST-ACK") for peer in (idle, busy)]
    assert all(answer and answer.window > 0 for answer in answers)
    assert moved == {RST: 2, ESTAB: 2}


@pytest.mark.parametrize("unread", [True, False])
def test_killed(lab, port, unread):
    """SIGKILL closes a connection as close() does: with unread data by RST-ACK and TCPAbortOnClose, without by FIN.

    Kernel: exit_files, __tcp_close
    Causes: process-died, abort-unread-data, closed-early
    """
    server = lab.serve(port, mode="keep-unread")
    peer = lab.peer(port).connect()
    if unread:
        peer.send("PSH-ACK", b"unread")
        peer.answer()
    pause(0.1)     # it has accepted
    with lab.counted() as moved:
        server.kill()
        answer = peer.answer(1.0)
    assert answer.flags == ("RST-ACK" if unread else "FIN-ACK")
    assert moved == ({RST: 1, ESTAB: 1, ON_CLOSE: 1} if unread else {})


@pytest.mark.parametrize("acked", [False, True])
def test_sent_after_close(lab, port, acked):
    """Data after our close() is answered by a bare RST with window 0; as long as our FIN is not acknowledged that adds
    to TCPAbortOnData too, like SO_LINGER 0, though not to EstabResets.

    Kernel: tcp_rcv_state_process (FIN_WAIT1), tcp_timewait_state_process
    Causes: sent-after-close, abort-linger
    """
    _listener, peer, conn = lab.connected(port)
    conn.close()
    assert peer.answer(1.0).flags == "FIN-ACK"
    with lab.counted() as moved:
        if acked:
            peer.send("ACK")
        peer.send("PSH-ACK", b"late", ack=peer.next_ack if acked else peer.next_ack - 1)
        answer = peer.answer(1.0)
    assert (answer.flags, answer.window) == ("RST", 0)
    assert moved == ({RST: 1} if acked else {RST: 1, ON_DATA: 1})


def test_keepalive_timeout(lab, port):
    """When keepalive probes stay unanswered, a RST-ACK with a window is sent and TCPAbortOnTimeout rises.

    Kernel: tcp_keepalive_timer
    Causes: keepalive-timeout
    """
    _listener, peer, conn = lab.connected(port)
    for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT):
        conn.setsockopt(socket.IPPROTO_TCP, option, 1)
    next_seq = peer.next_ack
    with lab.counted() as moved:
        conn.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        probe, reset = peer.answer(1.5), peer.answer(1.5)
    assert (probe.flags, probe.seq, probe.data) == ("ACK", next_seq - 1, b"")
    assert (reset.flags, reset.seq) == ("RST-ACK", next_seq) and reset.window > 0
    assert moved == {RST: 1, ESTAB: 1, ON_TIMEOUT: 1}


def timed_out(lab):
    return lab.server.counters()[ON_TIMEOUT] > 0


def test_retransmission_timeout(lab, port):
    """When data stays unacknowledged, TCPAbortOnTimeout rises and nothing is sent; the peer's next segment gets a bare
    RST with window 0.

    Kernel: tcp_retransmit_timer, tcp_write_timeout, tcp_write_err
    Causes: retransmit-timeout, stale-connection
    """
    lab.server.sysctl("net.ipv4.tcp_retries2", 1)
    _listener, peer, conn = lab.connected(port)
    with lab.counted() as moved:
        conn.send(b"data")
        assert eventually(lambda: timed_out(lab), 4.0)
        assert {segment.flags for segment in peer.answers()} == {"PSH-ACK"}
    assert moved == {ESTAB: 1, ON_TIMEOUT: 1}
    with lab.counted() as moved:
        peer.send("ACK")
        answer = peer.answer(1.0)
    assert (answer.flags, answer.window) == ("RST", 0) and moved == {RST: 1}


STRAYS = {      # a segment of a connection that is not there: the answer's flags, sequence number and ACK
    "ACK": ("ACK", b"", ("RST", 777, 0)),
    "data": ("PSH-ACK", b"abc", ("RST", 777, 0)),
    "SYN-ACK": ("SYN-ACK", b"", ("RST", 777, 0)),
    "data without ACK": ("PSH", b"abc", ("RST-ACK", 0, 1003)),
    "RST": ("RST", b"", None),
}


@pytest.mark.parametrize("listening", [False, True])
@pytest.mark.parametrize("case", STRAYS)
def test_stray_segments(lab, port, case, listening):
    """A segment with an ACK for an unknown connection gets a bare RST with that sequence number and window 0, whether
    somebody listens or not; without an ACK it gets a RST-ACK, and from a listener nothing; a RST gets nothing.

    Kernel: tcp_v4_send_reset, tcp_rcv_state_process (LISTEN)
    Causes: stale-connection, stray-segment, odd-flags
    """
    what, payload, expected = STRAYS[case]
    if listening:
        lab.listen(port)
    peer = lab.peer(port)
    with lab.counted() as moved:
        peer.send(what, payload, ack=777 if "ACK" in what else 0)
        answer = peer.answer()
    expected = None if listening and what == "PSH" else expected
    assert (answer and (answer.flags, answer.seq, answer.ack)) == expected
    assert moved == ({RST: 1} if expected else {})
