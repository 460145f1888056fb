"""The exact look-up (Q) and the dumps of sock_diag: what they find, and what they do not."""
import os
import socket

import pytest

from bpf import drop_look_ups
from diag import BOUND_INACTIVE, CLOSE, ESTABLISHED, LISTEN, SYN_RECV, SYN_SENT, TIME_WAIT
from ground import BOTH, everywhere, family_of
from history import new
from lab import CLIENT4, SERVER4, SERVER6
from pace import eventually
from peer import PEER4

ALL_STATES = set(range(1, BOUND_INACTIVE + 1))
V6ONLY = (socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
REUSEPORT = (socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)


def on_device(name):
    return socket.SOL_SOCKET, socket.SO_BINDTODEVICE, name.encode()


def state(lab, peer):
    """Of the socket that Q finds for the peer's 4-tuple; or an errno name."""
    found = lab.diag.look_up(*peer.four_tuple(), lab.ifindex)
    return found if isinstance(found, str) else found.state


def answered(peer):
    """What a real SYN gets."""
    peer.send("SYN")
    segment = peer.answer(1.0)
    return segment and segment.flags


@BOTH
def test_look_up_through_a_life(lab, port, server):
    """Q finds nothing at a closed port, the listener for a new 4-tuple, and for a known one its SYN_RECV, ESTABLISHED
    or TIME_WAIT row.

    Kernel: tcp_diag_find_one_icsk, __inet_lookup, tcp_diag_dump_one
    Causes: no-listener, steered-away, firewall-drop-reply, timewait-reuse, duplicate-connection, stale-connection
    """
    peer = lab.peer(port, server=server)
    assert state(lab, peer) == "ENOENT"
    listener = lab.listen(port, addr=everywhere(server))
    row = lab.diag.listener(port, family_of(server))
    assert lab.diag.look_up(*peer.four_tuple(), lab.ifindex).cookie == row.cookie
    peer.half_open()
    assert state(lab, peer) == SYN_RECV
    peer.send("ACK")
    conn, _ = listener.accept()
    assert state(lab, peer) == ESTABLISHED
    conn.close()
    peer.answer(1.0, "FIN-ACK")
    peer.send("FIN-ACK")
    assert eventually(lambda: state(lab, peer) == TIME_WAIT), state(lab, peer)


def test_look_up_by_device(lab, port):
    """Q finds a listener with SO_BINDTODEVICE for a SYN of its own interface, and is ENOENT for another interface's or
    for none; a real SYN of another interface is refused.

    Kernel: inet_sk_bound_dev_eq, compute_score
    Causes: other-device
    """
    lab.listen(port, options=[on_device("lo")])
    peer = lab.peer(port)
    found = [lab.diag.look_up(*peer.four_tuple(), ifindex) for ifindex in (1, lab.ifindex, 0)]
    assert found[0].state == LISTEN and found[0].ifindex == 1 and found[1:] == ["ENOENT", "ENOENT"]
    assert answered(peer) == "RST-ACK"


DOORS = {       # listens on, options; what a SYN over IPv4 and one over IPv6 finds
    "::": ("::", [], LISTEN, LISTEN),
    ":: v6only": ("::", [V6ONLY], "ENOENT", LISTEN),
    "0.0.0.0": ("0.0.0.0", [], LISTEN, "ENOENT"),
    "another address": ("10.77.0.3", [], "ENOENT", "ENOENT"),
    "127.0.0.1": ("127.0.0.1", [], "ENOENT", "ENOENT"),
    "::1": ("::1", [], "ENOENT", "ENOENT"),
}


@pytest.mark.parametrize("door", DOORS)
def test_look_up_by_address(lab, port, door):
    """Q says of a listener of another family or address what a real SYN finds: LISTEN where it is answered, ENOENT
    where it is refused.

    Kernel: inet_lookup_listener, compute_score
    Causes: ipv6-only, ipv4-only, other-address, loopback-only, no-listener
    """
    addr, options, *want = DOORS[door]
    lab.listen(port, addr=addr, options=options)
    peers = [lab.peer(port, server=server) for server in (SERVER4, SERVER6)]
    assert [state(lab, peer) for peer in peers] == want
    assert [answered(peer) for peer in peers] == ["SYN-ACK" if w == LISTEN else "RST-ACK" for w in want]


def waiting(lab, port):
    """The accept queue's length of every listener of a port, by cookie."""
    return {row.cookie: row.rqueue for row in lab.diag.dump(LISTEN, port=port)}


def test_look_up_in_a_reuseport_group(lab, port):
    """Q names the member of a SO_REUSEPORT group that the kernel then really chooses for this 4-tuple, 8 times of 8.

    Kernel: reuseport_select_sock, inet_ehashfn
    Causes: reuseport-stuck
    """
    for _ in range(4):
        lab.listen(port, options=[REUSEPORT])
    queues = waiting(lab, port)
    for count in range(8):
        peer = lab.peer(port)
        queues[lab.diag.look_up(*peer.four_tuple(), lab.ifindex).cookie] += 1
        peer.connect()
        assert eventually(lambda: sum(waiting(lab, port).values()) == count + 1)
        assert waiting(lab, port) == queues


def test_look_up_asks_sk_lookup(lab, port):
    """Q is ENOENT when a BPF sk_lookup program steers the SYN away from a listener that the LISTEN dump shows.

    Kernel: inet_lookup_run_sk_lookup
    Causes: steered-away
    """
    lab.listen(port)
    peer = lab.peer(port)
    link = drop_look_ups(lab.server)
    try:
        assert lab.diag.listener(port)
        assert state(lab, peer) == "ENOENT"
        assert answered(peer) == "RST-ACK"
    finally:
        os.close(link)
    assert state(lab, peer) == LISTEN


def test_look_up_ignores_addresses(lab, port):
    """Q does not ask whether the dialled address is this host's: a listener on 0.0.0.0 is found for any.

    Kernel: __inet_lookup_listener
    Causes: not-our-address, firewall-drop
    """
    lab.listen(port)
    assert lab.diag.look_up(PEER4, 40000, "198.51.100.1", port, lab.ifindex).state == LISTEN


@pytest.mark.parametrize("addr", ["0.0.0.0", "10.77.0.1", "::"])
@pytest.mark.parametrize("how", ["never listened", "shut down"])
def test_bound_dump(lab, port, addr, how):
    """A dump of state bit 13 (BOUND_INACTIVE) has the sockets that are bound and do not listen, never did or were shut
    down, with their inode; the LISTEN dump has not. Before 6.8 it is empty, and no other dump has them.

    Kernel: tcp_diag_dump (TCPF_BOUND_INACTIVE, v6.8)
    Causes: not-listening
    """
    family = family_of(addr)
    made = lab.bind(port, addr)
    if how == "shut down":
        made.listen()
        assert lab.diag.dump(BOUND_INACTIVE, family=family, port=port) == []
        made.shutdown(socket.SHUT_RDWR)
    rows = [(row.src, row.inode) for row in lab.diag.dump(BOUND_INACTIVE, family=family, port=port)]
    assert rows == ([(addr, os.fstat(made.fileno()).st_ino)] if new("bound sockets can be dumped") else [])
    assert lab.diag.dump(*ALL_STATES - {BOUND_INACTIVE}, family=family, port=port) == []


def test_destroyed_listener_is_bound(lab, port):
    """A listener killed by SOCK_DESTROY (ss -K) is in the BOUND_INACTIVE dump until its process closes it (since 6.8;
    before it is in none).

    Kernel: tcp_abort, inet_csk_listen_stop
    Causes: not-listening, listener-gone
    """
    listener = lab.listen(port)
    assert lab.diag.destroy("0.0.0.0", 0, "0.0.0.0", port, 0) == ""
    assert lab.diag.dump(LISTEN, port=port) == []
    rows = [row.inode for row in lab.diag.dump(*ALL_STATES, port=port)]
    assert rows == ([os.fstat(listener.fileno()).st_ino] if new("bound sockets can be dumped") else [])


def test_listen_rows(lab, port):
    """LISTEN rows have INET_DIAG_SKV6ONLY for IPv6 only, the interface of SO_BINDTODEVICE as idiag_if, and an inode;
    the dump of one family has not the other's.

    Kernel: inet_diag_msg_attrs_fill, tcp_diag_dump
    Causes: ipv6-only, ipv4-only, other-device
    """
    lab.listen(port, addr="::", options=[V6ONLY])
    lab.listen(port, addr="0.0.0.0", options=[on_device("eth0")])
    four, six = lab.diag.listener(port), lab.diag.listener(port, socket.AF_INET6)
    assert (four.family, four.v6only, four.ifindex) == (socket.AF_INET, None, lab.ifindex)
    assert (six.family, six.v6only, six.ifindex) == (socket.AF_INET6, b"\x01", 0)
    assert four.inode and six.inode


def test_udp_rows(lab, port):
    """A bound UDP socket is in the UDP dump of state CLOSE, and in no TCP dump.

    Kernel: udp_dump
    Causes: udp-only
    """
    with lab.server.socket(kind=socket.SOCK_DGRAM) as udp:
        udp.bind(("0.0.0.0", port))
        (row,) = lab.diag.dump(CLOSE, proto=socket.IPPROTO_UDP, port=port)
        assert row.inode == os.fstat(udp.fileno()).st_ino
        assert lab.diag.dump(LISTEN, BOUND_INACTIVE, ESTABLISHED, port=port) == []


def test_outgoing_rows(lab, port):
    """An outgoing connection's port is in the ESTABLISHED or SYN_SENT dump and not in BOUND_INACTIVE's, although bind()
    was called.

    Kernel: tcp_diag_dump
    Causes: outgoing-port, not-listening
    """
    lab.listen(port, host=lab.client)
    lab.rule("in", "tcp dport 1 drop", host=lab.client)
    lab.bind(port).connect((CLIENT4, port))
    waiting = lab.bind(port + 10000)
    waiting.setblocking(False)
    waiting.connect_ex((CLIENT4, 1))
    assert [row.dport for row in lab.diag.dump(ESTABLISHED, port=port)] == [port]
    assert [row.dport for row in lab.diag.dump(SYN_SENT, port=port + 10000)] == [1]
    assert lab.diag.dump(BOUND_INACTIVE) == []
