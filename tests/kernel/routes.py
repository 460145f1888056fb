"""RTM_GETROUTE and RTM_GETNEIGH over a raw netlink socket: what the kernel would do with a packet.

    routes = Routes(lab.server)
    routes.ask("10.77.0.1", source="10.77.0.2", iif=2)      # "local", "broadcast", ..., or "EINVAL"
    routes.neighbour("10.77.0.2", 2)                        # NUD_* bits, or "ENOENT"
"""
import contextlib
import socket
import struct

from diag import NLMSG_ERROR, NLM_F_REQUEST, error_name, messages
from pace import limit

RTM_GETROUTE, RTM_GETNEIGH = 26, 30
RTA_DST, RTA_SRC, RTA_IIF = 1, 2, 3
NDA_DST = 1
NUD_INCOMPLETE, NUD_FAILED, NUD_PERMANENT = 0x01, 0x20, 0x80
TYPES = ("unspec", "unicast", "local", "broadcast", "anycast", "multicast", "blackhole", "unreachable", "prohibit")


def attribute(kind, data):
    return struct.pack("=HH", 4 + len(data), kind) + data


def address(addr):
    family = socket.AF_INET6 if ":" in addr else socket.AF_INET
    return family, socket.inet_pton(family, addr)


class Routes:
    """Questions to one namespace's routing; `namespace` None is the caller's own."""

    def __init__(self, namespace=None):
        with namespace or contextlib.nullcontext():
            self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        self.sock.settimeout(limit(2))

    def _ask(self, kind, body):
        self.sock.send(struct.pack("=IHHII", 16 + len(body), kind, NLM_F_REQUEST, 1, 0) + body)
        kind, payload = next(messages(self.sock.recv(1 << 16)))
        return error_name(payload) if kind == NLMSG_ERROR else payload

    def ask(self, addr, source=None, iif=0):
        """The type of the route for input from `iif`, for output without it; or an errno name."""
        family, dst = address(addr)
        body = attribute(RTA_DST, dst)
        if source:
            body += attribute(RTA_SRC, address(source)[1])
        if iif:
            body += attribute(RTA_IIF, struct.pack("=I", iif))
        bits = len(dst) * 8
        answer = self._ask(RTM_GETROUTE, struct.pack("=8BI", family, bits, bits if source else 0, *[0] * 6) + body)
        return answer if isinstance(answer, str) else TYPES[answer[7]]

    def neighbour(self, addr, ifindex):
        """NUD_* of one entry, or an errno name."""
        family, dst = address(addr)
        answer = self._ask(RTM_GETNEIGH, struct.pack("=BxxxIHBB", family, ifindex, 0, 0, 0) + attribute(NDA_DST, dst))
        return answer if isinstance(answer, str) else struct.unpack_from("=H", answer, 8)[0]

    def close(self):
        self.sock.close()
