"""Full queues: what is counted, what is answered, what the socket table shows."""
import os
import socket

import pytest

from diag import ESTABLISHED, LISTEN, SYN_RECV
from ground import BOTH, everywhere, family_of, pause
from history import new
from lab import CLIENT4, SERVER4
from pace import eventually

OV, LD = "TcpExtListenOverflows", "TcpExtListenDrops"
FULL, COOKIES, SENT = "TcpExtTCPReqQFullDrop", "TcpExtTCPReqQFullDoCookies", "TcpExtSyncookiesSent"


def fill(lab, port, backlog=1, server=SERVER4):
    """A listener whose accept queue is full: it takes one more than the backlog."""
    listener = lab.listen(port, backlog, addr=everywhere(server))
    for _ in range(backlog + 1):
        lab.peer(port, server=server).connect()
    pause(0.05)
    return listener


@BOTH
@pytest.mark.parametrize("cookies", [0, 1, 2])
@pytest.mark.parametrize("abort", [0, 1])
def test_accept_queue_full_when_the_syn_comes(lab, port, abort, cookies, server):
    """A SYN to a full accept queue gets no answer, even with tcp_abort_on_overflow, and each adds one to the
    listener's drops, ListenDrops and ListenOverflows (TCPReqQFullDoCookies, which is counted before, proves no cookie).

    Kernel: tcp_conn_request (net/ipv4/tcp_input.c)
    Causes: accept-queue-full, process-stopped, fd-limit, reuseport-stuck
    """
    lab.server.sysctl("net.ipv4.tcp_abort_on_overflow", abort)
    lab.server.sysctl("net.ipv4.tcp_syncookies", cookies)
    fill(lab, port, server=server)
    peers = [lab.peer(port, server=server) for _ in range(3)]
    with lab.counted(port, family_of(server)) as moved:
        for peer in peers:
            peer.send("SYN")
        assert [peer.answer(0.05) for peer in peers] == [None] * 3
    assert moved == {"d": 3, LD: 3, OV: 3} | ({COOKIES: 3} if cookies == 2 else {})


@pytest.mark.parametrize("backlog, somaxconn, limit", [(0, 4096, 0), (1, 4096, 1), (5, 4096, 5), (9, 2, 2)])
def test_accept_queue_takes_one_more(lab, port, backlog, somaxconn, limit):
    """The LISTEN row has the accept queue's length as idiag_rqueue and its limit, the smaller of backlog and
    somaxconn, as idiag_wqueue; the queue takes one more than the limit.

    Kernel: tcp_diag_get_info, sk_acceptq_is_full, __sys_listen
    Causes: accept-queue-full, not-accepting, reuseport-stuck, process-stopped, fd-limit
    """
    lab.server.sysctl("net.core.somaxconn", somaxconn)
    lab.listen(port, backlog)
    for count in range(limit + 1):
        row = lab.diag.listener(port)
        assert (row.rqueue, row.wqueue) == (count, limit)
        lab.peer(port).connect()
        assert eventually(lambda: lab.diag.listener(port).rqueue > count)
    assert lab.diag.listener(port).rqueue == limit + 1
    late = lab.peer(port)
    late.send("SYN")
    assert late.answer() is None


def late_ack(lab, port, backlog=2):
    """A peer that has its SYN-ACK, and an accept queue that became full since."""
    lab.listen(port, backlog)
    for _ in range(backlog):
        lab.peer(port).connect()
    pause(0.05)
    last, late = lab.peer(port), lab.peer(port)
    last.half_open()
    late.half_open()
    last.send("ACK")
    pause(0.05)
    return late


def test_accept_queue_full_when_the_ack_comes(lab, port):
    """A final ACK that finds the accept queue full is dropped: ListenDrops and ListenOverflows rise by one and the
    listener's drops by two, SYN_RECV stays, and the SYN-ACK is sent again.

    Kernel: tcp_check_req, tcp_v4_syn_recv_sock (exit_overflow), tcp_v4_rcv (discard_and_relse)
    Causes: accept-queue-full-late, peer-silent, firewall-drop-ack
    """
    late = late_ack(lab, port)
    with lab.counted(port) as moved:
        late.send("ACK")
    assert moved == {"d": 2, LD: 1, OV: 1}
    assert lab.diag.look_up(*late.four_tuple(), lab.ifindex).state == SYN_RECV
    again = late.answer(1.5)
    assert again and again.flags == "SYN-ACK"


def test_abort_on_overflow_when_the_ack_comes(lab, port):
    """With tcp_abort_on_overflow a final ACK that finds the accept queue full is answered by a bare RST, counted in
    EmbryonicRsts besides OutRsts, and the half-open connection is gone.

    Kernel: tcp_check_req (embryonic_reset)
    Causes: accept-queue-full-late
    """
    lab.server.sysctl("net.ipv4.tcp_abort_on_overflow", 1)
    late = late_ack(lab, port)
    with lab.counted(port) as moved:
        late.send("ACK")
        answer = late.answer()
    assert moved == {"d": 2, LD: 1, OV: 1, "TcpExtEmbryonicRsts": 1, "TcpOutRsts": 1}
    assert (answer.flags, answer.window) == ("RST", 0)
    assert lab.diag.look_up(*late.four_tuple(), lab.ifindex).state == LISTEN


@pytest.mark.parametrize("abort", [0, 1])
def test_accept_queue_full_when_the_cookie_comes(lab, port, abort):
    """With a cookie there is nothing to see of it: no SYN_RECV, no second SYN-ACK and no RST even with
    tcp_abort_on_overflow; only ListenOverflows, ListenDrops and the listener's drops rise, by one.

    Kernel: cookie_v4_check, tcp_get_cookie_sock
    Causes: accept-queue-full-late, syn-cookies
    """
    lab.server.sysctl("net.ipv4.tcp_abort_on_overflow", abort)
    lab.server.sysctl("net.ipv4.tcp_syncookies", 2)
    late = late_ack(lab, port)
    with lab.counted(port) as moved:
        late.send("ACK")
        assert late.answer(1.3) is None
    assert moved == {"d": 1, LD: 1, OV: 1, "TcpExtSyncookiesRecv": 1}
    assert lab.diag.look_up(*late.four_tuple(), lab.ifindex).state == LISTEN


def half_open(lab, port, count):
    for _ in range(count):
        lab.peer(port).half_open()


def syn_queue(backlog):
    """How many half-open connections a listener takes."""
    return backlog + int(new("the SYN queue takes one more than the backlog"))


@pytest.mark.parametrize("backlog", [0, 2])
def test_syn_queue_full(lab, port, backlog):
    """Without cookies the SYN queue takes one more than the backlog (before some version between 5.10 and 6.1 as many as
    the backlog, so none at all with 0); each further SYN gets no answer and adds one to the listener's drops, ListenDrops
    and TCPReqQFullDrop.

    Kernel: tcp_conn_request, inet_csk_reqsk_queue_is_full
    Causes: syn-queue-full
    """
    lab.server.sysctl("net.ipv4.tcp_syncookies", 0)
    lab.listen(port, backlog)
    half_open(lab, port, syn_queue(backlog))
    late = lab.peer(port)
    with lab.counted(port) as moved:
        late.send("SYN")
        assert late.answer() is None
    assert moved == {"d": 1, LD: 1, FULL: 1}


def test_syn_queue_three_quarters_full(lab, port):
    """Without cookies SYNs are dropped from where less than a quarter of tcp_max_syn_backlog is left; then the
    listener's drops and ListenDrops rise, and TCPReqQFullDrop does not.

    Kernel: tcp_conn_request
    Causes: syn-queue-full, no-route-back
    """
    lab.server.sysctl("net.ipv4.tcp_syncookies", 0)
    lab.server.sysctl("net.ipv4.tcp_max_syn_backlog", 8)
    lab.listen(port, backlog=100)
    half_open(lab, port, 7)
    late = lab.peer(port)
    with lab.counted(port) as moved:
        late.send("SYN")
        assert late.answer() is None
    assert moved == {"d": 1, LD: 1}


def leave_metrics(lab, listener, port):
    """A connection in good order, with data acknowledged, after which the kernel remembers the peer's address."""
    peer = lab.peer(port).connect()
    conn, _ = listener.accept()
    conn.send(b"data")
    peer.answer(1.0)
    peer.send("FIN-ACK")
    pause(0.05)
    conn.close()
    assert peer.answer(1.0, "FIN-ACK")
    peer.send("ACK")
    pause(0.05)


def test_syn_queue_lets_known_peers_in(lab, port):
    """The rule of three quarters spares peers that had a connection before (TCP metrics), up to the backlog.

    Kernel: tcp_conn_request, tcp_peer_is_proven
    Causes: syn-queue-full
    """
    lab.server.sysctl("net.ipv4.tcp_syncookies", 0)
    lab.server.sysctl("net.ipv4.tcp_max_syn_backlog", 8)
    leave_metrics(lab, lab.listen(port, backlog=100), port)
    half_open(lab, port, 9)


def test_syn_queue_full_with_cookies(lab, port):
    """With cookies a SYN for a full SYN queue is answered, once only, and counted in TCPReqQFullDoCookies and
    SyncookiesSent; there is no SYN_RECV of it.

    Kernel: tcp_conn_request
    Causes: syn-cookies
    """
    lab.listen(port, backlog=2)
    half_open(lab, port, syn_queue(2))
    late = lab.peer(port)
    with lab.counted(port) as moved:
        late.half_open()
        assert late.answer(1.3) is None
    assert moved == {COOKIES: 1, SENT: 1}
    assert lab.diag.look_up(*late.four_tuple(), lab.ifindex).state == LISTEN


def test_deferred_accept(lab, port):
    """With TCP_DEFER_ACCEPT the final ACK leaves the connection in SYN_RECV and is counted in TCPDeferAcceptDrop and
    the listener's drops; ListenDrops and ListenOverflows stand still.

    Kernel: tcp_check_req
    Causes: deferred-accept
    """
    lab.listen(port, options=[(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 5)])
    peer = lab.peer(port)
    peer.half_open()
    with lab.counted(port) as moved:
        peer.send("ACK")
    assert moved == {"d": 1, "TcpExtTCPDeferAcceptDrop": 1}
    assert lab.diag.look_up(*peer.four_tuple(), lab.ifindex).state == SYN_RECV


@BOTH
def test_half_open_rows(lab, port, server):
    """A dump of state SYN_RECV has one row for each half-open connection of a port.

    Kernel: tcp_diag_dump, tcp_req_diag_fill
    Causes: syn-queue-full, peer-silent, firewall-drop-reply, next-hop-dead
    """
    lab.listen(port, addr=everywhere(server))
    lab.peer(port, server=server).connect()
    for _ in range(3):
        lab.peer(port, server=server).half_open()
    pause(0.05)
    rows = lab.diag.dump(SYN_RECV, family=family_of(server), port=port)
    assert [row.state for row in rows] == [SYN_RECV] * 3


def test_not_accepted_has_no_inode(lab, port):
    """A connection that waits in the accept queue is an ESTABLISHED row with inode 0; accept() gives it one.

    Kernel: inet_diag_msg_attrs_fill (sock_i_ino), inet_csk_accept
    Causes: not-accepting, process-stopped, queue-discarded
    """
    listener = lab.listen(port)
    lab.peer(port).connect()
    (row,) = eventually(lambda: lab.diag.dump(ESTABLISHED, port=port))
    assert row.inode == 0
    accepted, _ = listener.accept()
    with accepted:
        (row,) = lab.diag.dump(ESTABLISHED, port=port)
        assert row.inode == os.fstat(accepted.fileno()).st_ino


def test_not_reading(lab, port):
    """When the application does not read, idiag_rqueue has the bytes that wait, and when they fill the buffer to the
    last byte offered the window is 0 and TCPToZeroWindowAdv rises.

    Kernel: __tcp_select_window, tcp_diag_get_info
    Causes: not-reading
    """
    listener = lab.listen(port, options=[(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)])
    peer = lab.peer(port)
    window = peer.half_open().window
    peer.send("ACK")
    sent = 0
    with listener.accept()[0], lab.counted() as moved:
        while window and sent < 1 << 16:
            peer.send("PSH-ACK", bytes(min(window, 500)))
            sent += min(window, 500)
            window = peer.answers(0.06)[-1].window
        (row,) = lab.diag.dump(ESTABLISHED, port=port)
    assert (window, row.rqueue) == (0, sent)
    assert moved == {"TcpExtTCPToZeroWindowAdv": 1}


def test_counters_belong_to_a_namespace(lab, port):
    """ListenOverflows and the other counters are the network namespace's own: another one's stand still.

    Kernel: __NET_INC_STATS, /proc/net/netstat
    Causes: accept-queue-full, syn-queue-full, no-route-back, firewall-reset
    """
    lab.listen(port, backlog=1, addr=CLIENT4, host=lab.client)
    *first, last = (lab.new_socket() for _ in range(3))
    for sock in first:
        sock.connect((CLIENT4, port))
    last.setblocking(False)
    with lab.counted() as here, lab.counted(host=lab.client) as there:
        last.connect_ex((CLIENT4, port))
    assert here == {} and there == {LD: 1, OV: 1}
