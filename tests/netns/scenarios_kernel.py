"""Drops that only the kernel's own word or the firewall's rules can tell apart: every hook of netfilter, NFQUEUE,
TPROXY, conntrack, BPF programs of every kind, and a socket killed from outside.

The contract is that of scenarios.py, the building blocks are those of scenarios_net.py.  Besides the keys
described there:

    rule        the rule that does it, where there is one: dict(family, table, chain, verdict)
    hook        where the packet is lost, in netfilter's or BPF's words
    killer_pid  who destroyed a socket that was not his

iptables-legacy tables stay registered in a namespace for good, although emptied: those variants come last.
"""
import contextlib
import os
import socket
import struct
import subprocess
import threading
import time
from functools import partial

import bpf_programs as bpf
import scenarios
from lab import CLIENT4, KERNEL, SERVER4, LabError, run
from packets import ACK, PSH, Tap
from scenarios import PATIENCE, by_server, used
from scenarios_net import (
    CT_DELETE, NETLINK_NETFILTER, Moved, asks, client_of, conntrack_request, connect, fails, ip, listen, rows, rule,
    scenario, serve, server_of, sysctl, table)

IP_TRANSPARENT = 19
OTHER_PEER4 = "10.77.0.12"      # a second address of the client's host


# Rules of every kind

def iptables(undo, host, kind, name, lines, family=4):
    """Add to one table by iptables-nft or iptables-legacy; `lines` are those of iptables-save."""
    tool = f"ip{'6' if family == 6 else ''}tables-{kind}-restore"
    run(host.command(tool, "--noflush", "-w", "5"), f"*{name}\n{lines}\nCOMMIT\n")
    if kind == "nft":
        undo.callback(host.nft, f"delete table ip{'6' if family == 6 else ''} {name}")
    else:
        undo.callback(run, host.command(tool, "-w", "5"), f"*{name}\n{BUILT_IN[name]}COMMIT\n")


BUILT_IN = {name: "".join(f":{chain} ACCEPT [0:0]\n" for chain in chains.split()) for name, chains in {
    "filter": "INPUT FORWARD OUTPUT",
    "raw": "PREROUTING OUTPUT",
    "mangle": "PREROUTING INPUT FORWARD OUTPUT POSTROUTING",
    "nat": "PREROUTING INPUT OUTPUT POSTROUTING",
}.items()}

# Name -> (family of the table, hook, its chains; the first one named `c` does it)
NFT_DROPS = {
    "netdev-ingress": ("netdev", "ingress", """
        chain c {{ type filter hook ingress device "eth0" priority 0; tcp dport {port} counter drop; }}"""),
    "inet-ingress": ("inet", "ingress", """
        chain c {{ type filter hook ingress device "eth0" priority 0; tcp dport {port} counter drop; }}"""),
    "raw": ("inet", "prerouting", """
        chain c {{ type filter hook prerouting priority raw; tcp dport {port} counter drop; }}"""),
    "mangle": ("inet", "prerouting", """
        chain c {{ type filter hook prerouting priority mangle; tcp dport {port} counter drop; }}"""),
    "mangle-input": ("ip", "input", """
        chain c {{ type filter hook input priority mangle; tcp dport {port} counter drop; }}"""),
    "policy": ("inet", "input", """
        chain c {{ type filter hook input priority 0; policy drop;
            meta l4proto != tcp accept; tcp dport != {port} accept; }}"""),
    "set": ("inet", "input", """
        set blocked {{ type ipv4_addr; elements = {{ {peer}, 192.0.2.7 }}; }}
        chain c {{ type filter hook input priority 0; tcp dport {port} ip saddr @blocked counter drop; }}"""),
    "interval-set": ("inet", "input", """
        set blocked {{ type ipv4_addr; flags interval; elements = {{ 10.77.0.0/29, 192.0.2.0/24 }}; }}
        chain c {{ type filter hook input priority 0; tcp dport {port} ip saddr @blocked drop; }}"""),
    "vmap": ("inet", "input", """
        chain c {{ type filter hook input priority 0; tcp dport vmap {{ {port} : drop, 9 : accept }}; }}"""),
    "vmap-jump": ("inet", "input", """
        chain c {{ counter drop; }}
        chain in {{ type filter hook input priority 0; tcp dport vmap {{ {port} : jump c }}; }}"""),
    "rate-limit": ("inet", "input", """
        chain c {{ type filter hook input priority 0;
            tcp dport {port} tcp flags syn limit rate over 1/hour burst 1 packets counter drop; }}"""),
    "fail2ban": ("inet", "input", """
        set addr-set-demo {{ type ipv4_addr; elements = {{ {peer} }}; }}
        chain c {{ type filter hook input priority filter - 1; policy accept;
            tcp dport {{ {port} }} ip saddr @addr-set-demo counter drop; }}"""),
    "other-table": ("ip", "input", """
        chain c {{ type filter hook input priority 10; tcp dport {port} counter drop; }}
        chain early {{ type filter hook input priority -10; tcp dport {port} counter accept; }}"""),
}

# Name -> (table, chain that does it, lines of iptables-save)
IPTABLES_DROPS = {
    "input": ("filter", "INPUT", "-A INPUT -p tcp --dport {port} -j DROP"),
    "raw": ("raw", "PREROUTING", "-A PREROUTING -p tcp --dport {port} -j DROP"),
    "mangle": ("mangle", "PREROUTING", "-A PREROUTING -p tcp --dport {port} -j DROP"),
    "policy": ("filter", "INPUT", """:INPUT DROP [0:0]
-A INPUT ! -p tcp -j ACCEPT
-A INPUT -p tcp ! --dport {port} -j ACCEPT"""),
    "ufw": ("filter", "ufw-user-input", """:ufw-before-input - [0:0]
:ufw-user-input - [0:0]
:ufw-skip-to-policy-input - [0:0]
-A INPUT -j ufw-before-input
-A ufw-before-input ! -p tcp -j ACCEPT
-A ufw-before-input -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A ufw-before-input -j ufw-user-input
-A ufw-user-input -p tcp -m tcp --dport {port} -j DROP
-A ufw-skip-to-policy-input -j DROP"""),
    "fail2ban": ("filter", "f2b-demo", """:f2b-demo - [0:0]
-A INPUT -p tcp -m multiport --dports {port} -j f2b-demo
-A f2b-demo -s {peer} -j DROP
-A f2b-demo -j RETURN"""),
    "hashlimit": ("filter", "INPUT", "-A INPUT -p tcp --syn --dport {port} -m hashlimit --hashlimit-above 1/hour "
                                     "--hashlimit-burst 1 --hashlimit-mode srcip --hashlimit-name lab{port} -j DROP"),
}
AFTER_THE_FIRST = {"rate-limit", "hashlimit"}


def used_up(lab, addr, port):
    """The one connection that the limit lets through."""
    got = lab.dial(addr, port)
    assert got.errno == "none", got


@scenario
def firewall_drop(lab, port, undo, how="netdev-ingress", kind=None, family=4):
    """A rule (`kind`: of iptables-nft or iptables-legacy) takes the SYN, on any of the hooks on its way in."""
    addr = server_of(family)
    serve(lab, undo, port, "::" if family == 6 else "0.0.0.0")
    words = dict(port=port, peer=client_of(addr))
    if kind:
        name, chain, lines = IPTABLES_DROPS[how]
        iptables(undo, lab.server, kind, name, lines.format(**words), family)
        told, hook = dict(family="ip6" if family == 6 else "ip", table=name, chain=chain), chain
    else:
        table_family, hook, chains = NFT_DROPS[how]
        table(undo, lab.server, table_family, chains.format(**words))
        told = dict(family=table_family, table="net", chain="c")
    if how in AFTER_THE_FIRST:
        used_up(lab, addr, port)
    with Tap(lab.server) as tap:
        result = fails(lab, addr, port)
        seen = [way for way, bits, _ in tap.segments(result["peer_port"])]
    assert seen == ["in"] * 3, seen
    return result | dict(rule=told | dict(verdict="policy" if how == "policy" else "drop"), hook=hook,
                         evidence=["drop", "DROP", told["chain"], hook])


# Name -> (hook, chains)
NFT_REPLY_DROPS = {
    "postrouting": ("inet", "postrouting", """
        chain c {{ type filter hook postrouting priority 0; tcp sport {port} counter drop; }}"""),
    "egress": ("netdev", "egress", """
        chain c {{ type filter hook egress device "eth0" priority 0; tcp sport {port} counter drop; }}"""),
    "raw-output": ("ip", "output", """
        chain c {{ type filter hook output priority raw; tcp sport {port} counter drop; }}"""),
    "policy": ("inet", "output", """
        chain c {{ type filter hook output priority 0; policy drop;
            meta l4proto != tcp accept; tcp sport != {port} accept; }}"""),
}
IPTABLES_REPLY_DROPS = {
    "output": ("filter", "OUTPUT", "-A OUTPUT -p tcp --sport {port} -j DROP"),
    "mangle-postrouting": ("mangle", "POSTROUTING", "-A POSTROUTING -p tcp --sport {port} -j DROP"),
}


@scenario
def firewall_drop_reply(lab, port, undo, how="postrouting", kind=None, family=4):
    """The SYN comes in; a rule on one of the hooks on the way out takes the SYN-ACK."""
    addr = server_of(family)
    server = serve(lab, undo, port, "::" if family == 6 else "0.0.0.0")
    if kind:
        name, chain, lines = IPTABLES_REPLY_DROPS[how]
        iptables(undo, lab.server, kind, name, lines.format(port=port), family)
        told, hook = dict(family="ip6" if family == 6 else "ip", table=name, chain=chain), chain
    else:
        table_family, hook, chains = NFT_REPLY_DROPS[how]
        table(undo, lab.server, table_family, chains.format(port=port))
        told = dict(family=table_family, table="net", chain="c")
    result = reply_fails(lab, addr, port)
    return result | by_server(server, "SYN-ACK", hook, "SYN_RECV") | dict(
        rule=told | dict(verdict="policy" if how == "policy" else "drop"), hook=hook)


def reply_fails(lab, addr, port):
    """No SYN-ACK on the wire, and a half-open connection that the listener goes on answering."""
    moved = Moved(lab.server)
    with Tap(lab.server) as tap:
        result = fails(lab, addr, port)
        assert {way for way, _, _ in tap.segments(port)} == {"in"}, tap.segments(port)
    assert len(rows(lab.server, "syn-recv", port)) == 1 and moved["TcpExtTCPTimeouts"] >= 1
    return result


@scenario
def firewall_drop_ack(lab, port, undo, how="new-only", kind=None):
    """The SYN passes, what follows does not: "new-only" is a ruleset that forgot the established."""
    server = serve(lab, undo, port)
    if kind:
        iptables(undo, lab.server, kind, "filter", f"-A INPUT -p tcp --dport {port} ! --syn -j DROP")
        told = dict(family="ip", table="filter", chain="INPUT", verdict="drop")
    else:
        table(undo, lab.server, "inet", f"""
            chain c {{ type filter hook input priority 0; policy drop; meta l4proto != tcp accept;
                tcp dport != {port} accept; tcp dport {port} ct state new accept; }}""")
        told = dict(family="inet", table="net", chain="c", verdict="policy")
    moved = Moved(lab.server)
    client = connect(lab, undo, port)
    got, answer = asks(client.sock)
    assert (got, answer) == ("hang", b""), (got, answer)
    assert len(rows(lab.server, "syn-recv", port)) == 1 and moved["TcpExtListenOverflows"] == 0
    return used(SERVER4, port, got, peer_port=client.source[1], rule=told, hook="input",
                **by_server(server, "ACK", "SYN_RECV"))


# conntrack, NFQUEUE, TPROXY

def forget_connections(host):
    """As `conntrack -F`, or a firewall's restart."""
    with host, socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as sock:
        sock.send(conntrack_request(CT_DELETE, 0))


@scenario
def conntrack_invalid(lab, port, undo, way="in", kind=None):
    """conntrack forgets an established connection, and a rule drops what it does not know.

    `way` "out": the server speaks, and its own output rule takes that.
    """
    server = serve(lab, undo, port, mode="talk")
    sysctl(undo, lab.server, "net.netfilter.nf_conntrack_tcp_loose", 0)
    side = "dport" if way == "in" else "sport"
    if kind:
        chain = "INPUT" if way == "in" else "OUTPUT"
        iptables(undo, lab.server, kind, "filter",
                 f"-A {chain} -p tcp --{side} {port} -m conntrack --ctstate INVALID -j DROP")
        told = dict(family="ip", table="filter", chain=chain, verdict="drop")
    else:
        rule(lab, undo, way, f"tcp {side} {port} ct state invalid counter drop")
        told = dict(family="inet", table="lab", chain=way, verdict="drop")
    client = connect(lab, undo, port)
    assert asks(client.sock) == ("none", b"hello\n")
    time.sleep(0.1)
    forget_connections(lab.server)
    with Tap(lab.server) as tap:
        if way == "in":
            got, answer = asks(client.sock, b"again\n", patience=2.5)
        else:
            server.tell("send")
            got, answer = hears(client.sock)
        seen = [(w, bits) for w, bits, _ in tap.segments(client.source[1])]
    assert (got, answer) == ("hang", b""), (got, answer)
    assert seen.count(("in", PSH | ACK)) >= 3 if way == "in" else seen == [], seen
    assert len(rows(lab.server, "established", port)) == 1
    return used(SERVER4, port, got, peer_port=client.source[1], rule=told,
                **by_server(server, "invalid", "INVALID", "conntrack"))


def hears(sock, patience=1.5):
    sock.settimeout(patience)
    try:
        return "none", sock.recv(65536)
    except socket.timeout:
        return "hang", b""


QUEUE = 77


def queue_rule(lab, undo, port, kind, family=4, chain="INPUT", more=""):
    """By iptables also in nftables: nft's own `queue` wants CONFIG_NFT_QUEUE, which not every kernel has."""
    name = "filter" if chain in ("INPUT", "OUTPUT") else "raw"
    side = "sport" if chain == "OUTPUT" else "dport"
    iptables(undo, lab.server, kind, name,
             f"-A {chain} -p tcp --{side} {port} -j NFQUEUE --queue-num {QUEUE}{more}", family)
    return dict(family="ip6" if family == 6 else "ip", table=name, chain=chain, verdict="queue")


@scenario
def nfqueue_dead(lab, port, undo, kind="nft", chain="INPUT", family=4):
    """An intrusion detector's queue, and the detector is not there: the SYN is dropped, or the SYN-ACK."""
    addr = server_of(family)
    serve(lab, undo, port, "::" if family == 6 else "0.0.0.0")
    told = queue_rule(lab, undo, port, kind, family, chain)
    result = reply_fails(lab, addr, port) if chain == "OUTPUT" else fails(lab, addr, port)
    return result | dict(rule=told, hook=chain, queue=QUEUE, evidence=["NFQUEUE", "queue", str(QUEUE)])


TPROXY = "-p tcp --dport {port} -j TPROXY --on-port {other} --on-ip 0.0.0.0 --tproxy-mark 0x1/0x1"


@scenario
def tproxy_dead(lab, port, undo, kind="nft"):
    """TPROXY of the port to a proxy that is not there.  iptables' target drops then."""
    server = serve(lab, undo, port)
    iptables(undo, lab.server, kind, "mangle", "-A PREROUTING " + TPROXY.format(port=port, other=port + 1))
    result = fails(lab, SERVER4, port)
    return result | by_server(server, "TPROXY", "tproxy", str(port + 1)) | dict(
        rule=dict(family="ip", table="mangle", chain="PREROUTING", verdict="tproxy"), target_port=port + 1)


# BPF

def close_later(undo, descriptor):
    undo.callback(os.close, descriptor)
    return descriptor


def cgroup(undo, name):
    """A cgroup of version 2 for the server; the hierarchy is mounted for a while where nobody did."""
    with open("/proc/self/mounts") as mounts:
        found = [line.split()[1] for line in mounts if line.split()[2] == "cgroup2"]
    if found:
        root = found[0]
    else:
        root = f"/tmp/{name}-cgroup2"
        os.mkdir(root)
        undo.callback(os.rmdir, root)
        run(["mount", "-t", "cgroup2", "none", root])
        undo.callback(run, ["umount", root])
    made = os.path.join(root, name)
    os.mkdir(made)
    undo.callback(remove_cgroup, made)
    return made


def remove_cgroup(path):
    """Its last process may still be on its way out."""
    for _ in range(50):
        with contextlib.suppress(OSError):
            return os.rmdir(path)
        time.sleep(0.05)
    raise LabError(f"{path} is not empty")


def program(undo, kind, port, verdict, family, reply=False):
    return close_later(undo, bpf.syn_filter(kind, port, verdict, family, reply))


def by_xdp(mode):
    def attach(lab, port, undo, verdict, family):
        close_later(undo, bpf.attach_xdp(program(undo, "xdp", port, verdict, family), lab.server, "eth0", mode))
        return serve(lab, undo, port, "::")
    return attach


def by_clsact(egress):
    def attach(lab, port, undo, verdict, family):
        code = program(undo, "tc", port, verdict, family, egress)
        undo.callback(bpf.attach_clsact(code, lab.server, "eth0", egress))
        return serve(lab, undo, port, "::")
    return attach


def by_tcx(egress):
    def attach(lab, port, undo, verdict, family):
        code = program(undo, "tc", port, verdict, family, egress)
        close_later(undo, bpf.attach_tcx(code, lab.server, "eth0", egress))
        return serve(lab, undo, port, "::")
    return attach


def by_netfilter(hook):
    def attach(lab, port, undo, verdict, family):
        code = program(undo, "netfilter", port, verdict, family, hook in ("output", "postrouting"))
        close_later(undo, bpf.attach_netfilter(code, lab.server, hook, family))
        return serve(lab, undo, port, "::")
    return attach


def by_cgroup(egress):
    def attach(lab, port, undo, verdict, family):
        group = cgroup(undo, f"twlab-{os.getpid()}-{port}")
        server = serve(lab, undo, port, "::", standby=True)
        with open(os.path.join(group, "cgroup.procs"), "w") as file:
            file.write(str(server.pid))
        server.listen()
        code = program(undo, "cgroup-egress" if egress else "cgroup-ingress", port, verdict, family, egress)
        close_later(undo, bpf.attach_cgroup(code, group, egress))
        return server
    return attach


class OwnListener:
    """A listener of this process, which answers as server.py's does when it is told to."""

    def __init__(self, lab, undo, port, prepare):
        self.pid, self.comm = os.getpid(), "python3"
        self.socks = []

        def kept(sock):
            self.socks.append(sock)
            prepare(sock)
        listen(lab, undo, port, SERVER4, kept)
        threading.Thread(target=self._answer, args=self.socks, daemon=True).start()
        undo.callback(self.stop)

    def stop(self):
        with contextlib.suppress(OSError):
            self.socks[0].shutdown(socket.SHUT_RDWR)

    @staticmethod
    def _answer(sock):
        with contextlib.suppress(OSError):
            while True:
                conn, _ = sock.accept()
                with conn:
                    conn.settimeout(5)
                    while data := conn.recv(4096):
                        conn.sendall(data)


def by_socket_filter(classic):
    def attach(lab, port, undo, verdict, family):
        def prepare(sock):
            if classic:
                bpf.attach_classic(sock, bpf.classic_syn_filter(port, verdict))
            else:
                bpf.attach_socket(sock, program(undo, "socket", port, verdict, family))
        return OwnListener(lab, undo, port, prepare)
    return attach


# Name -> (how to put it there, the packets that the server's wire shows, what proves it)
BPF_DROPS = {
    "xdp-generic": (by_xdp("generic"), set(), ["XDP", "xdp"]),
    "xdp-native": (by_xdp("native"), set(), ["XDP", "xdp"]),
    "clsact-ingress": (by_clsact(False), {"in"}, ["tc", "TC_INGRESS", "clsact"]),
    "clsact-egress": (by_clsact(True), {"in"}, ["tc", "TC_EGRESS", "clsact"]),
    "tcx-ingress": (by_tcx(False), {"in"}, ["tc", "TC_INGRESS"]),
    "tcx-egress": (by_tcx(True), {"in"}, ["tc", "TC_EGRESS"]),
    "cgroup-ingress": (by_cgroup(False), {"in"}, ["cgroup", "SOCKET_FILTER"]),
    "cgroup-egress": (by_cgroup(True), {"in"}, ["cgroup", "BPF_CGROUP_EGRESS"]),
    "socket-filter": (by_socket_filter(False), {"in"}, ["SOCKET_FILTER", "socket filter"]),
    "classic-filter": (by_socket_filter(True), {"in"}, ["SOCKET_FILTER", "socket filter"]),
    "netfilter-input": (by_netfilter("input"), {"in"}, ["BPF", "bpf"]),
    "netfilter-prerouting": (by_netfilter("prerouting"), {"in"}, ["BPF", "bpf"]),
    "netfilter-output": (by_netfilter("output"), {"in"}, ["BPF", "bpf"]),
}

REPLY_TAKEN = {"clsact-egress", "tcx-egress", "cgroup-egress", "netfilter-output"}


@scenario
def bpf_drop(lab, port, undo, how="tcx-ingress" if KERNEL >= (6, 6) else "clsact-ingress", family=4):
    """A BPF program takes the SYNs of the port, or the SYN-ACKs from it."""
    attach, wire, evidence = BPF_DROPS[how]
    server = attach(lab, port, undo, "drop", family)
    with Tap(lab.server) as tap:
        result = fails(lab, server_of(family), port)
        seen = {way for way, _, _ in tap.segments(port)}
    assert seen == wire, seen
    assert len(rows(lab.server, "listening", port)) == 1
    assert len(rows(lab.server, "syn-recv", port)) == (1 if how in REPLY_TAKEN else 0)
    return result | by_server(server, *evidence) | dict(hook=how)


# The application, or the connection's end

def destroy(host, addr, port, peer_port):
    """`ss -K` on one connection; its pid."""
    killer = host.popen(["ss", "-KHnt", "state", "established", f"sport = :{port} and dport = :{peer_port}"],
                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    shown, complaint = killer.communicate(timeout=5)
    assert str(peer_port).encode() in shown, (shown, complaint)
    return killer.pid


@scenario
def socket_destroyed(lab, port, undo, family=4, waiting=False):
    """`ss -K` ends an established connection whose owner did nothing; `waiting`: before it was ever accepted."""
    addr = server_of(family)
    server = serve(lab, undo, port, "::" if family == 6 else "0.0.0.0", mode="hold" if waiting else "echo")
    client = connect(lab, undo, port, addr)
    if not waiting:
        assert asks(client.sock) == ("none", b"hello\n")
    moved = Moved(lab.server)
    killer = destroy(lab.server, addr, port, client.source[1])
    got, _ = asks(client.sock, b"again\n")
    assert got in ("ECONNRESET", "EPIPE"), got
    assert moved["TcpOutRsts"] >= 1 and len(rows(lab.server, "listening", port)) == 1
    return used(addr, port, got, peer_port=client.source[1], by="host", killer_pid=killer,
                **by_server(server, str(killer), "ss"))


# Near misses

def healthy(lab, undo, port, addr=SERVER4, **more):
    """The client is served."""
    client = connect(lab, undo, port, addr)
    assert asks(client.sock) == ("none", b"hello\n")
    client.close()
    return used(addr, port, "none", peer_port=client.source[1], **more)


@scenario
def bpf_passes(lab, port, undo, how):
    """The program is there, and lets this port's SYNs pass."""
    BPF_DROPS[how][0](lab, port, undo, "pass", 4)
    return healthy(lab, undo, port)


class Reader(threading.Thread):
    """Accepts what an NFQUEUE queue holds (linux/netfilter/nfnetlink_queue.h), or keeps it for ever."""

    CONFIG, VERDICT = 3 << 8 | 2, 3 << 8 | 1

    def __init__(self, host, undo, number, accept=True):
        super().__init__(daemon=True)
        self.accept = accept
        with host:
            self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
        self.sock.settimeout(0.1)
        self.number, self.accepted, self._stop_asked = number, 0, False
        self._send(self.CONFIG, bpf.attribute(1, struct.pack("!BBH", 1, 0, 0)))             # bind
        self._send(self.CONFIG, bpf.attribute(2, struct.pack("!IB", 0, 1)))                 # tell only of its headers
        undo.callback(self.close)
        self.start()

    def _send(self, kind, attributes):
        body = struct.pack("!BBH", 0, 0, self.number) + attributes
        self.sock.send(struct.pack("=IHHII", 16 + len(body), kind, bpf.REQUEST, 0, 0) + body)

    def run(self):
        while not self._stop_asked:
            try:
                message = self.sock.recv(65536)
            except socket.timeout:
                continue
            if struct.unpack_from("=H", message, 4)[0] == 3 << 8 and self.accept:
                packet_id = message[24:28]      # the first attribute is NFQA_PACKET_HDR
                self._send(self.VERDICT, bpf.attribute(2, struct.pack("!I", 1) + packet_id))
                self.accepted += 1

    def close(self):
        self._stop_asked = True
        self.join()
        self.sock.close()


@scenario
def nfqueue_read(lab, port, undo):
    """A queue with a reader that accepts all."""
    serve(lab, undo, port)
    reader = Reader(lab.server, undo, QUEUE)
    queue_rule(lab, undo, port, "nft")
    result = healthy(lab, undo, port)
    assert reader.accepted >= 2, reader.accepted     # the SYN and the question at least
    return result


@scenario
def nfqueue_bypassed(lab, port, undo):
    """Nobody reads the queue, and the rule says to go on then."""
    serve(lab, undo, port)
    queue_rule(lab, undo, port, "nft", more=" --queue-bypass")
    return healthy(lab, undo, port)


@scenario
def tproxy_alive(lab, port, undo):
    """TPROXY to a proxy that is there, for a port where nobody listens."""
    OwnListener(lab, undo, port + 1, lambda sock: sock.setsockopt(socket.SOL_IP, IP_TRANSPARENT, 1))
    iptables(undo, lab.server, "nft", "mangle", "-A PREROUTING " + TPROXY.format(port=port, other=port + 1))
    return healthy(lab, undo, port)


@scenario
def tproxy_dead_by_nft(lab, port, undo, listener=False):
    """nftables' own tproxy statement goes on to the next rule when no proxy is there, and drops nothing: the port
    itself decides.  Not tproxy-dead."""
    if listener:
        serve(lab, undo, port)
    table(undo, lab.server, "ip", f"""
        chain c {{ type filter hook prerouting priority mangle; tcp dport {port} tproxy to :{port + 1} accept; }}""")
    return healthy(lab, undo, port) if listener else scenarios.refused(lab, SERVER4, port)


@scenario
def rules_for_others(lab, port, undo):
    """Rules that drop another port and another peer, both hit at the same time; this peer is served."""
    serve(lab, undo, port)
    serve(lab, undo, port + 1)
    rule(lab, undo, "in", f"tcp dport {port + 1} counter drop")
    rule(lab, undo, "in", f"tcp dport {port} ip saddr {OTHER_PEER4} counter drop")
    other_peer(lab, undo)
    waiting = [threading.Thread(target=lab.dial, args=(SERVER4, port), kwargs=dict(timeout=1, source=(OTHER_PEER4, 0))),
               threading.Thread(target=lab.dial, args=(SERVER4, port + 1), kwargs=dict(timeout=1))]
    for one in waiting:
        one.start()
    result = healthy(lab, undo, port)
    for one in waiting:
        one.join()
    return result | dict(bystander=OTHER_PEER4)


def other_peer(lab, undo):
    ip(undo, lab.client, f"address add {OTHER_PEER4}/24 dev eth0", f"address del {OTHER_PEER4}/24 dev eth0")
    return OTHER_PEER4


def fill_from(lab, undo, port, peer):
    """A listener that never accepts, its queue full of `peer`'s connections."""
    server = serve(lab, undo, port, mode="hold", backlog=0)
    connect(lab, undo, port, peer=peer)
    return server


@scenario
def drop_beside_full_queue(lab, port, undo):
    """This peer is dropped by a rule; another meets a full accept queue.  Not accept-queue-full, for this peer."""
    return two_peers(lab, port, undo)[0]


@scenario
def full_queue_beside_drop(lab, port, undo):
    """The same, told of the peer that meets the full queue.  Not firewall-drop, for it."""
    return two_peers(lab, port, undo)[1]


def two_peers(lab, port, undo):
    other = other_peer(lab, undo)
    fill_from(lab, undo, port, other)
    rule(lab, undo, "in", f"tcp dport {port} ip saddr {CLIENT4} counter drop")
    moved = Moved(lab.server)
    results = [{}, {}]

    def fail(index, peer):
        results[index] = fails(lab, SERVER4, port, peer=peer)
    both = [threading.Thread(target=fail, args=(n, peer)) for n, peer in enumerate((CLIENT4, other))]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert all(results) and moved["TcpExtListenOverflows"] >= 3
    return results[0] | dict(bystander=other), results[1] | dict(bystander=CLIENT4)


@scenario
def drop_beside_bpf(lab, port, undo):
    """A rule drops this port's SYNs, a tc program another port's.  Not bpf-drop."""
    serve(lab, undo, port)
    by_tcx(False)(lab, port + 1, undo, "drop", 4)
    rule(lab, undo, "in", f"tcp dport {port} counter drop")
    other = threading.Thread(target=lab.dial, args=(SERVER4, port + 1), kwargs=dict(timeout=PATIENCE))
    other.start()
    result = fails(lab, SERVER4, port)
    other.join()
    return result


@scenario
def refused_beside_drop(lab, port, undo):
    """Nobody listens, and the peer is told so; another peer's SYNs are dropped.  Not firewall-drop, for this peer."""
    other = other_peer(lab, undo)
    rule(lab, undo, "in", f"tcp dport {port} ip saddr {other} counter drop")
    waiting = threading.Thread(target=lab.dial, args=(SERVER4, port), kwargs=dict(timeout=PATIENCE, source=(other, 0)))
    waiting.start()
    result = scenarios.refused(lab, SERVER4, port, bystander=other)
    waiting.join()
    return result


@scenario
def linger_beside_destroyed(lab, port, undo):
    """The application aborts this connection by itself; another's is destroyed from outside.  Not socket-destroyed."""
    serve(lab, undo, port + 1)
    other = connect(lab, undo, port + 1)
    aborted = scenarios.abort_linger(lab, port)
    undo.callback(aborted["stop"])
    destroy(lab.server, SERVER4, port + 1, other.source[1])
    return aborted


@scenario
def closed_by_itself(lab, port, undo):
    """A connection in the table of a stateful firewall ends in the ordinary way.  Not conntrack-invalid."""
    serve(lab, undo, port)
    sysctl(undo, lab.server, "net.netfilter.nf_conntrack_tcp_loose", 0)
    rule(lab, undo, "in", f"tcp dport {port} ct state invalid counter drop")
    return healthy(lab, undo, port)


SCENARIOS = {
    "conntrack-invalid": conntrack_invalid,
    "nfqueue-dead": nfqueue_dead,
    "tproxy-dead": tproxy_dead,
    "bpf-drop": bpf_drop,
    "socket-destroyed": socket_destroyed,
}


def variant(function, cause=None, **settings):
    return function, settings, cause or function.__name__.replace("_", "-")


VARIANTS = {
    **{f"firewall-drop {how}": variant(firewall_drop, how=how) for how in NFT_DROPS},
    "firewall-drop netdev-ingress over IPv6": variant(firewall_drop, how="netdev-ingress", family=6),
    "firewall-drop raw over IPv6": variant(firewall_drop, how="raw", family=6),
    "firewall-drop policy over IPv6": variant(firewall_drop, how="policy", family=6),
    **{f"firewall-drop iptables-nft {how}": variant(firewall_drop, how=how, kind="nft") for how in IPTABLES_DROPS},
    "firewall-drop iptables-nft input over IPv6": variant(firewall_drop, how="input", kind="nft", family=6),
    **{f"firewall-drop-reply {how}": variant(firewall_drop_reply, how=how) for how in NFT_REPLY_DROPS},
    "firewall-drop-reply postrouting over IPv6": variant(firewall_drop_reply, how="postrouting", family=6),
    **{f"firewall-drop-reply iptables-nft {how}": variant(firewall_drop_reply, how=how, kind="nft")
       for how in IPTABLES_REPLY_DROPS},
    "firewall-drop-ack new-only": variant(firewall_drop_ack),
    "firewall-drop-ack iptables-nft": variant(firewall_drop_ack, kind="nft"),
    "conntrack-invalid out": variant(conntrack_invalid, way="out"),
    "conntrack-invalid iptables-nft": variant(conntrack_invalid, kind="nft"),
    "nfqueue-dead output": variant(nfqueue_dead, chain="OUTPUT"),
    "nfqueue-dead prerouting": variant(nfqueue_dead, chain="PREROUTING"),
    "nfqueue-dead over IPv6": variant(nfqueue_dead, family=6),
    **{f"bpf-drop {how}": variant(bpf_drop, how=how) for how in BPF_DROPS},
    **{f"bpf-drop {how} over IPv6": variant(bpf_drop, how=how, family=6)
       for how in ("xdp-native", "tcx-ingress", "tcx-egress", "cgroup-ingress", "cgroup-egress", "netfilter-input")},
    "socket-destroyed over IPv6": variant(socket_destroyed, family=6),
    "socket-destroyed waiting": variant(socket_destroyed, waiting=True),
    # From here on legacy tables are registered in the lab's namespaces.
    **{f"firewall-drop iptables-legacy {how}": variant(firewall_drop, how=how, kind="legacy")
       for how in IPTABLES_DROPS},
    "firewall-drop iptables-legacy input over IPv6": variant(firewall_drop, how="input", kind="legacy", family=6),
    **{f"firewall-drop-reply iptables-legacy {how}": variant(firewall_drop_reply, how=how, kind="legacy")
       for how in IPTABLES_REPLY_DROPS},
    "firewall-drop-ack iptables-legacy": variant(firewall_drop_ack, kind="legacy"),
    "conntrack-invalid iptables-legacy": variant(conntrack_invalid, kind="legacy"),
    "nfqueue-dead iptables-legacy": variant(nfqueue_dead, kind="legacy"),
    "tproxy-dead iptables-legacy": variant(tproxy_dead, kind="legacy"),
}

DROPS = {"firewall-drop", "firewall-drop-reply", "firewall-drop-ack"}


NEAR_MISSES = {
    **{f"{how} passes": (partial(bpf_passes, how=how), {"bpf-drop"} | DROPS) for how in BPF_DROPS},
    "nfqueue with a reader": (nfqueue_read, {"nfqueue-dead"} | DROPS),
    "nfqueue bypassed": (nfqueue_bypassed, {"nfqueue-dead"} | DROPS),
    "tproxy alive": (tproxy_alive, {"tproxy-dead", "no-listener", "redirect-no-listener"} | DROPS),
    "tproxy dead by nft": (tproxy_dead_by_nft, {"tproxy-dead"} | DROPS),
    "rules for others": (rules_for_others, DROPS),
    "drop beside a full queue": (drop_beside_full_queue, {"accept-queue-full", "syn-queue-full"}),
    "full queue beside a drop": (full_queue_beside_drop, DROPS),
    "drop beside bpf": (drop_beside_bpf, {"bpf-drop"}),
    "refused beside a drop": (refused_beside_drop, DROPS),
    "linger beside destroyed": (linger_beside_destroyed, {"socket-destroyed"}),
    "closed by itself": (closed_by_itself, {"conntrack-invalid"} | DROPS),
}
