"""The destroy multicast of sock_diag: a TCP socket's last words, sent when the last reference to it goes."""
import socket
import struct

import pytest

from diag import BOUND_INACTIVE, CLOSE, INET_DIAG_INFO, LISTEN, MSG, Destroyed
from ground import BOTH, as_nobody, attach_filter, everywhere, family_of, pause, readable
from history import new
from lab import CLIENT4
from pace import eventually, settle

LINGER_0 = socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
USER_TIMEOUT_MS = 300


@BOTH
@pytest.mark.parametrize("how", ["close", "SIGKILL"])
def test_listener(lab, port, server, how):
    """The message for a listener has no peer, inode 0, state CLOSE, and the cookie of the LISTEN dump, by which alone
    it can be told which listener it was.

    Kernel: inet_diag_handler_get_info, sock_diag_broadcast_destroy
    Causes: listener-gone, restarting, queue-discarded, process-died
    """
    made = lab.serve(port, addr=everywhere(server), mode="hold")
    row = lab.diag.listener(port, family_of(server))
    with lab.destroyed() as gone:
        made.kill() if how == "SIGKILL" else made.close_listener()
        last = gone.next(sport=port, dport=0)
    assert last and (last.cookie, last.family) == (row.cookie, row.family)
    assert (last.state, last.inode, last.rqueue) == (CLOSE, 0, 0)       # idiag_wqueue is 2 after shutdown()


def test_listener_is_held_by_half_open_connections(lab, port):
    """A half-open connection keeps its listener from being destroyed: the LISTEN row goes at once, the message comes
    when the half-open connection's timer fires, a second or more later.

    Kernel: reqsk_timer_handler, reqsk_put
    Causes: listener-gone, restarting, queue-discarded
    """
    listener = lab.listen(port)
    row = lab.diag.listener(port)
    lab.peer(port).half_open()
    with lab.destroyed() as gone:
        listener.close()
        assert lab.diag.dump(LISTEN, port=port) == []
        assert gone.next(0.4) is None
        assert gone.next(cookie=row.cookie)


def data(_lab, peer, conn):
    peer.send("PSH-ACK", b"unread")
    readable(conn)


def fin(_lab, peer, conn):
    peer.send("FIN-ACK")
    readable(conn)


def data_and_fin(lab, peer, conn):
    data(lab, peer, conn)
    peer.send("FIN-ACK")
    pause(0.05)


def reset(_lab, peer, _conn):
    peer.send("RST-ACK")
    pause(0.05)


def data_and_reset(lab, peer, conn):
    data(lab, peer, conn)
    reset(lab, peer, conn)


def unacked_and_reset(_lab, peer, conn):
    conn.send(b"data")
    peer.send("RST-ACK")
    pause(0.05)


def destroyed(lab, peer, _conn):
    lab.diag.destroy(*peer.four_tuple(), lab.ifindex)


def end_of_file(lab, peer, conn):
    fin(lab, peer, conn)
    assert conn.recv(1) == b""


def retransmissions(lab, _peer, conn):
    conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
    conn.send(b"data")
    assert eventually(lambda: timed_out(lab), 3.0)


def zero_window(lab, peer, conn):
    conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
    peer.send("ACK", window=0)
    pause(0.05)
    conn.send(b"data")
    assert eventually(lambda: timed_out(lab), 3.0)


def keepalive(lab, _peer, conn):
    for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT):
        conn.setsockopt(socket.IPPROTO_TCP, option, 1)
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    assert eventually(lambda: timed_out(lab), 3.0)


def timed_out(lab):
    return lab.server.counters()["TcpExtTCPAbortOnTimeout"] > 0


SOME = range(1, 256)
LAST_WORDS = {      # what happens before close(): unread and unacknowledged bytes, retransmissions, probes
    "unread data": (data, 6, 0, 0, 0),
    "unread data and FIN": (data_and_fin, 7, 0, 0, 0),
    "unread FIN": (fin, 1, 1, 0, 0),        # our own FIN is not acknowledged yet
    "FIN read": (end_of_file, 0, 1, 0, 0),
    "the peer's RST": (reset, 0, 0, 0, 0),
    "the peer's RST, unread data": (data_and_reset, 6, 0, 0, 0),
    "the peer's RST, unacknowledged data": (unacked_and_reset, 0, 4, 0, 0),
    "ss -K": (destroyed, 0, 0, 0, 0),
    "retransmission timeout": (retransmissions, 0, 4, SOME, 0),
    "zero window timeout": (zero_window, 0, 4, 0, SOME),    # before some version between 6.1 and 6.12 SOME, 0
    "keepalive timeout": (keepalive, 0, 0, 0, SOME),
}


@pytest.mark.parametrize("case", LAST_WORDS)
def test_last_words(lab, port, case):
    """The message comes at the last close(), not at a timeout or RST before it, and tells by idiag_rqueue the unread
    bytes (a FIN counts 1), by idiag_wqueue the unacknowledged ones, by tcp_info retransmissions and probes; after the
    peer's RST too, so that unread data does not prove that the RST was ours.

    Kernel: sk_free, tcp_diag_get_info, tcp_get_info
    Causes: abort-unread-data, process-died, keepalive-timeout, retransmit-timeout, peer-closed-abruptly
    """
    before, *want = LAST_WORDS[case]
    if before is zero_window and not new("a zero window's timeout is told by probes"):
        want = [0, 4, SOME, 0]
    _listener, peer, conn = lab.connected(port)
    with lab.destroyed() as gone:
        before(lab, peer, conn)
        assert gone.next(0.1) is None
        conn.close()
        if "FIN" in case:
            peer.send("RST-ACK")        # or the message would wait for our FIN to be acknowledged
        last = gone.next(dport=peer.source_port)
    assert (last.state, last.inode, last.sport, last.dst) == (CLOSE, 0, port, peer.addr)
    got = [last.rqueue, last.wqueue, last.info["retransmits"], last.info["probes"]]
    assert all(g == w or w is SOME and g in SOME for g, w in zip(got, want)), f"{got}, not {want}"


def we_first(_lab, peer, conn):
    conn.close()
    assert peer.answer(1.0).flags == "FIN-ACK"
    peer.send("ACK")
    peer.send("FIN-ACK")


def peer_first(_lab, peer, conn):
    peer.send("FIN-ACK")
    readable(conn)
    conn.close()
    assert peer.answer(1.0, "FIN-ACK")
    peer.send("ACK")


def both_at_once(_lab, peer, conn):
    conn.close()
    assert peer.answer(1.0).flags == "FIN-ACK"
    peer.send("FIN-ACK", ack=peer.next_ack - 1)
    peer.send("ACK")


@BOTH
@pytest.mark.parametrize("way", [we_first, peer_first, both_at_once])
def test_healthy_close(lab, port, way, server):
    """After an orderly close the message has at most 1 unread byte (the peer's FIN), none unacknowledged, no
    retransmission and no probe, so that a filter can leave it out.

    Kernel: tcp_diag_get_info, tcp_time_wait
    Causes: abort-unread-data, keepalive-timeout, retransmit-timeout, process-died
    """
    _listener, peer, conn = lab.connected(port, server=server)
    with lab.destroyed() as gone:
        way(lab, peer, conn)
        last = gone.next(dport=peer.source_port)
    assert last.rqueue <= 1 and last.wqueue == 0 and last.info == {"retransmits": 0, "probes": 0}


@pytest.mark.parametrize("case", ["SO_LINGER 0", "discarded with the queue"])
def test_disconnected(lab, port, case):
    """For a connection ended by SO_LINGER 0 or with its listener's queue the message has lost the peer's port: dport is
    0, sport the listener's, the peer's address is still there, and idiag_wqueue means nothing.

    Kernel: tcp_disconnect, inet_child_forget
    Causes: abort-linger, queue-discarded, listener-gone
    """
    if case == "SO_LINGER 0":
        _listener, peer, end = lab.connected(port)
        end.setsockopt(*LINGER_0)
    else:
        end, peer = lab.listen(port), lab.peer(port).connect()
        pause(0.05)
    with lab.destroyed() as gone:
        end.close()
        last = gone.next(dst=peer.addr)
    assert (last.sport, last.dport, last.inode, last.state) == (port, 0, 0, CLOSE)


def test_bound_socket(lab, port):
    """A bound socket that never listened is reported like a listener, with the cookie of the BOUND_INACTIVE dump (since
    6.8; before there is no such dump, and nothing to know it by).

    Kernel: sock_diag_broadcast_destroy
    Causes: not-listening, listener-gone
    """
    bound = lab.bind(port)
    rows = lab.diag.dump(BOUND_INACTIVE, port=port)
    assert len(rows) == int(new("bound sockets can be dumped"))
    with lab.destroyed() as gone:
        bound.close()
        last = gone.next(sport=port)
    assert last and (last.sport, last.dport, last.dst) == (port, 0, "0.0.0.0")
    assert [row.cookie for row in rows] in ([last.cookie], [])


def test_ipv4_peer_of_ipv6_socket(lab, port):
    """For an IPv4 connection of a dual-stack socket the message is AF_INET6, with mapped addresses, in the group of
    IPv6.

    Kernel: sock_diag_destroy_group
    Causes: abort-unread-data, process-died, keepalive-timeout, retransmit-timeout
    """
    listener = lab.listen(port, addr="::")
    peer = lab.peer(port).connect()
    with lab.destroyed() as gone:
        listener.accept()[0].close()
        peer.send("RST-ACK")
        last = gone.next(dport=peer.source_port)
    assert last.family == socket.AF_INET6 and last.dst == f"::ffff:{peer.addr}"


def test_of_one_namespace(lab, port):
    """The multicast tells of the sockets of its own network namespace and of no other's.

    Kernel: sock_diag_broadcast_destroy_work
    Causes: listener-gone, process-died
    """
    with lab.destroyed() as here, Destroyed(lab.client) as there:
        lab.listen(port, addr=CLIENT4, host=lab.client).close()
        assert there.next(sport=port)
        assert here.next(0.1) is None


ATTRIBUTES = 16 + MSG.size      # where they start in a message, behind struct nlmsghdr
RETRANSMITS = 4 + 2             # tcpi_retransmits and tcpi_probes side by side, behind struct nlattr
NLATTR = 0xFFFFF000 + 12        # SKF_AD_OFF + SKF_AD_NLATTR: find attribute X from offset A on
STRUGGLED = [                   # let through what had retransmissions or probes
    (0x01, 0, 0, INET_DIAG_INFO), (0x00, 0, 0, ATTRIBUTES), (0x30, 0, 0, NLATTR),       # ldx, ld, ldb
    (0x15, 3, 0, 0), (0x07, 0, 0, 0), (0x48, 0, 0, RETRANSMITS),                        # jeq, tax, ldh
    (0x15, 1, 0, 0), (0x06, 0, 0, 0xFFFFFFFF), (0x06, 0, 0, 0),                         # jeq, ret, ret
]


def last_words_of_two(lab, port):
    """One connection closed in good order, then one that timed out; the ports of their peers."""
    with lab.destroyed() as gone:
        listener, healthy, conn = lab.connected(port)
        we_first(lab, healthy, conn)
        gone.next(dport=healthy.source_port)
        lost = lab.peer(port).connect()
        conn, _ = listener.accept()
        retransmissions(lab, lost, conn)
        conn.close()
        gone.next(dport=lost.source_port)
    return healthy.source_port, lost.source_port


def test_filter_for_nobody(lab, port):
    """A user without privileges can subscribe, with a filter that runs in the kernel and finds tcp_info among the
    attributes, which start behind struct inet_diag_msg (72 bytes).

    Kernel: sock_diag_bind, NL_CFG_F_NONROOT_RECV, sk_filter (SKF_AD_NLATTR)
    Causes: keepalive-timeout, retransmit-timeout, abort-unread-data, process-died, listener-gone
    """
    ports = []

    def subscribe(ready):
        with Destroyed() as gone:
            attach_filter(gone.sock, STRUGGLED)
            ready()
            while gone.next(settle(1.5)):
                pass
            return [row.dport for row in gone.seen]

    seen = as_nobody(lab.server, subscribe, meanwhile=lambda: ports.extend(last_words_of_two(lab, port)))
    assert MSG.size == 72
    assert seen == ports[1:]


def test_everything_for_nobody(lab, port):
    """Without a filter a user without privileges gets the messages for listeners and connections alike.

    Kernel: sock_diag_bind, NL_CFG_F_NONROOT_RECV
    Causes: listener-gone, restarting, keepalive-timeout, retransmit-timeout, process-died
    """
    def subscribe(ready):
        with Destroyed() as gone:
            ready()
            return [bool(gone.next(dport=0, sport=port))]

    assert as_nobody(lab.server, subscribe, meanwhile=lambda: lab.listen(port).close()) == [True]
