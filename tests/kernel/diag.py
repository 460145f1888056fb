"""sock_diag over a raw netlink socket: LISTEN and other dumps, the exact look-up, the destroy multicast.

    diag = Diag(lab.server)
    diag.listener(8080).drops
    diag.look_up("10.77.0.2", 40000, "10.77.0.1", 8080, ifindex).state     # or "ENOENT"
    with Destroyed(lab.server) as gone: ...; gone.next(dport=40000).unread

Numbers and layouts are those of <linux/inet_diag.h>, <linux/sock_diag.h> and <linux/tcp.h>.
"""
import contextlib
import errno
import select
import socket
import struct
import time

from pace import limit

NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY, SOCK_DESTROY = 20, 21
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP = 1, 4, 0x300

INET_DIAG_INFO, INET_DIAG_SKMEMINFO, INET_DIAG_SKV6ONLY = 2, 7, 11
EXTENSIONS = 1 << INET_DIAG_INFO - 1 | 1 << INET_DIAG_SKMEMINFO - 1
SK_MEMINFO_DROPS = 8
SKNLGRP_INET_TCP_DESTROY, SKNLGRP_INET6_TCP_DESTROY = 1, 3
DESTROY_GROUPS = 1 << SKNLGRP_INET_TCP_DESTROY - 1 | 1 << SKNLGRP_INET6_TCP_DESTROY - 1

ESTABLISHED, SYN_SENT, SYN_RECV, TIME_WAIT, CLOSE, CLOSE_WAIT, LISTEN = 1, 2, 3, 6, 7, 8, 10
BOUND_INACTIVE = 13

MSG = struct.Struct("=BBBBHH16s16sIQIIIII")      # ports and addresses are in network byte order
REQ = struct.Struct("=BBBBIHH16s16sIQ")
NO_COOKIE = 0xFFFFFFFFFFFFFFFF


def attributes(data):
    """{type: payload} of netlink attributes; of two alike the last."""
    found = {}
    while len(data) >= 4:
        size, kind = struct.unpack_from("=HH", data)
        if size < 4:
            break
        found[kind & 0x3FFF] = data[4:size]
        data = data[size + 3 & ~3:]
    return found


def packed(addr):
    return socket.inet_pton(socket.AF_INET6 if ":" in addr else socket.AF_INET, addr).ljust(16, b"\0")


class Row:
    """One struct inet_diag_msg with its attributes."""

    def __init__(self, payload):
        (self.family, self.state, self.timer, self.retransmits, sport, dport, src, dst, self.ifindex, self.cookie,
         self.expires, self.rqueue, self.wqueue, self.uid, self.inode) = MSG.unpack_from(payload)
        self.sport, self.dport = socket.ntohs(sport), socket.ntohs(dport)
        size = 4 if self.family == socket.AF_INET else 16
        self.src, self.dst = (socket.inet_ntop(self.family, a[:size]) for a in (src, dst))
        self.attributes = attributes(payload[MSG.size:])

    @property
    def drops(self):
        return struct.unpack_from("=9I", self.attributes[INET_DIAG_SKMEMINFO])[SK_MEMINFO_DROPS]

    @property
    def v6only(self):
        return self.attributes.get(INET_DIAG_SKV6ONLY)

    @property
    def info(self):
        """tcpi_retransmits and tcpi_probes."""
        return dict(zip(("retransmits", "probes"), struct.unpack_from("=BB", self.attributes[INET_DIAG_INFO], 2)))

    def __repr__(self):
        return (f"<state {self.state} {self.src}:{self.sport} {self.dst}:{self.dport} "
                f"queues {self.rqueue},{self.wqueue} inode {self.inode} cookie {self.cookie:#x}>")


def messages(data):
    """(type, payload) of each netlink message in a datagram."""
    while len(data) >= 16:
        size, kind = struct.unpack_from("=IH", data)
        yield kind, data[16:size]
        data = data[size + 3 & ~3:]


def error_name(payload):
    code = -struct.unpack_from("=i", payload)[0]
    return errno.errorcode[code] if code else ""


class Diag:
    """Questions to one namespace's socket table; `namespace` None is the caller's own."""

    def __init__(self, namespace=None):
        with namespace or contextlib.nullcontext():
            self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG)
        self.sock.settimeout(limit(2))

    def _ask(self, flags, body, kind=SOCK_DIAG_BY_FAMILY):
        self.sock.send(struct.pack("=IHHII", 16 + len(body), kind, NLM_F_REQUEST | flags, 1, 0) + body)

    def dump(self, *states, family=socket.AF_INET, proto=socket.IPPROTO_TCP, port=None):
        """All rows in these states, of one local port if it is given."""
        wanted = sum(1 << state for state in states)
        self._ask(NLM_F_DUMP, REQ.pack(family, proto, EXTENSIONS, 0, wanted, 0, 0, bytes(16), bytes(16), 0, NO_COOKIE))
        rows = []
        while True:
            for kind, payload in messages(self.sock.recv(1 << 17)):
                if kind == NLMSG_ERROR:
                    raise OSError(f"sock_diag dump: {error_name(payload)}")
                if kind == NLMSG_DONE:
                    return [row for row in rows if port is None or row.sport == port]
                rows.append(Row(payload))

    def listener(self, port, family=socket.AF_INET):
        (row,) = self.dump(LISTEN, family=family, port=port)
        return row

    @staticmethod
    def _exact(peer, peer_port, addr, port, ifindex):
        family = socket.AF_INET6 if ":" in addr else socket.AF_INET
        return REQ.pack(family, socket.IPPROTO_TCP, EXTENSIONS, 0, 0, socket.htons(port), socket.htons(peer_port),
                        packed(addr), packed(peer), ifindex, NO_COOKIE)

    def look_up(self, peer, peer_port, addr, port, ifindex):
        """The socket that a segment from peer to addr would get, or an errno name."""
        self._ask(0, self._exact(peer, peer_port, addr, port, ifindex))
        kind, payload = next(messages(self.sock.recv(1 << 16)))
        return error_name(payload) if kind == NLMSG_ERROR else Row(payload)

    def destroy(self, *four_tuple_and_ifindex):
        """What `ss -K` does to one socket; an errno name, or "" when it was done."""
        self._ask(NLM_F_ACK, self._exact(*four_tuple_and_ifindex), SOCK_DESTROY)
        return error_name(next(messages(self.sock.recv(1 << 16)))[1])

    def close(self):
        self.sock.close()


class Destroyed:
    """The destroy multicast of a namespace: every TCP socket's last words."""

    def __init__(self, namespace=None):
        with namespace or contextlib.nullcontext():
            self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG)
        self.sock.bind((0, DESTROY_GROUPS))
        self.seen = []

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        self.sock.close()

    def raw(self, timeout):
        """The next message as it came, or None."""
        ready, _, _ = select.select([self.sock], [], [], max(timeout, 0))
        return self.sock.recv(1 << 16) if ready else None

    def next(self, timeout=None, **want):
        """The next socket whose fields are as wanted; None when none came in time."""
        deadline = time.monotonic() + (timeout or limit(3.0))
        while (data := self.raw(deadline - time.monotonic())) is not None:
            for _kind, payload in messages(data):
                row = Row(payload)
                self.seen.append(row)
                if all(getattr(row, name) == value for name, value in want.items()):
                    return row
        return None
