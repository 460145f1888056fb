"""Packets and frames made by hand, for what no client's kernel can be made to send, and a tap to see them.

    segment = tcp(CLIENT4, 61001, SERVER4, 80, SYN, options=timestamp(1000))
    send(lab.client, ethernet(lab.server.mac("eth0"), lab.client.mac("eth0"), ip(CLIENT4, SERVER4, segment)))

Everything leaves by AF_PACKET: a raw IP socket lets the kernel mend the IP header and choose the neighbour.
"""
import socket
import struct

from lab import checksum

FIN, SYN, RST, PSH, ACK, URG = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
TCP, ICMP6 = 6, 58
ETH_IP, ETH_ARP, ETH_VLAN, ETH_IP6, ETH_ALL = 0x0800, 0x0806, 0x8100, 0x86DD, 0x0003
BROADCAST = "ff:ff:ff:ff:ff:ff"
ARP_REQUEST, ARP_REPLY = 1, 2
SOLICIT, ADVERTISE = 135, 136
OUTGOING = 4                    # PACKET_OUTGOING of packet(7)


def packed(addr):
    return socket.inet_pton(socket.AF_INET6 if ":" in addr else socket.AF_INET, addr)


def hardware(mac):
    return bytes.fromhex(mac.replace(":", ""))


# TCP options

def segment_size(size):
    return struct.pack("!BBH", 2, 4, size)


def timestamp(value, echo=0):
    return struct.pack("!BBBBII", 1, 1, 8, 10, value, echo)


# Headers

def tcp(src, sport, dst, dport, flags, seq=0x1234567, ack=0, options=b"", data=b"", spoil=False):
    """A segment for a packet between the same addresses; `spoil` makes its checksum wrong."""
    options += b"\0" * (-len(options) % 4)
    offset = (20 + len(options)) // 4 << 4
    head = struct.pack("!HHIIBBHHH", sport, dport, seq, ack, offset, flags, 64240, 0, 0)
    body = head + options + data
    total = checksum(packed(src) + packed(dst) + struct.pack("!II", TCP, len(body)) + body) ^ (0x5555 if spoil else 0)
    return body[:16] + struct.pack("!H", total) + body[18:]


def ip(src, dst, payload, proto=TCP, ttl=64, spoil=False):
    """A packet of either family; `spoil` makes an IPv4 header's checksum wrong."""
    if ":" in src:
        return struct.pack("!IHBB", 6 << 28, len(payload), proto, ttl) + packed(src) + packed(dst) + payload
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 0, 0, ttl, proto, 0) + packed(src) + packed(dst)
    total = checksum(head) ^ (0x5555 if spoil else 0)
    return head[:10] + struct.pack("!H", total) + head[12:] + payload


def arp(operation, sender_mac, sender, target_mac, target):
    return struct.pack("!HHBBH6s4s6s4s", 1, ETH_IP, 6, 4, operation,
                       hardware(sender_mac), packed(sender), hardware(target_mac), packed(target))


def ethernet(to, sender, packet, vlan=None):
    """A frame; its type follows from what is in it."""
    kind = {4: ETH_IP, 6: ETH_IP6}.get(packet[0] >> 4, ETH_ARP)
    tag = struct.pack("!HH", ETH_VLAN, vlan) if vlan is not None else b""
    return hardware(to) + hardware(sender) + tag + struct.pack("!H", kind) + packet


def send(host, frame, device="eth0"):
    with host, socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock:
        sock.bind((device, 0))
        sock.send(frame)


# What went by

class Tap:
    """The frames of one interface, kept by the kernel until they are asked for."""

    def __init__(self, host, device="eth0"):
        with host:
            self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)      # hears nothing until bound
            self.sock.bind((device, ETH_ALL))
        self.sock.setblocking(False)
        self._seen = []

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        self.sock.close()

    def frames(self):
        """[("in" | "out", frame), ...] since the tap was opened."""
        while True:
            try:
                frame, where = self.sock.recvfrom(65536)
            except BlockingIOError:
                return self._seen
            self._seen.append(("out" if where[2] == OUTGOING else "in", frame))

    def neighbours(self, addr):
        """["out who-has", "in is-at", ...] about one address, by ARP or neighbour discovery."""
        return [f"{way} {said}" for way, frame in self.frames() for said, about in (neighbour_word(frame),)
                if about == packed(addr)]

    def segments(self, port, flags=None):
        """["in S", ...]: (direction, flags, bytes of IP packet) of the TCP segments of one port."""
        found = [(way, *segment_of(frame)) for way, frame in self.frames() if segment_of(frame)]
        return [(way, bits, size) for way, bits, size, ports in found
                if port in ports and (flags is None or bits == flags)]


def neighbour_word(frame):
    """("who-has" | "is-at", packed address), or (None, None)."""
    kind, rest = struct.unpack("!H", frame[12:14])[0], frame[14:]
    if kind == ETH_ARP:
        asks = struct.unpack("!H", rest[6:8])[0] == ARP_REQUEST
        return ("who-has", rest[24:28]) if asks else ("is-at", rest[14:18])
    if kind == ETH_IP6 and rest[6] == ICMP6 and rest[40] in (SOLICIT, ADVERTISE):
        return ("who-has" if rest[40] == SOLICIT else "is-at"), rest[48:64]
    return None, None


def segment_of(frame):
    """(flags, size of the IP packet, (source port, destination port)), or None."""
    kind, rest = struct.unpack("!H", frame[12:14])[0], frame[14:]
    if kind == ETH_IP and rest[9] == TCP:
        body = rest[(rest[0] & 15) * 4:]
    elif kind == ETH_IP6 and rest[6] == TCP:
        body = rest[40:]
    else:
        return None
    return body[13], len(rest), struct.unpack("!HH", body[:4])
