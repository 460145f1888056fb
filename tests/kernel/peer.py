"""A peer made by hand: it sends exactly the segments it is told to, and its kernel answers nothing.

    peer = Peer(lab, 8080)
    peer.send("SYN"); peer.answer()             # <SYN-ACK ...>, or None after a while

Its address is nobody's: the server has a permanent neighbour entry for it, and the client host, which
gets what the server sends, drops it silently because it does not forward.
"""
import select
import socket
import struct
import time
from dataclasses import dataclass

from lab import SERVER4, checksum, tcp_name
from pace import settle

PEER4, PEER6 = "10.77.0.50", "fd77::50"
FLAGS = {"FIN": 0x01, "SYN": 0x02, "RST": 0x04, "PSH": 0x08, "ACK": 0x10, "URG": 0x20}
PACKET_IGNORE_OUTGOING = 23
MSS = b"\x02\x04\x05\xb4"


def timestamps(value, echo=0):
    return struct.pack("!BBBBII", 1, 1, 8, 10, value, echo)


def tcp_checksum(src, dst, segment):
    kind = socket.AF_INET6 if ":" in src else socket.AF_INET
    ends = socket.inet_pton(kind, src) + socket.inet_pton(kind, dst)
    return checksum(ends + struct.pack("!II", len(segment), 6) + segment)     # IPv4's has the same sum


def tcp_header(sport, dport, flags, seq, ack, options, window):
    size = 20 + len(options)
    return struct.pack("!HHIIBBHHH", sport, dport, seq, ack, size // 4 << 4, flags, window, 0, 0) + options


def ip_packet(src, dst, payload, ttl=64, tos=0, spoil_ip=0):
    """`payload` with an IPv4 or IPv6 header in front."""
    if ":" in src:
        ends = socket.inet_pton(socket.AF_INET6, src) + socket.inet_pton(socket.AF_INET6, dst)
        return struct.pack("!IHBB", 6 << 28 | tos << 20, len(payload), 6, ttl) + ends + payload
    ends = socket.inet_aton(src) + socket.inet_aton(dst)
    head = struct.pack("!BBHHHBBH", 0x45, tos, 20 + len(payload), 0, 0, ttl, 6, 0) + ends
    return head[:10] + struct.pack("!H", checksum(head) ^ spoil_ip) + head[12:] + payload


@dataclass
class Segment:
    """A TCP segment off the wire."""
    flags: str
    seq: int
    ack: int
    window: int
    options: bytes
    data: bytes
    src: str
    dst: str
    sport: int
    dport: int
    ttl: int
    tos: int
    flow_label: int
    ip: bytes


def parse(packet):
    """A Segment, or None when it is none."""
    if packet[0] >> 4 == 4 and packet[9] == 6:
        size, end = (packet[0] & 15) * 4, struct.unpack_from("!H", packet, 2)[0]
        kind, ends, ttl, tos, label = socket.AF_INET, packet[12:20], packet[8], packet[1], 0
    elif packet[0] >> 4 == 6 and packet[6] == 6:
        size, end = 40, 40 + struct.unpack_from("!H", packet, 4)[0]
        first = struct.unpack_from("!I", packet)[0]
        kind, ends, ttl, tos, label = socket.AF_INET6, packet[8:40], packet[7], first >> 20 & 255, first & 0xFFFFF
    else:
        return None
    tcp, half = packet[size:end], len(ends) // 2
    sport, dport, seq, ack, offset, flags, window = struct.unpack_from("!HHIIBBH", tcp)
    start = (offset >> 4) * 4
    return Segment(tcp_name(flags), seq, ack, window, tcp[20:start], tcp[start:], socket.inet_ntop(kind, ends[:half]),
                   socket.inet_ntop(kind, ends[half:]), sport, dport, ttl, tos, label, packet[:size])


class Peer:
    """One end of one connection to a port of the server host, at sequence numbers of its own."""

    _ports = iter(range(40001, 60000))

    def __init__(self, lab, port, addr=None, server=SERVER4, source_port=None, options=MSS, device="eth0", mac=None):
        self.addr = addr or (PEER6 if ":" in server else PEER4)
        self.server, self.port = server, port
        self.source_port = source_port or next(Peer._ports)
        self.options = options
        self.seq, self.next_ack = 1000, 0
        self.echo = None                # the server's timestamp, when it sent one
        self.clock = 1000               # our own
        self.mac = bytes.fromhex((mac or lab.server.mac(device)).replace(":", ""))
        self.device = device
        self.sock = lab.client.socket(socket.AF_PACKET, socket.SOCK_DGRAM)
        self.sock.setsockopt(263, PACKET_IGNORE_OUTGOING, 1)    # SOL_PACKET
        self.sock.bind((device, 0x0003))                        # ETH_P_ALL
        lab.on_exit(self.sock.close)

    def four_tuple(self):
        return self.addr, self.source_port, self.server, self.port

    def send(self, what, data=b"", seq=None, **more):
        """`what` is "SYN", "PSH-ACK", "" ...; SYN, FIN and data advance our sequence number."""
        self.send_raw(self.packet(what, data, seq, **more))
        if seq is None:
            self.seq += len(data) + ("SYN" in what or "FIN" in what)

    def packet(self, what, data=b"", seq=None, ack=None, options=None, window=64240, spoil=0, **ip):
        """The same as bytes; `spoil` is XORed into the TCP checksum, `spoil_ip` into the IPv4 one."""
        flags = sum(FLAGS[name] for name in what.split("-") if name)
        if options is None:
            options = self.options if flags & FLAGS["SYN"] else self._stamp()
        seq = self.seq if seq is None else seq
        ack = (self.next_ack if flags & FLAGS["ACK"] else 0) if ack is None else ack
        segment = tcp_header(self.source_port, self.port, flags, seq, ack, options, window) + data
        total = tcp_checksum(self.addr, self.server, segment) ^ spoil
        return ip_packet(self.addr, self.server, segment[:16] + struct.pack("!H", total) + segment[18:], **ip)

    def _stamp(self):
        return b"" if self.echo is None else timestamps(self.clock, self.echo)

    def send_raw(self, packet):
        self.sock.sendto(packet, (self.device, 0x86DD if packet[0] >> 4 == 6 else 0x0800, 0, 0, self.mac))

    def answer(self, timeout=0.3, what=None):
        """The next segment for us (of one kind, if it is given), or None."""
        return self._await(time.monotonic() + settle(timeout), what)

    def _await(self, deadline, what=None):
        while select.select([self.sock], [], [], max(deadline - time.monotonic(), 0))[0]:
            segment = parse(self.sock.recv(65536))
            if not segment or (segment.dport, segment.sport) != (self.source_port, self.port):
                continue
            self._note(segment)
            if what is None or segment.flags == what:
                return segment
        return None

    def _note(self, segment):
        if "RST" not in segment.flags:
            self.next_ack = segment.seq + len(segment.data) + ("SYN" in segment.flags) + ("FIN" in segment.flags)
        at = segment.options.find(b"\x08\x0a")
        if at >= 0:
            self.echo = struct.unpack_from("!I", segment.options, at + 2)[0]

    def answers(self, timeout=0.3):
        """All segments for us that come within the time."""
        found, deadline = [], time.monotonic() + settle(timeout)
        while segment := self._await(deadline):
            found.append(segment)
        return found

    def half_open(self):
        """A SYN, and the SYN-ACK."""
        self.send("SYN")
        synack = self.answer(1.0)
        assert synack and synack.flags == "SYN-ACK", f"the SYN was answered by {synack}"
        return synack

    def connect(self):
        self.half_open()
        self.send("ACK")
        return self
