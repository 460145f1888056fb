#!/usr/bin/env python3
"""Writes the seed corpora: seeds.py tests/fuzz/corpus makes {decode,stream,counters,engine}/ below it."""

import json
import pathlib
import struct
import sys

SRC4, DST4 = bytes([203, 0, 113, 7]), bytes([198, 51, 100, 2])
SRC6, DST6 = bytes.fromhex("20010db8" + "00" * 11 + "01"), bytes.fromhex("20010db8" + "00" * 11 + "02")
FIN, SYN, RST, ACK = 1, 2, 4, 16
OPTIONS = bytes.fromhex("020405b40402080a010203040000000001030307")


def tcp(flags, sport=40000, dport=443, seq=1000, ack=0, options=b"", payload=b""):
    offset = (20 + len(options)) // 4 << 4
    return struct.pack("!HHIIBBHHH", sport, dport, seq, ack, offset, flags, 64240, 0, 0) + options + payload


def ip4(payload, proto=6, src=SRC4, dst=DST4, options=b"", fragment=0):
    first = 0x45 + len(options) // 4
    return struct.pack("!BBHHHBBH", first, 0, 20 + len(options) + len(payload), 1, fragment, 64, proto,
                       0) + src + dst + options + payload


def ip6(payload, proto=6, src=SRC6, dst=DST6):
    return struct.pack("!IHBB", 0x60000000, len(payload), proto, 64) + src + dst + payload


def sll2(packet, way=0, v6=False):
    return struct.pack("!HHIHBB", 0x86dd if v6 else 0x0800, 0, 2, 1, way, 6) + b"\x02" + bytes(7) + packet


def decode_seeds():
    syn4, syn6 = ip4(tcp(SYN, options=OPTIONS)), ip6(tcp(SYN, options=OPTIONS))
    mac = bytes(12)
    icmp4 = ip4(struct.pack("!BBHI", 3, 13, 0, 0) + syn4, proto=1)
    icmp6 = ip6(struct.pack("!BBHI", 1, 4, 0, 0) + syn6, proto=58)
    extended = ip6(bytes([43, 0, 1, 4, 0, 0, 0, 0]) + bytes([60, 1, 0, 0]) + bytes(12) +
                   bytes([44, 0, 1, 4, 0, 0, 0, 0]) + bytes([6, 0, 0, 1, 0, 0, 0, 9]) + tcp(SYN), proto=0)
    yield 0, mac + b"\x08\x00" + syn4
    yield 0, mac + b"\x86\xdd" + syn6
    yield 0, mac + b"\x81\x00\x00\x2a\x08\x00" + syn4
    yield 0, mac + b"\x88\xa8\x00\x07\x81\x00\x00\x2a\x86\xdd" + syn6
    yield 1, b"\0\0\0\1\0\6" + bytes(8) + b"\x08\x00" + syn4
    yield 2, sll2(syn4)
    yield 2, sll2(syn6, 4, True)
    yield 3, b"\2\0\0\0" + syn4
    yield 4, b"\0\0\0\x1e" + syn6
    for link in range(5, 9):
        yield link, syn4
        yield link, syn6
    yield 5, icmp4
    yield 5, icmp6
    yield 5, extended
    yield 5, ip4(tcp(RST | ACK), options=b"\1" * 40)
    yield 5, ip4(tcp(SYN), fragment=0x2000)
    yield 5, ip4(tcp(SYN), fragment=0x0001)
    yield 0, mac + b"\x08\x06" + arp(1, SRC4, DST4) + bytes(18)
    yield 2, struct.pack("!HHIHBB", 0x0806, 0, 2, 1, 4, 6) + bytes(8) + arp(2, SRC4, DST4)
    yield 5, ip6(struct.pack("!BBHI", 135, 0, 0, 0) + DST6 + b"\1\1\x02\0\0\0\0\1", proto=58)
    yield 5, ip6(struct.pack("!BBHI", 136, 0, 0, 0x60000000) + SRC6, proto=58)


def stream_seeds():
    owner = {"pid": 7, "comm": "nginx", "cmdline": "nginx: master", "user": "root",
             "unit": "nginx.service", "container": ""}
    state = {"state": "on", "why": ""}
    attempt = {"t": 1700000001.25, "id": 3, "first": 1700000000.5, "last": 1700000001.000001, "dir": "in",
               "netns": "", "iface": "eth0", "peer": "203.0.113.7", "peer_port": 40000,
               "addr": "198.51.100.2", "port": 443, "outcome": "refused", "cause": "loopback-only",
               "confidence": "possible", "alternatives": ["no-listener", "firewall-reset"], "by": "host",
               "client_sees": "ECONNREFUSED", "client_words": "refused", "syns": 1, "count": 2,
               "failures": 3, "retry_interval": 5.0,
               "evidence": [{"source": "packets", "text": "SYN"}, {"source": "sockets", "text": "\u00e9"}],
               "summary": "a \"quoted\" \\x1b text", "advice": "listen on 0.0.0.0", "owner": owner}
    tick = {"attempts": 9, "accepted": 1, "refused": 2, "lost": 3, "tracked": 4, "rolled_up": 5}
    yield {"type": "hello", "t": 1.5, "schema": 1, "version": "0.1.0", "host": "h",
           "sources": {s: state for s in ("sockets", "packets", "kernel", "firewall", "namespaces")}}
    yield {"type": "source", "t": 1, "source": "packets", "state": "off", "why": "x", "received": 1, "lost": 2}
    yield {"type": "listener", "t": 1, "event": "up", "id": 7, "proto": "tcp", "family": "dual",
           "addr": "::", "port": 80, "reach": "everyone", "device": "", "queue": 1, "queue_max": 2,
           "owner": owner}
    yield {"type": "attempt", **attempt}
    yield {"type": "reset", **attempt}
    yield {"type": "port", "t": 1, "netns": "", "port": 80, "syn": 1, "icmp_out": 2}
    yield {"type": "tick", "t": 1e9, **tick}
    yield {"type": "bye", "t": -1.5, "reason": "\u202e\u0000\x1b", **tick}
    yield {"type": "unknown", "t": 1, "deep": [[[[[[1]]]]]]}


def arp(op, who, whom):
    return struct.pack("!HHBBH", 1, 0x0800, 6, 4, op) + b"\x02\0\0\0\0\1" + who + bytes(6) + whom


def engine_seeds():
    def packet(p, way, wait=1):
        p = sll2(p, way)
        return bytes([0, wait, len(p)]) + p

    def arp_packet(p, wait=1):
        p = struct.pack("!HHIHBB", 0x0806, 0, 2, 1, 0, 6) + b"\x02" + bytes(7) + p
        return bytes([0, wait, len(p)]) + p

    syn, reply = packet(ip4(tcp(SYN)), 0), ip4(tcp(SYN | ACK, 443, 40000, 5000, 1001), src=DST4, dst=SRC4)
    reset = ip4(tcp(RST | ACK, 443, 40000, 0, 1001), src=DST4, dst=SRC4)
    icmp = ip4(struct.pack("!BBHI", 3, 13, 0, 0) + ip4(tcp(SYN)), proto=1, src=DST4, dst=SRC4)
    fin = ip4(tcp(FIN | ACK, 443, 40000, 5001, 1100), src=DST4, dst=SRC4)
    poll, advance, counters = bytes([2, 50, 3]), bytes([1, 100, 1]), bytes([4, 50, 0])
    yield poll + counters + syn + packet(reset, 4) + counters + poll + advance * 5
    yield poll + counters + syn + advance + poll + advance * 5 + syn + advance
    yield poll + syn + packet(reply, 4) + advance * 3 + packet(fin, 4) + advance * 3
    yield poll + syn + packet(reply, 4) + packet(reply, 4, 100) + bytes([1, 150, 9]) + advance
    yield poll + syn + packet(icmp, 4) + advance + counters + advance
    yield poll + syn + packet(reply, 4) + packet(ip4(tcp(RST, seq=1001)), 0) + advance * 4 + bytes([3, 9, 1])
    yield packet(ip4(tcp(SYN), src=DST4, dst=SRC4), 4) + advance * 20
    # a SYN that is half open, the closer look's ACKs, and the socket's last words
    ack, data = ip4(tcp(ACK, seq=1001, ack=5001)), ip4(tcp(ACK, 443, 40000, 5001, 1001, payload=b"x" * 60), src=DST4,
                                                       dst=SRC4)
    yield poll + syn + packet(reply, 4) + advance + packet(ack, 0) + advance * 3 + counters + advance
    yield poll + syn + packet(reply, 4) + advance * 3 + packet(data, 4) + packet(data, 4) + poll * 4 + advance
    yield poll + syn + packet(reply, 4) + advance * 3 + bytes([5, 9, 3]) + packet(reset, 4) + advance * 2
    yield poll + syn + packet(reply, 4) + advance * 3 + bytes([5, 9, 4]) + advance * 2
    # who has the address: twice, then gone, then an answer
    ask, told = arp(1, SRC4, DST4), arp(2, DST4, SRC4)
    yield poll + arp_packet(ask) + advance + arp_packet(ask, 100) + poll + bytes([6, 9, 0]) + arp_packet(ask) + \
        advance + arp_packet(ask, 100) + poll + arp_packet(told) + poll
    # not ours, odd, and a RST for nobody
    foreign = packet(ip4(tcp(SYN), dst=bytes([192, 0, 2, 9])), 0)
    yield poll + foreign + advance * 4 + packet(ip4(tcp(SYN | FIN)), 0) + advance
    yield poll + packet(ip4(tcp(RST, 443, 40000, 77), src=DST4, dst=SRC4), 4) + advance * 3


def counters_seeds():
    yield "Ip: InAddrErrors OutNoRoutes\nIp: 1 2\nTcp: MaxConn OutSegs OutRsts InCsumErrors\nTcp: -1 3 4 5\n"
    yield "TcpExt: SyncookiesSent ListenOverflows ListenDrops TCPAbortOnData\nTcpExt: 1 2 3 4\n"
    yield "Tcp: OutRsts\nTcp: 18446744073709551616\n"
    yield "Tcp: OutRsts\nUdp: 1\n"
    yield "Ip6InReceives                   \t61\nIp6InAddrErrors\t63\nIp6InDiscards                   \t62\n"
    yield "entries  clashres found drop early_drop\n0000000a  00000001 00000000 0000001f 00000005\n" \
        "0000000a  00000000 00000000 00000100 00000006\n"


def main():
    out = pathlib.Path(sys.argv[1])
    corpora = {
        "decode": [bytes([link]) + packet for link, packet in decode_seeds()],
        "stream": [json.dumps(line, ensure_ascii=i % 2 == 0).encode() for i, line in enumerate(stream_seeds())],
        "engine": list(engine_seeds()),
        "counters": [text.encode() for text in counters_seeds()],
    }
    for name, seeds in corpora.items():
        (out / name).mkdir(parents=True, exist_ok=True)
        for i, seed in enumerate(seeds):
            (out / name / f"seed-{i:02}").write_bytes(seed)


if __name__ == "__main__":
    main()
