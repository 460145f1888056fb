"""What a process without privileges can do: with sockets that it inherited, and by itself."""
import mmap
import os
import select
import socket
import struct

import pytest

from diag import BOUND_INACTIVE, LISTEN, SYN_RECV, Diag
from ground import as_nobody, attach_filter, pause
from history import new
from lab import CLIENT4, SERVER4, SERVER6
from pace import eventually
from routes import Routes

SOL_PACKET, PACKET_RX_RING, PACKET_VERSION, TPACKET_V3, PACKET_STATISTICS = 263, 5, 10, 2, 6
BLOCK, BLOCKS, FRAME, RETIRE_MS = 1 << 16, 4, 2048, 50
TP_STATUS_USER = 1


def for_port(port):
    """A filter for AF_PACKET, SOCK_DGRAM: IPv4 without options, TCP to this port."""
    return [(0x30, 0, 0, 9), (0x15, 0, 3, 6), (0x28, 0, 0, 22), (0x15, 0, 1, port), (0x06, 0, 0, 0xFFFF),
            (0x06, 0, 0, 0)]


def capture(lab, port):
    """An AF_PACKET socket on the server's eth0 that takes SYNs to one port, opened with privilege."""
    sock = lab.server.socket(socket.AF_PACKET, socket.SOCK_DGRAM)
    lab.on_exit(sock.close)
    attach_filter(sock, for_port(port))
    return sock


def destination(packet):
    return struct.unpack_from("!H", packet, 22)[0]


def queued(sock):
    """Destination ports of what came into the socket's queue by now."""
    found = []
    while select.select([sock], [], [], 0)[0]:
        found.append(destination(sock.recv(2048)))
    return found


def map_ring(sock):
    sock.setsockopt(SOL_PACKET, PACKET_VERSION, TPACKET_V3)
    sock.setsockopt(SOL_PACKET, PACKET_RX_RING,
                    struct.pack("=7I", BLOCK, BLOCKS, FRAME, BLOCK * BLOCKS // FRAME, RETIRE_MS, 0, 0))
    return mmap.mmap(sock.fileno(), BLOCK * BLOCKS)


def in_ring(ring):
    """Destination ports of what is in the ring's blocks that were handed over, in order; hands them back."""
    blocks = []
    for start in range(0, BLOCK * BLOCKS, BLOCK):
        status, count, at, _, order = struct.unpack_from("=IIIIQ", ring, start + 8)
        if not status & TP_STATUS_USER:
            continue
        ports, at = [], start + at
        for _ in range(count):
            step, net = struct.unpack_from("=I", ring, at)[0], struct.unpack_from("=H", ring, at + 26)[0]
            ports.append(destination(ring[at + net:at + net + 40]))
            at += step
        blocks.append((order, ports))
        struct.pack_into("=I", ring, start + 8, 0)
    return [port for _, ports in sorted(blocks) for port in ports]


def two(read):
    """What comes, until it is two; and what comes in the moment after that."""
    found = []
    eventually(lambda: found.extend(read()) or len(found) >= 2)
    pause(4 * RETIRE_MS / 1000)
    return found + read()


@pytest.mark.parametrize("ring", [False, True])
def test_inherited_capture(lab, port, ring):
    """A process without privileges can read an inherited AF_PACKET socket, and put another filter in the place of its
    own, without losing what is already in the queue or the ring.

    Kernel: sk_attach_filter, packet_rcv, tpacket_rcv
    Causes: all
    """
    first, second = port, port + 10000
    sock = capture(lab, first)
    mapped = map_ring(sock) if ring else None
    sock.bind(("eth0", 0x0003))

    def dial():
        for to in (first, second):
            lab.peer(to).send("SYN")

    def worker(ready):
        attach_filter(sock, for_port(second))
        ready()
        return two(lambda: in_ring(mapped) if ring else queued(sock))

    dial()
    try:
        assert as_nobody(lab.server, worker, meanwhile=dial) == [first, second]
    finally:
        if ring:
            mapped.close()


def test_statistics_of_an_inherited_capture(lab, port):
    """A process without privileges can read the packet and drop counts of an inherited AF_PACKET socket.

    Kernel: packet_getsockopt (PACKET_STATISTICS)
    Causes: all
    """
    sock = capture(lab, port)
    sock.bind(("eth0", 0x0003))
    lab.peer(port).send("SYN")

    def worker():
        return struct.unpack("=II", sock.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))

    assert as_nobody(lab.server, worker) == [1, 0]


def test_no_new_capture(lab):
    """A process without privileges cannot open an AF_PACKET socket itself (else the tests above prove nothing).

    Kernel: packet_create
    Causes: all
    """
    def worker():
        try:
            socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM).close()
        except PermissionError:
            return "refused"
        return "opened"

    assert as_nobody(lab.server, worker) == "refused"


def test_socket_table_for_nobody(lab, port):
    """A process without privileges sees all of the socket table: LISTEN rows with drops and inode, bound sockets
    (since 6.8), half-open connections and exact look-ups, whoever owns them.

    Kernel: tcp_diag_dump, tcp_diag_dump_one
    Causes: all
    """
    lab.listen(port)
    lab.bind(port + 10000)
    peer = lab.peer(port)
    peer.half_open()

    def questions(diag):
        row = diag.listener(port)
        return [row.drops, row.inode, row.cookie, len(diag.dump(BOUND_INACTIVE, port=port + 10000)),
                len(diag.dump(SYN_RECV, port=port)), diag.look_up(*peer.four_tuple(), lab.ifindex).state,
                diag.look_up(CLIENT4, 1, SERVER4, port, lab.ifindex).state]

    seen = as_nobody(lab.server, lambda: questions(Diag()))
    assert seen == questions(lab.diag)
    assert seen[1] > 0 and seen[3:] == [int(new("bound sockets can be dumped")), 1, SYN_RECV, LISTEN]


def test_routing_for_nobody(lab):
    """A process without privileges can ask for routes, with an input interface too, and for neighbours.

    Kernel: inet_rtm_getroute, inet6_rtm_getroute, neigh_get
    Causes: martian, not-our-address, no-route-back, next-hop-dead, reverse-path
    """
    def questions(routes):
        return [routes.ask(SERVER4, source=CLIENT4, iif=lab.ifindex), routes.ask("192.0.2.9"), routes.ask(SERVER6),
                routes.ask(SERVER4, source=SERVER4, iif=lab.ifindex), routes.neighbour(CLIENT4, lab.ifindex)]

    seen = as_nobody(lab.server, lambda: questions(Routes()))
    assert seen == questions(lab.routes)
    assert seen[:4] == ["local", "ENETUNREACH", "local", "EINVAL"] and isinstance(seen[4], int)


FILES = ["net/snmp", "net/netstat", "net/snmp6", "net/stat/nf_conntrack", "sys/net/netfilter/nf_conntrack_count",
         "sys/net/netfilter/nf_conntrack_max", "sys/net/core/somaxconn", "sys/net/ipv4/tcp_syncookies"]


@pytest.mark.parametrize("name", FILES)
def test_proc_for_nobody(lab, name):
    """A process without privileges can read the counters and settings of its network namespace in /proc.

    Kernel: proc_net_init, ip_rt_do_proc_init, nf_conntrack_standalone_init_proc
    Causes: all
    """
    def worker():
        with open(f"/proc/{name}") as file:
            return file.read(20) != ""

    lab.server.nft("table inet t { chain c { type filter hook input priority 0; ct state new accept; }; }")
    assert as_nobody(lab.server, worker) is True


def test_inherited_proc_files(lab, port):
    """A /proc counter file that was opened with privilege in another namespace goes on telling of that namespace, for a
    process without privileges too.

    Kernel: seq_open_net, proc_get_net
    Causes: other-namespace
    """
    with lab.server:
        fd = os.open("/proc/thread-self/net/snmp", os.O_RDONLY)
    lab.on_exit(lambda: os.close(fd))
    lab.peer(port).send("SYN")
    pause(0.05)

    def worker():
        names, values = [line.split() for line in os.pread(fd, 1 << 16, 0).decode().splitlines()
                         if line.startswith("Tcp:")]
        return int(values[names.index("OutRsts")])

    assert as_nobody(lab.client, worker) == lab.server.counters()["TcpOutRsts"] > 0
