"""The rest of the catalogue's causes, made to happen for real: routes, addresses, TCP itself, netfilter.

The contract is that of scenarios.py: each function takes a Lab and a port, causes ONE failure, asserts
what the client saw and, where a counter or a row of the socket table is the essence of the cause, asserts
that too, and returns what was used.  Besides the keys described there:

    peer_port, local_port   the failing connection's; local_port only when this host is the client
    by                      "host" or "peer": who sent the RST that ended an established connection
    client_errno            "hang" when the client is connected and gets no answer, "none" when a
                            hand-made packet has no client behind it, or when all went well in the end
    bystander               another peer's address, of which other things are true

`stop` puts back everything: routes, sysctls, neighbours, rules, addresses.  It is also called when an
assertion fails, and when the lab closes.

A near miss has the symptom and not the cause: its second half in NEAR_MISSES is what must not be named
for its (peer, addr, port).
"""
import concurrent.futures
import contextlib
import ctypes
import errno
import functools
import os
import platform
import re
import socket
import struct
import threading
import time

import packets
import scenarios
from lab import CLIENT4, CLIENT6, SERVER4, SERVER4_OTHER, SERVER6, LabError, Namespace, run
from packets import ACK, FIN, PSH, RST, SYN, URG
from pace import eventually, settle
from scenarios import PATIENCE, by_server, used

IP_FREEBIND, IP_MINTTL, IPV6_MINHOPCOUNT = 15, 21, 73
TCP_MD5SIG, TCP_REPAIR, TCP_REPAIR_QUEUE, TCP_QUEUE_SEQ, TCP_TIMESTAMP = 14, 19, 20, 21, 24
RECEIVE_QUEUE, SEND_QUEUE = 1, 2
REPAIR_OFF_SILENTLY = -1        # 0 would send a window probe
LINGER_RESET = struct.pack("ii", 1, 0)

BYSTANDER4 = "10.77.0.9"        # a third host on the cable, whose packets are made by hand
NO_SUCH_MAC = "02:00:00:00:00:99"
ARP_UNHEARD = "chain in { type filter hook input priority 0; arp operation request drop; }"


# What the scenarios are built from

def scenario(function):
    """Gives `function` a stack of what to undo, and its result the `stop` that undoes it."""
    @functools.wraps(function)
    def arranged(lab, port, **settings):
        undo = contextlib.ExitStack()
        lab.on_exit(undo.close)
        try:
            return function(lab, port, undo, **settings) | dict(stop=undo.close)
        except BaseException:
            undo.close()
            raise
    return arranged


class Moved:
    """How far a host's counters have moved since this was made."""

    def __init__(self, host):
        self.host, self.before = host, host.counters()

    def __getitem__(self, name):
        return self.host.counters().get(name, 0) - self.before.get(name, 0)


class Prepared:
    """A host for Lab.dial: every socket that it opens is made ready by `prepare` first."""

    def __init__(self, host, prepare):
        self.host, self.prepare = host, prepare

    def socket(self, *args):
        sock = self.host.socket(*args)
        self.prepare(sock)
        return sock


def client_of(addr):
    return CLIENT6 if ":" in addr else CLIENT4


def server_of(family):
    return SERVER6 if family == 6 else SERVER4


def dial(lab, addr, port, peer=None, source=None, timeout=PATIENCE, **more):
    """lab.dial from a port that is known beforehand."""
    return lab.dial(addr, port, timeout=timeout, source=(peer or client_of(addr), source or lab.spare_port()), **more)


def fails(lab, addr, port, expect="ETIMEDOUT", peer=None, **more):
    source = lab.spare_port()
    got = dial(lab, addr, port, peer, source, **more)
    assert got.errno == expect, got
    return used(addr, port, got.errno, peer=peer or client_of(addr), peer_port=source)


def asks(sock, data=b"hello\n", patience=1.5):
    """(errno name, "none" or "hang", and the answer) of a connected client that wants one."""
    sock.settimeout(patience)
    try:
        sock.sendall(data)
        return "none", sock.recv(65536)
    except socket.timeout:
        return "hang", b""
    except OSError as err:
        return errno.errorcode[err.errno], b""


def serve(lab, undo, port, addr="0.0.0.0", **settings):
    server = lab.serve(port, addr, **settings)
    undo.callback(server.stop)
    return server


def connect(lab, undo, port, addr=SERVER4, **more):
    """A connected client; at the end it resets what is left, so that the server repeats nothing into the next test."""
    client = dial(lab, addr, port, keep=True, **more)
    assert client.errno == "none", client
    undo.callback(abort, client)
    return client


def abort(client):
    if client.sock:
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RESET)
        client.close()


def listen(lab, undo, port, addr=SERVER4, prepare=lambda sock: None):
    """A listener of this process itself, with socket options that server.py does not know; accepts nobody."""
    sock = lab.server.socket(socket.AF_INET6 if ":" in addr else socket.AF_INET)
    undo.callback(sock.close)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    prepare(sock)
    sock.bind((addr, port))
    sock.listen(16)
    return dict(pid=os.getpid(), bound=addr)


def ip(undo, host, done, undone):
    host.ip(done)
    undo.callback(host.ip, undone)


def sysctl(undo, host, name, value):
    undo.callback(host.sysctl, name, host.sysctl(name, value))


def rule(lab, undo, chain, text, host=None):
    undo.callback(lab.rule(chain, text, host))


def table(undo, host, family, chains):
    """A table `net` of a family, gone at the end."""
    host.nft(f"table {family} net {{\n{chains}\n}}")
    undo.callback(host.nft, f"delete table {family} net")


@contextlib.contextmanager
def for_a_while(host, addr, length):
    host.ip(f"address add {addr}/{length} dev eth0{' nodad' if ':' in addr else ''}")
    try:
        yield
    finally:
        host.ip(f"address del {addr}/{length} dev eth0")


def neighbour(undo, host, addr, mac):
    """A permanent neighbour entry: this host asks nobody for that address."""
    ip(undo, host, f"neigh replace {addr} lladdr {mac} dev eth0 nud permanent", f"neigh del {addr} dev eth0")


def forget(host, addr):
    host.ip(f"neigh flush to {addr} dev eth0")


def rows(host, state, port):
    """The socket table's lines of one local port in one TCP state."""
    return run(host.command("ss", "-Hnt", "state", state, f"sport = :{port}")).splitlines()


def neighbour_state(host, addr):
    return run(host.command("ip", "neigh", "show", "to", addr)).strip()


def inject(lab, src, sport, dst, dport, flags, mac=None, vlan=None, ttl=64, spoil_ip=False, **segment):
    """One hand-made segment onto the cable, from the client's side."""
    packet = packets.ip(src, dst, packets.tcp(src, sport, dst, dport, flags, **segment), ttl=ttl, spoil=spoil_ip)
    packets.send(lab.client, packets.ethernet(mac or lab.server.mac("eth0"), lab.client.mac("eth0"), packet, vlan))


def hand_made(lab, port, addr=SERVER4, src=CLIENT4, flags=SYN, answers=0, **more):
    """A hand-made segment, and how many segments of any kind the server sends back to it."""
    source = lab.spare_port()
    with packets.Tap(lab.server) as tap:
        inject(lab, src, source, addr, port, flags, **more)
        time.sleep(settle(0.3))
        out = [bits for way, bits, _ in tap.segments(source) if way == "out"]
    assert len(out) == answers, out
    return used(addr, port, "none", peer=src, peer_port=source)


def quiet(lab, undo, source):
    """The client's kernel does not reset what it never asked for."""
    rule(lab, undo, "out", f"tcp sport {source} tcp flags & rst == rst drop", lab.client)


@contextlib.contextmanager
def repairing(sock):
    """In repair mode a socket tells and takes its sequence numbers and clock, and closes without a word."""
    sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
    yield
    sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, REPAIR_OFF_SILENTLY)


def sequence(sock):
    """(next to send, next to receive)"""
    found = []
    with repairing(sock):
        for queue in (SEND_QUEUE, RECEIVE_QUEUE):
            sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR_QUEUE, queue)
            found.append(sock.getsockopt(socket.IPPROTO_TCP, TCP_QUEUE_SEQ) & 0xFFFFFFFF)
    return found


def shift_clock(sock, by):
    """Move the clock that the client's timestamps are read from; its lowest bit chooses another unit."""
    with repairing(sock):
        now = sock.getsockopt(socket.IPPROTO_TCP, TCP_TIMESTAMP) & 0xFFFFFFFF
        sock.setsockopt(socket.IPPROTO_TCP, TCP_TIMESTAMP, struct.pack("=I", (now + by) & 0xFFFFFFFE))


def starting_at(sequence_number):
    """For Prepared: the SYN carries this sequence number."""
    def prepare(sock):
        with repairing(sock):
            sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR_QUEUE, SEND_QUEUE)
            sock.setsockopt(socket.IPPROTO_TCP, TCP_QUEUE_SEQ, struct.pack("=I", sequence_number & 0xFFFFFFFF))
    return prepare


def vanish(client):
    """The client host loses the connection without a packet, as in a power cut."""
    client.sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
    client.close()


# Routes

def far_client(lab, undo, addr):
    """An address of the client's that is not on the cable's network."""
    whole = f"{addr}/{128 if ':' in addr else 32}"
    ip(undo, lab.client, f"address add {whole} dev lo{' nodad' if ':' in whole else ''}", f"address del {whole} dev lo")
    return addr


@scenario
def reverse_path(lab, port, undo, everywhere=False):
    """The way back to the source leads over another cable, and rp_filter is strict.

    `everywhere`: by conf.all, which wins when it is the larger; the interface's own setting says 0.
    """
    lab.add_second_link()
    serve(lab, undo, port)
    peer = far_client(lab, undo, "10.79.0.9")
    ip(undo, lab.server, "route add 10.79.0.0/24 via 10.78.0.2 dev eth1", "route del 10.79.0.0/24")
    sysctl(undo, lab.server, f"net.ipv4.conf.{'all' if everywhere else 'eth0'}.rp_filter", 1)
    moved = Moved(lab.server)
    result = fails(lab, SERVER4, port, peer=peer)
    assert moved["TcpExtIPReversePathFilter"] >= 3
    return result | dict(evidence=["rp_filter", "IPReversePathFilter", "eth1"])


@scenario
def no_route_back(lab, port, undo, kind="none", family=4):
    """The SYN comes in, and there is no route for the SYN-ACK, or one that forbids it."""
    serve(lab, undo, port, "::" if family == 6 else "0.0.0.0")
    peer = far_client(lab, undo, "fd80::9" if family == 6 else "10.80.0.9")
    if kind != "none":
        ip(undo, lab.server, f"route add {kind} {peer}", f"route del {kind} {peer}")
    moved = Moved(lab.server)
    result = fails(lab, server_of(family), port, peer=peer)
    assert moved["TcpExtListenDrops"] >= 3
    if kind == "none":
        assert moved["Ip6OutNoRoutes" if family == 6 else "IpOutNoRoutes"] >= 3
    return result | dict(evidence=["OutNoRoutes", "no route" if kind == "none" else kind])


@scenario
def next_hop_dead(lab, port, undo, family=4, gateway=False):
    """The way back is there, but its neighbour does not say where it is: the client's host, or a gateway."""
    addr, peer = server_of(family), client_of(server_of(family))
    serve(lab, undo, port, "::" if family == 6 else "0.0.0.0")
    neighbour(undo, lab.client, addr, lab.server.mac("eth0"))
    asked = peer
    if gateway:
        asked, peer = "10.77.0.99", far_client(lab, undo, "10.81.0.9")
        ip(undo, lab.server, f"route add 10.81.0.0/24 via {asked} dev eth0", "route del 10.81.0.0/24")
    elif family == 6:
        rule(lab, undo, "in", "icmpv6 type nd-neighbor-solicit drop", lab.client)
    else:
        table(undo, lab.client, "arp", ARP_UNHEARD)
    undo.callback(forget, lab.server, asked)
    forget(lab.server, asked)
    with packets.Tap(lab.server) as tap:
        result = fails(lab, addr, port, peer=peer, timeout=3.5)
        said = tap.neighbours(asked)
    assert said.count("out who-has") >= 3 and "in is-at" not in said, said
    assert re.search("FAILED|INCOMPLETE", neighbour_state(lab.server, asked))
    return result | dict(next_hop=asked, evidence=[asked, "FAILED", "neighbour", "ARP", "solicit"])


# Addresses

@scenario
def not_our_address(lab, port, undo, family=4, freebind=False):
    """The client sends the SYN to this host's MAC, for an address that this host does not have."""
    addr = "fd77::77" if family == 6 else "10.77.0.77"
    extra = listen(lab, undo, port, addr, lambda s: s.setsockopt(socket.SOL_IP, IP_FREEBIND, 1)) if freebind else {}
    neighbour(undo, lab.client, addr, lab.server.mac("eth0"))
    moved = Moved(lab.server)
    result = fails(lab, addr, port)
    assert moved["Ip6InAddrErrors" if family == 6 else "IpInAddrErrors"] >= 3
    return result | dict(evidence=["InAddrErrors", addr], **extra)


def address_removed(lab, port, undo, family):
    """The address went, its listener stays."""
    addr, length = ("fd77::55", 64) if family == 6 else ("10.77.0.55", 24)
    with for_a_while(lab.server, addr, length):
        serve(lab, undo, port, addr)
    return addr


def address_elsewhere(lab, port, undo, _family):
    """The address is on lo, and arp_ignore=1 answers only for those of the interface that was asked."""
    ip(undo, lab.server, "address add 10.77.0.66/32 dev lo", "address del 10.77.0.66/32 dev lo")
    sysctl(undo, lab.server, "net.ipv4.conf.eth0.arp_ignore", 1)
    serve(lab, undo, port)
    return "10.77.0.66"


def arp_switched_off(lab, port, undo, _family):
    """arp_ignore=8 answers for nothing."""
    sysctl(undo, lab.server, "net.ipv4.conf.eth0.arp_ignore", 8)
    serve(lab, undo, port)
    return SERVER4_OTHER


def duplicate_address(lab, port, undo, _family):
    """The client's host had the address when the server came up with it: the server may not use it."""
    addr = "fd77::55"
    serve(lab, undo, port, "::")
    sysctl(undo, lab.server, "net.ipv6.conf.eth0.accept_dad", 1)
    with for_a_while(lab.client, addr, 64):
        ip(undo, lab.server, f"address add {addr}/64 dev eth0", f"address del {addr}/64 dev eth0")
        assert eventually(lambda: "dadfailed" in run(lab.server.command("ip", "address", "show", "to", addr)), 3), \
            "the address is not found to be a duplicate"
    return addr


def question_filtered(lab, port, undo, family):
    """The server's firewall takes the question away."""
    serve(lab, undo, port, "::" if family == 6 else "0.0.0.0")
    if family == 6:
        rule(lab, undo, "in", "icmpv6 type nd-neighbor-solicit counter drop")
        return SERVER6
    table(undo, lab.server, "arp", ARP_UNHEARD)
    return SERVER4_OTHER


UNANSWERED = {
    "removed": (address_removed, ["10.77.0.55", "fd77::55"]),
    "arp-ignore-1": (address_elsewhere, ["arp_ignore"]),
    "arp-ignore-8": (arp_switched_off, ["arp_ignore"]),
    "dad-failed": (duplicate_address, ["dadfailed", "DAD", "duplicate"]),
    "filtered": (question_filtered, ["firewall", "netfilter", "nft"]),
}


@scenario
def address_unanswered(lab, port, undo, kind="removed", family=4):
    """The client asks who has the address, and nobody says so; the SYN is never sent."""
    make, evidence = UNANSWERED[kind]
    addr = make(lab, port, undo, family)
    undo.callback(forget, lab.client, addr)
    forget(lab.client, addr)
    with packets.Tap(lab.server) as tap:
        result = fails(lab, addr, port, "EHOSTUNREACH", timeout=4.5)
        said = tap.neighbours(addr)
    assert said.count("in who-has") >= 3 and "out is-at" not in said, said
    return result | dict(evidence=evidence)


@scenario
def forward_unreachable(lab, port, undo, kind="no-route", family=4):
    """The server is the client's router for a target to which it has no route, or that does not answer ARP."""
    addr, net, via = ("fd90::7", "fd90::/64", SERVER6) if family == 6 else ("10.90.0.7", "10.90.0.0/24", SERVER4)
    if kind == "neighbour":
        lab.add_second_link()
        addr, net = "10.78.0.99", "10.78.0.99"
        undo.callback(lab.server.ip, f"neigh flush to {addr} dev eth1")
    sysctl(undo, lab.server, "net.ipv6.conf.all.forwarding" if family == 6 else "net.ipv4.ip_forward", 1)
    ip(undo, lab.client, f"route add {net} via {via} dev eth0", f"route del {net} via {via} dev eth0")
    moved = Moved(lab.server)
    result = fails(lab, addr, port, "EHOSTUNREACH" if kind == "neighbour" else "ENETUNREACH", timeout=4.5)
    assert moved["Icmp6OutDestUnreachs" if family == 6 else "IcmpOutDestUnreachs"] >= 1
    return result | dict(evidence=["route", "forward", "ICMP", addr])


MARTIANS = {    # source -> what moves
    SERVER4: {},
    "127.0.0.5": {},
    SERVER6: {"TcpExtEmbryonicRsts": 1, "TcpOutRsts": 1},
    "::1": {"Ip6InHdrErrors": 1},
}


@scenario
def martian(lab, port, undo, source=SERVER4):
    """A SYN from the server's own address, or from a loopback one.

    IPv6 has no such check for its own addresses: there the SYN is answered, over lo, and the host resets
    what it never asked for; on the cable that is silence all the same.
    """
    addr = SERVER6 if ":" in source else SERVER4
    serve(lab, undo, port, "::")
    moved = Moved(lab.server)
    result = hand_made(lab, port, addr, source)
    assert {name: moved[name] for name in MARTIANS[source]} == MARTIANS[source]
    if addr == SERVER4:
        assert moved["IpInReceives"] == 1 and moved["TcpInSegs"] == 0
        try:
            run(lab.server.command("ip", "route", "get", addr, "from", source, "iif", "eth0"))
            raise AssertionError("the kernel finds a route for it")
        except LabError as said:
            assert "Invalid argument" in str(said), said
    return result | dict(evidence=["martian", source, "impossible"])


@scenario
def not_for_us(lab, port, undo, kind="mac"):
    """The SYN crosses the cable, but this host's stack does not take it for its own."""
    serve(lab, undo, port)
    moved = Moved(lab.server)
    if kind == "mac":
        neighbour(undo, lab.client, SERVER4, NO_SUCH_MAC)
        result = fails(lab, SERVER4, port) | dict(evidence=["MAC", NO_SUCH_MAC])
    elif kind == "vlan":
        result = hand_made(lab, port, vlan=77) | dict(evidence=["VLAN", "77"])
    elif kind == "broadcast-mac":
        result = hand_made(lab, port, mac=packets.BROADCAST) | dict(evidence=["broadcast"])
    else:
        result = hand_made(lab, port, addr="10.77.0.255", mac=packets.BROADCAST) | dict(evidence=["broadcast"])
    assert moved["TcpInSegs"] == 0
    return result


@scenario
def ipv6_disabled(lab, port, undo):
    """disable_ipv6 took the addresses away; the client still knows the MAC, or has a static entry for it."""
    serve(lab, undo, port, "::")
    neighbour(undo, lab.client, SERVER6, lab.server.mac("eth0"))
    undo.callback(lab.server.ip, f"address add {SERVER6}/64 dev eth0 nodad")
    sysctl(undo, lab.server, "net.ipv6.conf.eth0.disable_ipv6", 1)
    moved = Moved(lab.server)
    result = fails(lab, SERVER6, port)
    assert moved["Ip6InDiscards"] >= 3
    return result | dict(evidence=["disable_ipv6", "Ip6InDiscards"])


@scenario
def mtu_blackhole(lab, port, undo, family=4):
    """Somewhere on the way, large packets vanish without a word; the handshake and small answers pass.

    The answer's last segment is small: it arrives, and is acknowledged selectively.
    """
    sysctl(undo, lab.server, "net.ipv4.tcp_mtu_probing", 0)
    server = serve(lab, undo, port, "::" if family == 6 else "0.0.0.0")
    rule(lab, undo, "in", f"tcp sport {port} meta length > 1000 drop", lab.client)
    client = connect(lab, undo, port, server_of(family))
    assert asks(client.sock) == ("none", b"hello\n")
    moved = Moved(lab.server)
    got, answer = asks(client.sock, b"x" * 3000, patience=2.5)
    assert (got, answer) == ("hang", b""), (got, answer)
    assert moved["TcpExtTCPTimeouts"] >= 2 and moved["TcpRetransSegs"] >= 2
    assert int(rows(lab.server, "established", port)[0].split()[1]) >= 2896
    return used(server_of(family), port, got, peer_port=client.source[1],
                **by_server(server, "1448", "1428", "1500", "MTU", "full-size"))


# TCP itself

def md5_key(sock, addr, key):
    where = struct.pack("=H2x4s120x", socket.AF_INET, packets.packed(addr))
    sock.setsockopt(socket.IPPROTO_TCP, TCP_MD5SIG, where + struct.pack("=BBHi80s", 0, 0, len(key), 0, key))


MD5 = {     # what the listener expects, what the client signs with, the counter
    "missing": (b"ours", None, "TcpExtTCPMD5NotFound"),
    "unexpected": (None, b"theirs", "TcpExtTCPMD5Unexpected"),
    "wrong": (b"ours", b"theirs", "TcpExtTCPMD5Failure"),
}


@scenario
def tcp_md5(lab, port, undo, kind="missing"):
    """The TCP MD5 signature (RFC 2385) of the SYN is missing, unexpected or wrong."""
    ours, theirs, counter = MD5[kind]
    listener = listen(lab, undo, port, prepare=lambda sock: ours and md5_key(sock, CLIENT4, ours))
    moved = Moved(lab.server)
    client = Prepared(lab.client, lambda sock: theirs and md5_key(sock, SERVER4, theirs))
    result = fails(lab, SERVER4, port, host=client)
    assert moved[counter] >= 3
    return result | listener | dict(evidence=[counter.removeprefix("TcpExt"), "MD5"])


@scenario
def bad_checksum(lab, port, undo, header=False, times=1):
    """The TCP checksum is wrong, or the IP header's; `times`, a second apart."""
    serve(lab, undo, port)
    moved = Moved(lab.server)
    for again in range(times):
        time.sleep(0.7 if again else 0)
        result = hand_made(lab, port, spoil=not header, spoil_ip=header)
    assert (moved["TcpInCsumErrors"], moved["IpExtInCsumErrors"]) == ((0, times) if header else (times, 0))
    return result | dict(evidence=["InCsumErrors", "checksum"])


@scenario
def min_ttl(lab, port, undo, family=4):
    """The listener takes only packets that crossed no router (IP_MINTTL 255, as for BGP); the client's start at 64."""
    level, option = (socket.IPPROTO_IPV6, IPV6_MINHOPCOUNT) if family == 6 else (socket.SOL_IP, IP_MINTTL)
    listener = listen(lab, undo, port, server_of(family), lambda sock: sock.setsockopt(level, option, 255))
    moved = Moved(lab.server)
    result = fails(lab, server_of(family), port)
    assert moved["TcpExtTCPMinTTLDrop"] >= 3
    return result | listener | dict(evidence=["TCPMinTTLDrop", "MINTTL", "TTL", "hop limit"])


def leave_in_time_wait(lab, undo, port, shift=0):
    """A connection that the server closed first; its client port, and the client's last sequence number."""
    serve(lab, undo, port, mode="close-early")
    client = connect(lab, undo, port)
    if shift:
        shift_clock(client.sock, shift)
    assert asks(client.sock) == ("none", b"")
    last = sequence(client.sock)[0]
    client.close()
    assert eventually(lambda: len(rows(lab.server, "time-wait", port)) == 1)
    return client.source[1], last


@scenario
def timewait_reuse(lab, port, undo, kind="old-sequence"):
    """The client comes again from the same port, and the server's TIME_WAIT takes its SYN for an old one.

    The server repeats its last ACK; the client, which expects a SYN-ACK, resets; that ends TIME_WAIT, and the
    second SYN, which Linux sends two ticks after the RST, is accepted.  With tcp_rfc1337=1 TIME_WAIT outlives
    the RST ("rfc1337"), and the client gives up.  "old-timestamp": the first connection's clock was ahead, as
    when two hosts share one address by NAT.
    """
    source, last = leave_in_time_wait(lab, undo, port, shift=10_000_000 if kind == "old-timestamp" else 0)
    client = Prepared(lab.client, starting_at(last + 100_000 if kind == "old-timestamp" else last - 100_000))
    if kind != "old-timestamp":
        sysctl(undo, lab.client, "net.ipv4.tcp_timestamps", 0)
    if kind == "rfc1337":
        sysctl(undo, lab.server, "net.ipv4.tcp_rfc1337", 1)
    moved = Moved(lab.server)
    with packets.Tap(lab.server) as tap:
        got = dial(lab, SERVER4, port, source=source, host=client)
        first = [bits for _, bits, _ in tap.segments(source)[:4]]
    assert got.errno == ("ETIMEDOUT" if kind == "rfc1337" else "none"), got
    assert first == [SYN, ACK, RST, SYN], first
    assert (moved["TcpExtPAWSTimewait"] > 0) == (kind == "old-timestamp")
    assert len(rows(lab.server, "time-wait", port)) == (1 if kind == "rfc1337" else 0)
    return used(SERVER4, port, got.errno, peer_port=source, evidence=["TIME_WAIT", "TIME-WAIT", "PAWSTimewait"])


@scenario
def paws(lab, port, undo):
    """The client's timestamps go backwards on an established connection: nothing that it says is taken."""
    server = serve(lab, undo, port)
    client = connect(lab, undo, port)
    assert asks(client.sock) == ("none", b"hello\n")
    shift_clock(client.sock, -1_000_000)
    moved = Moved(lab.server)
    got, answer = asks(client.sock, b"again\n", patience=2.0)
    assert (got, answer) == ("hang", b""), (got, answer)
    assert moved["TcpExtPAWSEstab"] >= 2
    return used(SERVER4, port, got, peer_port=client.source[1], **by_server(server, "PAWSEstab", "timestamp"))


@scenario
def duplicate_connection(lab, port, undo, silent=False):
    """The client's host forgot a connection that the server still has, and connects again from the same port.

    The server challenges the SYN; the client's RST ends the old connection, and its second SYN, which Linux
    sends two ticks later, is accepted.
    `silent`: the client's own firewall keeps the RST back, and the client never gets in.
    """
    server = serve(lab, undo, port)
    old = connect(lab, undo, port)
    source = old.source[1]
    assert asks(old.sock) == ("none", b"hello\n")
    vanish(old)
    if silent:
        quiet(lab, undo, source)
    moved = Moved(lab.server)
    with packets.Tap(lab.server) as tap:
        got = dial(lab, SERVER4, port, source=source)
        first = [bits for _, bits, _ in tap.segments(source)[:4]]
    assert got.errno == ("ETIMEDOUT" if silent else "none"), got
    assert first[:3] == ([SYN, ACK, SYN] if silent else [SYN, ACK, RST]), first
    assert moved["TcpExtTCPSYNChallenge"] >= 1
    return used(SERVER4, port, got.errno, peer_port=source,
                **by_server(server, "TCPSYNChallenge", "challenge", "still established", "4-tuple"))


# The peer

@scenario
def peer_firewall(lab, port, undo, reject="tcp reset"):
    """The client's own firewall rejects our SYN-ACK, and its kernel, which never saw it, tries again."""
    server = serve(lab, undo, port, syn_retries=1)
    rule(lab, undo, "in", f"tcp sport {port} reject with {reject}", lab.client)
    moved = Moved(lab.server)
    result = fails(lab, SERVER4, port)
    if reject == "tcp reset":
        assert moved["TcpExtEmbryonicRsts"] >= 3
    else:
        assert moved["IcmpInDestUnreachs"] >= 3
    return result | by_server(server, "RST" if reject == "tcp reset" else "ICMP", "firewall")


@scenario
def reply_lost(lab, port, undo, family=4):
    """Our SYN-ACKs do not reach a real client: it repeats its SYN, and we our SYN-ACK."""
    server = serve(lab, undo, port, "::" if family == 6 else "0.0.0.0", syn_retries=3)
    rule(lab, undo, "in", f"tcp sport {port} drop", lab.client)
    moved = Moved(lab.server)
    with packets.Tap(lab.server) as tap:
        result = fails(lab, server_of(family), port)
        syns, replies = (len(tap.segments(port, flags)) for flags in (SYN, SYN | ACK))
    assert syns >= 3 and replies >= 3, (syns, replies)
    assert moved["TcpExtTCPTimeouts"] >= 1
    return result | by_server(server, "SYN-ACK", "SYN+ACK", "again", "retransmi")


@scenario
def peer_gave_up(lab, port, undo):
    """One SYN, kept here by a program (NFQUEUE), and no second: whether the peer lost patience, nobody can tell."""
    import scenarios_kernel     # which is built on this module
    serve(lab, undo, port)
    scenarios_kernel.Reader(lab.server, undo, scenarios_kernel.QUEUE, accept=False)
    scenarios_kernel.queue_rule(lab, undo, port, "nft")
    return hand_made(lab, port) | dict(evidence=["one SYN", "1 SYN", "no retry", "SYN"])


@scenario
def stray_segment(lab, port, undo, kind="ack"):
    """An ACK for no connection, or one that acknowledges something else during a handshake."""
    serve(lab, undo, port)
    moved = Moved(lab.server)
    if kind == "ack":
        result = hand_made(lab, port, flags=ACK, ack=1, answers=1)
    else:
        source = lab.spare_port()
        quiet(lab, undo, source)
        inject(lab, CLIENT4, source, SERVER4, port, SYN, seq=1000)
        time.sleep(settle(0.1))
        inject(lab, CLIENT4, source, SERVER4, port, ACK, seq=1001, ack=0x7777)
        eventually(lambda: moved["TcpOutRsts"])
        result = used(SERVER4, port, "none", peer_port=source)
    assert moved["TcpOutRsts"] == 1
    return result | dict(evidence=["ACK", "stray"])


ODD_FLAGS = {"syn-fin": SYN | FIN, "syn-rst": SYN | RST, "null": 0, "xmas": FIN | PSH | URG, "fin": FIN}


@scenario
def odd_flags(lab, port, undo, kind="syn-fin", listener=True):
    """A scanner's segment.  A listener says nothing to it; a closed port resets it, unless it is a RST itself."""
    if listener:
        serve(lab, undo, port)
    answers = 0 if listener or kind == "syn-rst" else 1
    return hand_made(lab, port, flags=ODD_FLAGS[kind], answers=answers) | dict(
        flags=ODD_FLAGS[kind], evidence=["SYN+FIN", "flags", "NULL", "Xmas", "FIN"])


@scenario
def middlebox_reset(lab, port, undo, ttl=51, both_ends=False):
    """A RST with the client's addresses and the right sequence number, from somewhere on the way.

    The client learns of it when it next sends something; `both_ends`: it gets a RST with our addresses.
    """
    server = serve(lab, undo, port)
    client = connect(lab, undo, port)
    source = client.source[1]
    assert asks(client.sock) == ("none", b"hello\n")
    mine, theirs = sequence(client.sock)
    inject(lab, CLIENT4, source, SERVER4, port, RST, seq=mine, ttl=ttl)
    if both_ends:       # by the client's lo, so that the server's cable does not see it
        forged = packets.tcp(SERVER4, port, CLIENT4, source, RST, seq=theirs)
        packets.send(lab.client, packets.ethernet("00:00:00:00:00:00", "00:00:00:00:00:00",
                                                  packets.ip(SERVER4, CLIENT4, forged, ttl=ttl)), "lo")
    assert eventually(lambda: rows(lab.server, "established", port) == [])
    got, _ = asks(client.sock, b"again\n")
    assert got == "ECONNRESET", got
    return used(SERVER4, port, got, peer_port=source, by="peer", ttl=ttl, **by_server(server, "TTL", str(ttl)))


@scenario
def remote_reset(lab, port, undo):
    """This host connects to a server elsewhere that takes the request and aborts."""
    serve(lab, undo, port, CLIENT4, host=lab.client, mode="abort-linger")
    got, answer, source = lab.request(CLIENT4, port, host=lab.server)
    assert (got, answer) == ("ECONNRESET", b""), (got, answer)
    return used(SERVER4, port, got, dir="out", peer=CLIENT4, peer_port=port, local_port=source[1], by="peer",
                evidence=["RST", "reset", CLIENT4])


# Nobody at the door

BPF_SYSCALL = {"x86_64": 321, "aarch64": 280}
BPF_PROG_LOAD, BPF_LINK_CREATE = 5, 28
BPF_PROG_TYPE_SK_LOOKUP, BPF_SK_LOOKUP = 30, 36
SK_LOOKUP_LOCAL_PORT = 60       # offset in struct bpf_sk_lookup; host byte order


def bpf(command, attributes):
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(attributes, max(len(attributes), 128))
    fd = libc.syscall(BPF_SYSCALL[platform.machine()], command, buffer, len(buffer))
    if fd < 0:
        raise LabError(f"bpf({command}): {os.strerror(ctypes.get_errno())}")
    return fd


def sk_lookup_drop(port):
    """A program that takes every listener away from one port."""
    def instruction(code, registers, offset, value):
        return struct.pack("=BBhi", code, registers, offset, value)
    code = b"".join((
        instruction(0x61, 0x12, SK_LOOKUP_LOCAL_PORT, 0),   # r2 = context->local_port
        instruction(0xB7, 0x00, 0, 1),                      # r0 = SK_PASS
        instruction(0x55, 0x02, 1, port),                   # if r2 != port, skip one
        instruction(0xB7, 0x00, 0, 0),                      # r0 = SK_DROP
        instruction(0x95, 0x00, 0, 0)))                     # return r0
    text, license_name = ctypes.create_string_buffer(code), ctypes.create_string_buffer(b"GPL")
    return bpf(BPF_PROG_LOAD, struct.pack(
        "=IIQQIIQII16sII", BPF_PROG_TYPE_SK_LOOKUP, len(code) // 8, ctypes.addressof(text),
        ctypes.addressof(license_name), 0, 0, 0, 0, 0, b"lab_drop", 0, BPF_SK_LOOKUP))


@scenario
def steered_away(lab, port, undo):
    """A BPF program at the socket look-up says no; the listener is there all the same."""
    server = serve(lab, undo, port)
    program = sk_lookup_drop(port)
    undo.callback(os.close, program)
    link = bpf(BPF_LINK_CREATE, struct.pack("=IIII", program, lab.server.fd, BPF_SK_LOOKUP, 0))
    undo.callback(os.close, link)
    result = scenarios.refused(lab, SERVER4, port)
    assert len(rows(lab.server, "listening", port)) == 1
    return result | by_server(server, "sk_lookup", "BPF")


def third_namespace(lab, port, undo, joined=None):
    """A namespace beside the two hosts; joined: by which kind of interface the server host leads to it."""
    third = Namespace(f"twlab-{os.getpid()}-{port}-s")
    undo.callback(third.delete)
    third.ip("link set lo up")
    if joined == "veth":    # as a container's, with this host as its way out
        lab.server.ip(f"link add veth{port} type veth peer name eth0 netns {third.name}",
                      f"address add 10.79.0.1/24 dev veth{port}", f"link set veth{port} up")
        undo.callback(lab.server.ip, f"link del veth{port}")    # a namespace's own end takes its time
        third.ip("address add 10.79.0.2/24 dev eth0", "link set eth0 up", "route add default via 10.79.0.1")
    elif joined == "macvlan":
        lab.server.ip(f"link add mac{port} link eth0 netns {third.name} type macvlan mode bridge")
        third.ip(f"address add 10.79.0.2/24 dev mac{port}", f"link set mac{port} up")
    elif joined == "apart":
        third.ip("link add other type veth peer name end", "address add 10.79.0.2/24 dev other", "link set other up",
                 "link set end up")
    return third


@scenario
def other_namespace(lab, port, undo, joined="veth", addr="0.0.0.0"):
    """The listener is in a third namespace of the same machine, like a container whose port is not published."""
    third = third_namespace(lab, port, undo, joined)
    server = serve(lab, undo, port, addr=addr, host=third)
    return scenarios.refused(lab, SERVER4, port, namespace=third.name) | by_server(
        server, third.name, "namespace", str(server.pid))


# Netfilter

@scenario
def firewall_drop_reply(lab, port, undo, verdict="drop"):
    """The SYN comes in; our own output chain takes the SYN-ACK."""
    server = serve(lab, undo, port)
    rule(lab, undo, "out", f"tcp sport {port} counter {verdict}")
    moved = Moved(lab.server)
    with packets.Tap(lab.server) as tap:
        result = fails(lab, SERVER4, port)
        assert not [way for way, _, _ in tap.segments(port) if way == "out"], tap.segments(port)
    if verdict in ("drop", "reject"):
        assert len(rows(lab.server, "syn-recv", port)) == 1
        assert moved["TcpExtTCPTimeouts"] >= 1 and moved["TcpRetransSegs"] == 0
    return result | by_server(server, "SYN-ACK", "output", "SYN_RECV")


@scenario
def firewall_drop_ack(lab, port, undo):
    """The SYN passes, and everything later from the client is dropped: it believes that it is connected."""
    server = serve(lab, undo, port)
    rule(lab, undo, "in", f"tcp dport {port} tcp flags & (syn | ack) == ack counter drop")
    moved = Moved(lab.server)
    client = connect(lab, undo, port)
    got, answer = asks(client.sock)
    assert (got, answer) == ("hang", b""), (got, answer)
    assert len(rows(lab.server, "syn-recv", port)) == 1 and moved["TcpExtListenOverflows"] == 0
    return used(SERVER4, port, got, peer_port=client.source[1], **by_server(server, "ACK", "SYN_RECV"))


@scenario
def synproxy_backend_dead(lab, port, undo):
    """The firewall answers the handshake for a server that is not there."""
    sysctl(undo, lab.server, "net.netfilter.nf_conntrack_tcp_loose", 0)
    table(undo, lab.server, "inet", f"""
        chain early {{ type filter hook prerouting priority raw; tcp dport {port} tcp flags syn notrack; }}
        chain in {{ type filter hook input priority 0;
            tcp dport {port} ct state invalid,untracked synproxy mss 1460 wscale 7 timestamp sack-perm; }}""")
    client = dial(lab, SERVER4, port, keep=True)
    undo.callback(client.close)
    got = asks(client.sock)[0] if client.sock else client.errno     # the RST may beat connect() to its end
    assert got == "ECONNRESET", got
    return used(SERVER4, port, got, peer_port=client.source[1], by="host", evidence=["synproxy", "SYNPROXY"])


NETLINK_NETFILTER = 12
CT_NEW, CT_DELETE = 0x100, 0x102
CT_ORIGINAL, CT_REPLY, CT_STATUS, CT_PROTOINFO, CT_TIMEOUT = 1, 2, 3, 4, 7
REQUEST, WANT_ACK, EXCLUSIVE, CREATE = 0x1, 0x4, 0x200, 0x400
SEEN_REPLY_ASSURED_CONFIRMED = 0x2 | 0x4 | 0x8      # no such entry is sacrificed for a new one
TCP_ESTABLISHED = 3
ANY_PORT = 0xABCD


def attribute(kind, *parts):
    data = b"".join(parts)
    return struct.pack("=HH", 4 + len(data), kind) + data + b"\0" * (-len(data) % 4)


def conntrack_request(kind, flags, *attributes):
    body = struct.pack("!BBH", socket.AF_INET, 0, 0) + b"".join(attributes)
    return struct.pack("=IHHII", 16 + len(body), kind, REQUEST | flags, 0, 0) + body


def conntrack_entry(sport, dport):
    """A request to enter an established connection between two hosts that nobody knows."""
    def tuple_of(kind, src, sport, dst, dport):
        addresses = attribute(1, attribute(1, packets.packed(src)), attribute(2, packets.packed(dst)))
        ports = [attribute(2, struct.pack("!H", sport)), attribute(3, struct.pack("!H", dport))]
        return attribute(kind, addresses, attribute(2, attribute(1, bytes([packets.TCP])), *ports))
    here, there = "198.51.100.1", "198.51.100.2"
    return conntrack_request(
        CT_NEW, CREATE | EXCLUSIVE, tuple_of(CT_ORIGINAL, here, sport, there, dport),
        tuple_of(CT_REPLY, there, dport, here, sport),
        attribute(CT_STATUS, struct.pack("!I", SEEN_REPLY_ASSURED_CONFIRMED)),
        attribute(CT_TIMEOUT, struct.pack("!I", 600)),
        attribute(CT_PROTOINFO, attribute(1, attribute(1, bytes([TCP_ESTABLISHED])))))


def fill_conntrack(host, undo):
    """Entries up to nf_conntrack_max, which can be lowered in the first namespace only: 0.6 s for 262,144."""
    with host:
        sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
    undo.callback(sock.close)
    undo.callback(sock.send, conntrack_request(CT_DELETE, 0))       # all of them
    missing = int(host.sysctl("net.netfilter.nf_conntrack_max"))
    if missing > 1_000_000:
        raise LabError(f"too many conntrack entries to fill: {missing}")
    for dport in range(1, missing // 65535 + 2):
        blank, marker = conntrack_entry(ANY_PORT, dport), struct.pack("!H", ANY_PORT)
        for start in range(1, min(missing, 65535) + 1, 256):
            sports = range(start, min(start + 256, 65536))
            sock.send(b"".join(blank.replace(marker, struct.pack("!H", sport)) for sport in sports))
        missing -= 65535


def conntrack_drops(host):
    with host, open("/proc/thread-self/net/stat/nf_conntrack") as lines:
        column = next(lines).split().index("drop")
        return sum(int(line.split()[column], 16) for line in lines)


@scenario
def conntrack_full(lab, port, undo):
    """No place for one more connection, and none that may go for it."""
    serve(lab, undo, port)
    rule(lab, undo, "in", f"tcp dport {port} ct state established counter")     # switches conntrack on
    fill_conntrack(lab.server, undo)
    full, limit = (int(lab.server.sysctl(f"net.netfilter.nf_conntrack_{name}")) for name in ("count", "max"))
    assert full >= limit, (full, limit)
    before = conntrack_drops(lab.server)
    result = fails(lab, SERVER4, port)
    assert conntrack_drops(lab.server) >= before + 3
    return result | dict(evidence=["nf_conntrack", "conntrack", str(limit)])


# Near misses

def drop_beside(lab, port, undo, other, **settings):
    """A firewall drop on `port`, and something else at the same time on the next port."""
    with concurrent.futures.ThreadPoolExecutor() as pool:
        both = [pool.submit(scenarios.firewall_drop, lab, port), pool.submit(other, lab, port + 1, **settings)]
    for one in both:
        if not one.exception():
            undo.callback(one.result()["stop"])
    return both[0].result() | dict(bystander=both[1].result()["peer"])


@scenario
def drop_beside_reverse_path(lab, port, undo):
    """IPReversePathFilter moves for another source; this client's SYN meets a firewall rule.  Not reverse-path."""
    return drop_beside(lab, port, undo, reverse_path)


@scenario
def drop_beside_bad_checksums(lab, port, undo):
    """InCsumErrors moves for other packets; this client's SYN is sound, and dropped by a rule.  Not bad-checksum."""
    return drop_beside(lab, port, undo, bad_checksum, times=3)


@scenario
def drop_beside_md5(lab, port, undo):
    """TCPMD5NotFound moves on another port; here a rule drops.  Not tcp-md5."""
    return drop_beside(lab, port, undo, tcp_md5)


@scenario
def drop_beside_blackhole(lab, port, undo):
    """Another peer has no way back, ListenDrops and OutNoRoutes move; this one is dropped.  Not no-route-back."""
    return drop_beside(lab, port, undo, no_route_back, kind="blackhole")


@scenario
def slow_neighbour(lab, port, undo, delay=0.5):
    """The client's host answers ARP after half a second: the SYN-ACK waits, and arrives.  Not next-hop-dead."""
    serve(lab, undo, port)
    here, there = lab.server.mac("eth0"), lab.client.mac("eth0")
    neighbour(undo, lab.client, SERVER4, here)
    table(undo, lab.client, "arp", ARP_UNHEARD)
    undo.callback(forget, lab.server, CLIENT4)
    forget(lab.server, CLIENT4)
    answer = packets.ethernet(here, there, packets.arp(packets.ARP_REPLY, there, CLIENT4, here, SERVER4))
    late = threading.Timer(delay, packets.send, (lab.client, answer))
    late.start()
    got = dial(lab, SERVER4, port, keep=True)
    late.join()
    assert got.errno == "none" and delay * 900 < got.ms < delay * 1900, got
    assert asks(got.sock) == ("none", b"hello\n")
    got.close()
    return used(SERVER4, port, "none", peer_port=got.source[1])


@scenario
def peer_reset_usual_ttl(lab, port, undo):
    """The client itself aborts, its RST has the TTL of all its packets: peer-closed-abruptly, not middlebox-reset."""
    serve(lab, undo, port)
    client = connect(lab, undo, port)
    assert asks(client.sock) == ("none", b"hello\n")
    with packets.Tap(lab.server) as tap:
        abort(client)
        assert eventually(lambda: [way for way, bits, _ in tap.segments(port) if bits & RST]) == ["in"]
    return used(SERVER4, port, "none", peer_port=client.source[1], by="peer")


@scenario
def small_loss_recovers(lab, port, undo):
    """A small answer is lost once and comes at the second try.  Not mtu-blackhole."""
    serve(lab, undo, port)
    client = connect(lab, undo, port)
    remove = lab.rule("in", f"tcp sport {port} tcp flags & psh == psh drop", lab.client)
    undo.callback(remove)
    moved = Moved(lab.server)
    client.sock.sendall(b"hello\n")
    eventually(lambda: moved["TcpRetransSegs"], 2)
    remove()
    assert client.sock.recv(100) == b"hello\n"
    assert moved["TcpRetransSegs"] >= 1
    client.close()
    return used(SERVER4, port, "none", peer_port=client.source[1])


@scenario
def port_used_again(lab, port, undo):
    """A 4-tuple in TIME_WAIT, and a SYN with a later sequence number: accepted at once.  Not timewait-reuse."""
    source, _ = leave_in_time_wait(lab, undo, port)
    with packets.Tap(lab.server) as tap:
        got = dial(lab, SERVER4, port, source=source)
        first = [bits for _, bits, _ in tap.segments(source)[:3]]
    assert got.errno == "none" and first == [SYN, SYN | ACK, ACK], (got, first)
    return used(SERVER4, port, "none", peer_port=source)


@scenario
def strays_dropped_as_invalid(lab, port, undo):
    """A stateful rule drops another host's strays; this client is served.  No conntrack or firewall fault of its."""
    serve(lab, undo, port)
    rule(lab, undo, "in", f"tcp dport {port} ct state invalid counter drop")
    moved = Moved(lab.server)
    for flags in (SYN | ACK, RST, FIN | ACK):
        inject(lab, BYSTANDER4, lab.spare_port(), SERVER4, port, flags, ack=1)
    assert re.search(f"tcp dport {port} ct state invalid counter packets [1-9]", lab.server.nft("list table inet lab"))
    assert moved["TcpOutRsts"] == 0
    return served(lab, undo, port)


def served(lab, undo, port):
    """The peer's own connection, which has no fault."""
    client = connect(lab, undo, port)
    assert asks(client.sock) == ("none", b"hello\n")
    client.close()
    return used(SERVER4, port, "none", peer_port=client.source[1], bystander=BYSTANDER4)


@scenario
def odd_flags_from_another(lab, port, undo):
    """Another host scans with odd flags; this peer connects and is served.  Not odd-flags, for this peer."""
    serve(lab, undo, port)
    for kind in ("syn-fin", "null", "xmas"):
        inject(lab, BYSTANDER4, lab.spare_port(), SERVER4, port, ODD_FLAGS[kind])
    return served(lab, undo, port)


@scenario
def forward_rejected(lab, port, undo):
    """As a router, the server has the route, and a rule with the same ICMP error.  Not forward-unreachable."""
    lab.add_second_link()
    addr = "10.90.0.7"
    sysctl(undo, lab.server, "net.ipv4.ip_forward", 1)
    ip(undo, lab.server, f"route add {addr} via 10.78.0.2 dev eth1", f"route del {addr}")
    ip(undo, lab.client, f"route add {addr} via {SERVER4} dev eth0", f"route del {addr}")
    table(undo, lab.server, "inet", f"""chain forward {{ type filter hook forward priority 0;
        ip daddr {addr} counter reject with icmp type host-unreachable; }}""")
    return fails(lab, addr, port, "EHOSTUNREACH") | dict(evidence=["ICMP", "rule", "reject"])


@scenario
def reset_out_of_window(lab, port, undo):
    """A RST with a sequence number that the kernel does not take: the connection goes on (RFC 5961, 3.2)."""
    serve(lab, undo, port)
    client = connect(lab, undo, port)
    assert asks(client.sock) == ("none", b"hello\n")
    mine, _ = sequence(client.sock)
    inject(lab, CLIENT4, client.source[1], SERVER4, port, RST, seq=mine - 3000)
    time.sleep(0.5)
    assert asks(client.sock, b"again\n") == ("none", b"again\n")
    return used(SERVER4, port, "none", peer_port=client.source[1])


@scenario
def loopback_of_another_namespace(lab, port, undo, joined=None):
    """Somebody listens on the port on loopback of a third namespace: nobody could have meant that."""
    serve(lab, undo, port, addr="127.0.0.1", host=third_namespace(lab, port, undo, joined))
    return scenarios.refused(lab, SERVER4, port)


@scenario
def peers_own_listener(lab, port, undo):
    """The peer itself listens on the port, and dials this host's."""
    serve(lab, undo, port, host=lab.client)
    return scenarios.refused(lab, SERVER4, port)


@scenario
def reset_beside_other_namespace(lab, port, undo):
    """Somebody listens on the port in a third namespace, but here a firewall rule refuses."""
    serve(lab, undo, port, host=third_namespace(lab, port, undo, "veth"))
    undo.callback(lab.rule("in", f"tcp dport {port} counter reject with tcp reset"))
    return scenarios.refused(lab, SERVER4, port)


@scenario
def synproxy_in_front_of_a_server(lab, port, undo):
    """The same handshake by the firewall, and a server behind it: served."""
    serve(lab, undo, port)
    sysctl(undo, lab.server, "net.netfilter.nf_conntrack_tcp_loose", 0)
    table(undo, lab.server, "inet", f"""
        chain early {{ type filter hook prerouting priority raw; tcp dport {port} tcp flags syn notrack; }}
        chain in {{ type filter hook input priority 0;
            tcp dport {port} ct state invalid,untracked synproxy mss 1460 wscale 7 timestamp sack-perm; }}""")
    got, answer, source = lab.request(SERVER4, port)
    assert (got, answer) == ("none", b"hello\n"), (got, answer)
    return used(SERVER4, port, got, peer_port=source[1])


@scenario
def nobodys_addresses(lab, port, undo):
    """A scanner asks by ARP for addresses that are nobody's business.  Nothing failed, nothing to say."""
    here = lab.client.mac("eth0")
    asked = [f"10.77.0.{n}" for n in range(50, 61)]
    with packets.Tap(lab.server) as tap:
        for addr in asked:
            question = packets.arp(packets.ARP_REQUEST, here, CLIENT4, "00:00:00:00:00:00", addr)
            packets.send(lab.client, packets.ethernet(packets.BROADCAST, here, question))
        assert eventually(lambda: all(tap.neighbours(addr) == ["in who-has"] for addr in asked))
    return used(asked[0], port, "none", asked=asked)


SCENARIOS = {
    "reverse-path": reverse_path,
    "no-route-back": no_route_back,
    "next-hop-dead": next_hop_dead,
    "not-our-address": not_our_address,
    "address-unanswered": address_unanswered,
    "forward-unreachable": forward_unreachable,
    "martian": martian,
    "not-for-us": not_for_us,
    "ipv6-disabled": ipv6_disabled,
    "mtu-blackhole": mtu_blackhole,
    "tcp-md5": tcp_md5,
    "bad-checksum": bad_checksum,
    "min-ttl": min_ttl,
    "timewait-reuse": timewait_reuse,
    "paws": paws,
    "duplicate-connection": duplicate_connection,
    "peer-firewall": peer_firewall,
    "reply-lost": reply_lost,
    "peer-gave-up": peer_gave_up,
    "stray-segment": stray_segment,
    "odd-flags": odd_flags,
    "middlebox-reset": middlebox_reset,
    "remote-reset": remote_reset,
    "steered-away": steered_away,
    "other-namespace": other_namespace,
    "firewall-drop-reply": firewall_drop_reply,
    "firewall-drop-ack": firewall_drop_ack,
    "synproxy-backend-dead": synproxy_backend_dead,
    "conntrack-full": conntrack_full,
}


def variant(function, cause=None, **settings):
    return function, settings, cause or function.__name__.replace("_", "-")


VARIANTS = {
    "reverse-path by conf.all": variant(reverse_path, everywhere=True),
    **{f"no-route-back {kind}": variant(no_route_back, kind=kind) for kind in ("blackhole", "unreachable", "prohibit")},
    "no-route-back over IPv6": variant(no_route_back, family=6),
    "no-route-back blackhole over IPv6": variant(no_route_back, kind="blackhole", family=6),
    "next-hop-dead gateway": variant(next_hop_dead, gateway=True),
    "next-hop-dead over IPv6": variant(next_hop_dead, family=6),
    "not-our-address over IPv6": variant(not_our_address, family=6),
    "not-our-address freebind": variant(not_our_address, freebind=True),
    "address-unanswered removed over IPv6": variant(address_unanswered, family=6),
    **{f"address-unanswered {kind}": variant(address_unanswered, kind=kind)
       for kind in ("arp-ignore-1", "arp-ignore-8", "dad-failed", "filtered")},
    "address-unanswered filtered over IPv6": variant(address_unanswered, kind="filtered", family=6),
    "forward-unreachable neighbour": variant(forward_unreachable, kind="neighbour"),
    "forward-unreachable over IPv6": variant(forward_unreachable, family=6),
    "martian loopback": variant(martian, source="127.0.0.5"),
    "martian over IPv6": variant(martian, source=SERVER6),
    "martian loopback over IPv6": variant(martian, source="::1"),
    **{f"not-for-us {kind}": variant(not_for_us, kind=kind) for kind in ("vlan", "broadcast", "broadcast-mac")},
    "mtu-blackhole over IPv6": variant(mtu_blackhole, family=6),
    "tcp-md5 unexpected": variant(tcp_md5, kind="unexpected"),
    "tcp-md5 wrong": variant(tcp_md5, kind="wrong"),
    "bad-checksum IP header": variant(bad_checksum, header=True),
    "min-ttl over IPv6": variant(min_ttl, family=6),
    "timewait-reuse rfc1337": variant(timewait_reuse, kind="rfc1337"),
    "timewait-reuse old timestamp": variant(timewait_reuse, kind="old-timestamp"),
    "duplicate-connection silent": variant(duplicate_connection, silent=True),
    "peer-firewall icmp": variant(peer_firewall, reject="icmp type admin-prohibited"),
    "peer-firewall icmp host": variant(peer_firewall, reject="icmp type host-unreachable"),
    "reply-lost over IPv6": variant(reply_lost, family=6),
    "stray-segment handshake": variant(stray_segment, kind="handshake"),
    **{f"odd-flags {kind}": variant(odd_flags, kind=kind) for kind in ("syn-rst", "null", "xmas", "fin")},
    **{f"odd-flags {kind} closed": variant(odd_flags, kind=kind, listener=False) for kind in ODD_FLAGS},
    "other-namespace macvlan": variant(other_namespace, joined="macvlan"),
    "other-namespace over IPv6": variant(other_namespace, addr="::"),
    "other-namespace apart": variant(other_namespace, joined="apart"),
    "other-namespace isolated": variant(other_namespace, joined=None),
    "middlebox-reset both ends": variant(middlebox_reset, both_ends=True),
    "firewall-drop-reply reject": variant(firewall_drop_reply, verdict="reject"),
    "firewall-drop-reply icmp host": variant(firewall_drop_reply, verdict="reject with icmp type host-unreachable"),
    "firewall-drop-reply reset": variant(firewall_drop_reply, verdict="reject with tcp reset"),
}

NEAR_MISSES = {
    "drop beside reverse-path": (drop_beside_reverse_path, {"reverse-path"}),
    "drop beside bad checksums": (drop_beside_bad_checksums, {"bad-checksum"}),
    "drop beside tcp-md5": (drop_beside_md5, {"tcp-md5"}),
    "drop beside a blackhole": (drop_beside_blackhole, {"no-route-back", "syn-queue-full", "accept-queue-full"}),
    "slow neighbour": (slow_neighbour, {"next-hop-dead", "address-unanswered", "reply-lost", "peer-silent"}),
    "peer reset, usual TTL": (peer_reset_usual_ttl, {"middlebox-reset", "abort-linger", "abort-unread-data"}),
    "small loss recovers": (small_loss_recovers, {"mtu-blackhole", "not-reading", "retransmit-timeout"}),
    "port used again": (port_used_again, {"timewait-reuse", "duplicate-connection", "stale-connection"}),
    "strays dropped as invalid": (strays_dropped_as_invalid, {"conntrack-invalid", "conntrack-full", "firewall-drop"}),
    "odd flags from another": (odd_flags_from_another, {"odd-flags", "stray-segment"}),
    "forward rejected": (forward_rejected, {"forward-unreachable", "published-target-dead"}),
    "reset out of window": (reset_out_of_window, {"peer-closed-abruptly", "middlebox-reset", "peer-reset"}),
    "reset beside other-namespace": (reset_beside_other_namespace, {"other-namespace", "no-listener"}),
    "loopback of another namespace": (loopback_of_another_namespace, {"other-namespace"}),
    "loopback of a container": (functools.partial(loopback_of_another_namespace, joined="veth"), {"other-namespace"}),
    "peer's own listener": (peers_own_listener, {"other-namespace"}),
    "synproxy in front of a server": (synproxy_in_front_of_a_server, {"synproxy-backend-dead", "stale-connection"}),
    "nobody's addresses": (nobodys_addresses, set(SCENARIOS) | set(scenarios.SCENARIOS)),
}
