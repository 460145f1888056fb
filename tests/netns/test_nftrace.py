"""Which rule ended a SYN, by the kernel's trace of it: nftracer.c is a program around collect/nftrace.h."""
import glob
import json
import os
import re
import shutil
import socket
import subprocess
import threading
import time

import pytest

from lab import CLIENT4, CLIENT6, HERE, REPO, SERVER4, SERVER6, Lab, run, tcp_packet
from pace import limit

ELSEWHERE4 = "10.99.0.1"
SYN, SYN_ACK = 0x02, 0x12
PER_SECOND = 25     # NFTRACE_PER_SECOND


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """With the sanitizers: a read past an attribute ends the test."""
    compiler = next((c for c in ("cc", "gcc", "clang") if shutil.which(c)), None)
    assert compiler, "no C compiler"
    binary = tmp_path_factory.mktemp("nftracer") / "nftracer"
    sources = sorted(glob.glob(os.path.join(REPO, "src/collect/firewall*.c")) +
                     glob.glob(os.path.join(REPO, "src/collect/nftrace*.c")))
    subprocess.run([compiler, "-std=gnu11", "-D_GNU_SOURCE", "-O1", "-g", "-fsanitize=address,undefined",
                    "-fno-sanitize-recover=undefined", "-I", os.path.join(REPO, "src"), "-o", binary,
                    os.path.join(HERE, "nftracer.c"), *sources, os.path.join(REPO, "src/fact.c"),
                    os.path.join(REPO, "src/base/ip.c"), os.path.join(REPO, "src/base/text.c"), "-lmnl"], check=True)
    return str(binary)


@pytest.fixture(scope="module")
def lab(requirements):
    with Lab() as made:
        made.server.sysctl("net.ipv4.ip_forward", 1)
        made.server.ip(f"route add 10.99.0.0/24 via {CLIENT4}")
        yield made


def listing(lab):
    return run(lab.server.command("nft", "list", "ruleset"))


@pytest.fixture
def server(lab):
    """A server without rules.  Afterwards nothing of the tracer's is left, and the test's own rules are unchanged."""
    run(lab.server.command("nft", "flush", "ruleset"))
    yield lab.server
    left = listing(lab)
    run(lab.server.command("nft", "flush", "ruleset"))
    assert "tcpwhy" not in left


class Tracer:
    """nftracer on the server host: what it printed, parsed, as it comes."""

    def __init__(self, lab, program, peer, port, *options, prefix=()):
        self.lab = lab
        self.packets, self.ended = [], None
        self.before = listing(lab)
        self.process = lab.server.popen([*prefix, program, *options, peer, str(port)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.started = json.loads(self.process.stdout.readline() or '{"started": -1, "why": "it said nothing"}')
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        for line in self.process.stdout:
            told = json.loads(line)
            if "stopped" in told:
                self.ended = told
            else:
                self.packets.append(told)

    def __enter__(self):
        assert self.started["started"] == 0 and self.started["why"] == "", self.started
        return self

    def __exit__(self, kind, *_rest):
        self.stop()
        if kind is None:
            assert self.process.returncode == 0, self.process.stderr.read()
            assert listing(self.lab) == self.before

    def stop(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            self.process.wait(10)
        self._thread.join(10)

    def kill(self):
        self.process.kill()
        self.process.wait(10)
        self._thread.join(10)

    def wait(self, n=1, timeout=3.0):
        """The first n packets that were told, or AssertionError."""
        deadline = time.monotonic() + limit(timeout)
        while len(self.packets) < n and time.monotonic() < deadline:
            time.sleep(0.01)
        assert len(self.packets) >= n, f"{len(self.packets)} of {n} packets told"
        return self.packets[:n]

    def one(self):
        """The only packet that is told."""
        self.wait(1)
        time.sleep(0.3)
        assert len(self.packets) == 1, self.packets
        return self.packets[0]


@pytest.fixture
def trace(lab, program, server):
    tracers = []

    def start(port, peer=CLIENT4, *options, **more):
        tracers.append(Tracer(lab, program, peer, port, *options, **more))
        return tracers[-1]
    yield start
    for tracer in tracers:
        tracer.kill()


def handle(host, family, table, chain, pattern):
    text = run(host.command("nft", "-a", "list", "chain", family, table, chain))
    found = re.search(rf"{pattern}.*# handle (\d+)", text)
    assert found, text
    return int(found.group(1))


def short(step):
    return step["family"], step["table"], step["chain"], step["handle"]


def syn(lab, port, sport=None, **more):
    sport = sport or lab.spare_port()
    lab.send_syn(SERVER4, port, sport, **more)
    return sport


def check_drop(lab, trace, port, family, table, chain, pattern, fate="dropped", **rule):
    """One SYN to port is told as dropped by the rule whose listing has the pattern."""
    wanted = handle(lab.server, family, table, chain, pattern)
    with trace(port) as tracer:
        sport = syn(lab, port)
        told = tracer.one()
    assert told["end"] == "dropped by rule"
    assert short(told["by"]) == (family, table, chain, wanted)
    assert (told["src"], told["sport"], told["dst"], told["dport"]) == (CLIENT4, sport, SERVER4, port)
    assert (told["iif"], told["flags"], told["answer"], told["complete"]) == ("eth0", SYN, 0, 1)
    assert told["mac"] == lab.client.mac("eth0")
    assert told["seq"] == 0x1234567
    assert told["described"] == 0 and told["rule"]["fate"] == fate, told
    for key, value in rule.items():
        assert told["rule"][key] == value, told
    return told


# --- who dropped it ---

def test_input_rule(lab, server, trace, port):
    server.nft("table inet t {\n chain input { type filter hook input priority 0; policy accept;\n counter\n"
               f" jump ports\n }}\n chain ports {{\n tcp dport {port} counter drop comment \"by hand\"\n }}\n}}")
    jump = handle(server, "inet", "t", "input", "jump ports")
    told = check_drop_counting(lab, trace, port, "ports", "drop", hook="input", base="input", priority=0,
                               comment="by hand", text=f"tcp dport {port} counter drop", packets=1)
    assert told["by"]["base"] == "input"
    assert [(short(s), s["verdict"]) for s in told["path"]] == \
        [(("inet", "t", "input", jump), "jump"), (short(told["by"]), "drop")]
    assert told["steps"] == 2


def check_drop_counting(lab, trace, port, chain, pattern, **rule):
    """As check_drop() where counters count, so that the listing does change."""
    wanted = handle(lab.server, "inet", "t", chain, pattern)
    tracer = trace(port)
    syn(lab, port)
    told = tracer.one()
    tracer.stop()
    assert short(told["by"]) == ("inet", "t", chain, wanted)
    for key, value in rule.items():
        assert told["rule"][key] == value, told
    return told


def test_input_policy(lab, server, trace, port):
    server.nft("table inet t {\n chain input { type filter hook input priority 5; policy drop;\n"
               " tcp dport 22 accept\n ip protocol icmp accept\n meta l4proto ipv6-icmp accept\n }\n}")
    with trace(port) as tracer:
        syn(lab, port)
        told = tracer.one()
    assert told["end"] == "dropped by policy"
    assert short(told["by"]) == ("inet", "t", "input", 0)
    assert told["rule"]["text"] == "policy drop" and told["rule"]["fate"] == "dropped"
    assert (told["rule"]["hook"], told["rule"]["priority"]) == ("input", 5)


@pytest.mark.parametrize("family, priority", [("ip", -300), ("inet", -450), ("inet", -2147483648)])
def test_prerouting(lab, server, trace, port, family, priority):
    """Raw, before defragmentation, and as early as can be: what was registered later comes first."""
    server.nft(f"table {family} t {{\n chain early {{ type filter hook prerouting priority {priority};\n"
               f" tcp dport {port} drop\n }}\n}}")
    check_drop(lab, trace, port, family, "t", "early", "drop", hook="prerouting", priority=priority)


@pytest.mark.parametrize("family, device", [("netdev", "device eth0"), ("netdev", "devices = { eth0 }"),
                                            ("inet", "device eth0")])
def test_ingress(lab, server, trace, port, family, device):
    server.nft(f"table {family} t {{\n chain door {{ type filter hook ingress {device} priority -500;\n"
               f" tcp dport {port} drop\n }}\n}}")
    told = check_drop(lab, trace, port, family, "t", "door", "drop")
    assert told["by"]["base"] == "door"


def test_ingress_of_the_second_interface(lab, server, trace, port):
    lab.add_second_link()
    server.nft("table netdev t {\n chain door { type filter hook ingress device eth1 priority 0;\n"
               f" tcp dport {port} drop\n }}\n}}")
    with trace(port, "any") as tracer:
        lab.dial("10.78.0.1", port, timeout=0.4)
        told = tracer.wait()[0]
    assert (told["end"], told["iif"], told["by"]["table"]) == ("dropped by rule", "eth1", "t")


def test_named_set(lab, server, trace, port):
    server.nft("table inet t {\n set banned { type ipv4_addr; elements = { 10.77.0.2, 192.0.2.1 } }\n"
               " chain input { type filter hook input priority 0;\n ip saddr @banned drop\n }\n}")
    check_drop(lab, trace, port, "inet", "t", "input", "drop", text="ip saddr @banned drop")


def test_verdict_map(lab, server, trace, port):
    server.nft("table inet t {\n chain input { type filter hook input priority 0;\n"
               f" tcp dport vmap {{ 22 : accept, {port} : drop }}\n }}\n}}")
    check_drop(lab, trace, port, "inet", "t", "input", "vmap", fate="unknown")


def test_two_ways_to_a_chain(lab, server, trace, port):
    """The packet's own way is in the trace; the description says no hook rather than a wrong one."""
    server.nft(f"table inet t {{\n chain both {{\n tcp dport {port} drop\n }}\n"
               " chain input { type filter hook input priority 0;\n jump both\n }\n"
               " chain forward { type filter hook forward priority 0;\n goto both\n }\n}")
    told = check_drop(lab, trace, port, "inet", "t", "both", "drop", hook="", base="", priority=0)
    assert told["by"]["base"] == "input"


@pytest.mark.parametrize("how, fate, icmp, seen", [
    ("reject", "icmp", [3, 3], "ECONNREFUSED"),
    ("reject with icmpx type admin-prohibited", "icmp", [0, 0], "EHOSTUNREACH"),
    ("meta nfproto ipv4 reject with icmpx type admin-prohibited", "icmp", [3, 13], "EHOSTUNREACH"),
    ("reject with tcp reset", "reset", [0, 0], "ECONNREFUSED")])
def test_reject(lab, server, trace, port, how, fate, icmp, seen):
    family = "ip" if how == "reject" else "inet"
    server.nft(f"table {family} t {{\n chain input {{ type filter hook input priority 0;\n"
               f" tcp dport {port} {how}\n }}\n}}")
    wanted = handle(server, family, "t", "input", "reject")
    with trace(port) as tracer:
        assert lab.dial(SERVER4, port).errno == seen
        told = tracer.wait()[0]
    assert (told["end"], short(told["by"])) == ("dropped by rule", (family, "t", "input", wanted))
    assert (told["rule"]["fate"], told["rule"]["icmp"]) == (fate, icmp)


def test_forward_after_dnat(lab, server, trace, port):
    server.nft("table ip t {\n chain pre { type nat hook prerouting priority -100;\n"
               f" tcp dport {port} dnat to {ELSEWHERE4}:{port + 1}\n }}\n"
               " chain forward { type filter hook forward priority 0;\n"
               f" tcp dport {port + 1} drop\n }}\n}}")
    nat = handle(server, "ip", "t", "pre", "dnat")
    told = check_drop(lab, trace, port, "ip", "t", "forward", "drop", hook="forward")
    assert (told["last_dst"], told["last_dport"]) == (ELSEWHERE4, port + 1)
    assert told["oif"] == "eth0"
    assert [short(s) for s in told["path"]] == [("ip", "t", "pre", nat), short(told["by"])]


def test_postrouting_of_a_forwarded_one(lab, server, trace, port):
    server.nft("table ip t {\n chain pre { type nat hook prerouting priority -100;\n"
               f" tcp dport {port} dnat to {ELSEWHERE4}\n }}\n"
               " chain post { type filter hook postrouting priority 300; policy accept;\n"
               f" ip daddr {ELSEWHERE4} tcp dport {port} drop\n }}\n}}")
    check_drop(lab, trace, port, "ip", "t", "post", "drop", hook="postrouting")


def test_egress_after_source_nat(lab, server, trace, port):
    """The packet has another source, port and destination by now, and is still the same one."""
    server.nft("table ip t {\n chain pre { type nat hook prerouting priority -100;\n"
               f" tcp dport {port} dnat to {ELSEWHERE4}:{port + 1}\n }}\n"
               " chain post { type nat hook postrouting priority 100;\n meta l4proto tcp masquerade to :7000\n }\n}\n"
               "table netdev t {\n chain out { type filter hook egress device eth0 priority 0;\n"
               f" tcp dport {port + 1} drop\n }}\n}}")
    told = check_drop(lab, trace, port, "netdev", "t", "out", "drop", hook="egress")
    assert [s["chain"] for s in told["path"]] == ["pre", "post", "out"]


def test_synproxy(lab, server, trace, port):
    server.nft("table ip t {\n chain input { type filter hook input priority 0;\n"
               f" tcp dport {port} synproxy mss 1460\n }}\n}}")
    wanted = handle(server, "ip", "t", "input", "synproxy")
    with trace(port) as tracer:
        sport = syn(lab, port)
        told = tracer.wait()[0]
    assert (told["end"], short(told["by"]), told["sport"]) == ("stolen", ("ip", "t", "input", wanted), sport)
    assert told["rule"]["fate"] == "stolen"


def test_answer(lab, server, trace, port):
    """The SYN passes, our SYN-ACK does not."""
    lab.serve(port)
    server.nft("table inet t {\n chain output { type filter hook output priority 0;\n"
               f" tcp sport {port} tcp flags & (syn | ack) == syn | ack drop\n }}\n}}")
    wanted = handle(server, "inet", "t", "output", "drop")
    with trace(port) as tracer:
        got = lab.dial(SERVER4, port, timeout=0.5)
        assert got.errno == "ETIMEDOUT"
        told = tracer.wait(2)
    answer = next(t for t in told if t["answer"])
    assert (answer["end"], short(answer["by"])) == ("dropped by rule", ("inet", "t", "output", wanted))
    assert (answer["src"], answer["sport"], answer["dst"]) == (SERVER4, port, CLIENT4)
    assert (answer["dport"], answer["flags"], answer["oif"], answer["iif"]) == (got.source[1], SYN_ACK, "eth0", "")
    assert [t["end"] for t in told if not t["answer"]] == ["passed"]


def test_ipv6(lab, server, trace, port):
    server.nft("table ip6 t {\n chain input { type filter hook input priority 0;\n"
               f" ip6 saddr {CLIENT6} tcp dport {port} drop\n }}\n}}")
    wanted = handle(server, "ip6", "t", "input", "drop")
    with trace(port, CLIENT6) as tracer:
        got = lab.dial(SERVER6, port, timeout=0.4)
        told = tracer.wait()[0]
    assert (told["end"], short(told["by"])) == ("dropped by rule", ("ip6", "t", "input", wanted))
    assert (told["src"], told["dst"], told["sport"], told["v6"]) == (CLIENT6, SERVER6, got.source[1], 1)


def test_any_ipv6(lab, server, trace, port):
    server.nft("table inet t {\n chain input { type filter hook input priority 0; policy accept;\n"
               f" tcp dport {port} drop\n }}\n}}")
    with trace(port, "any", "-6") as tracer:
        syn(lab, port)
        lab.dial(SERVER6, port, timeout=0.4)
        assert {t["src"] for t in tracer.wait()} == {CLIENT6}


def test_long_way(lab, server, trace, port):
    """More steps than are kept: the last ones are."""
    server.nft("table inet t {\n" + "".join(f" chain c{i:02} {{ }}\n" for i in range(13)) +
               " chain input { type filter hook input priority 0;\n jump c00\n }\n}\n" +
               "".join(f"add rule inet t c{i:02} jump c{i + 1:02}\n" for i in range(12)) +
               f"add rule inet t c12 tcp dport {port} drop")
    told = check_drop(lab, trace, port, "inet", "t", "c12", "drop", hook="input", base="input")
    assert told["steps"] == 14
    assert [s["chain"] for s in told["path"]] == [f"c{i:02}" for i in range(5, 13)]
    assert {s["base"] for s in told["path"]} == {"input"}


def test_names(lab, server, trace, port):
    """As long as names may be: they are cut, and still found."""
    table, chain = "t" * 127, "c" * 128
    server.nft(f"table inet {table} {{\n chain {chain} {{ type filter hook input priority 0;\n"
               f" tcp dport {port} drop\n }}\n}}")
    with trace(port) as tracer:
        syn(lab, port)
        told = tracer.one()
    assert (told["by"]["table"], told["by"]["chain"]) == (table[:47], chain[:47])
    assert told["described"] == 0 and told["rule"]["text"] == f"tcp dport {port} drop"


# --- iptables ---

def iptables(host, variant, *words):
    tool = shutil.which(f"iptables-{variant}", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if not tool:
        pytest.skip(f"no iptables-{variant} here")
    done = subprocess.run(host.command(tool, "-w", *words), capture_output=True, text=True)
    if done.returncode != 0 and variant == "legacy":
        pytest.skip(f"this kernel has no legacy iptables: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("words, fate", [("-j DROP", "dropped"), ("-j REJECT", "icmp"),
                                         ("-m multiport --dports %d,1 -j DROP", "dropped"),
                                         ("-j REJECT --reject-with tcp-reset", "reset")])
def test_iptables_nft(lab, server, trace, port, words, fate):
    if "%d" in words:
        words %= port
    iptables(server, "nft", "-A", "INPUT", "-p", "tcp", "--dport", str(port), *words.split())
    with_counters = trace(port)
    assert lab.dial(SERVER4, port, timeout=0.4).errno in ("ETIMEDOUT", "ECONNREFUSED")
    told = with_counters.wait()[0]
    with_counters.stop()
    wanted = handle(server, "ip", "filter", "INPUT", "dport")
    assert (told["end"], short(told["by"])) == ("dropped by rule", ("ip", "filter", "INPUT", wanted))
    assert (told["rule"]["fate"], told["rule"]["product"], told["rule"]["hook"]) == (fate, "iptables", "input")
    assert told["rule"]["packets"] >= 1


def test_iptables_nft_policy(lab, server, trace, port):
    iptables(server, "nft", "-P", "INPUT", "DROP")
    tracer = trace(port)
    syn(lab, port)
    told = tracer.one()
    tracer.stop()
    assert (told["end"], short(told["by"])) == ("dropped by policy", ("ip", "filter", "INPUT", 0))


def test_iptables_nft_own_chain(lab, server, trace, port):
    iptables(server, "nft", "-N", "f2b-sshd")
    iptables(server, "nft", "-A", "INPUT", "-p", "tcp", "-j", "f2b-sshd")
    iptables(server, "nft", "-A", "f2b-sshd", "-s", CLIENT4, "-j", "REJECT", "-m", "comment", "--comment", "banned")
    tracer = trace(port)
    syn(lab, port)
    told = tracer.one()
    tracer.stop()
    assert [(s["chain"], s["verdict"]) for s in told["path"]] == [("INPUT", "jump"), ("f2b-sshd", "drop")]
    assert (told["by"]["base"], told["rule"]["hook"], told["rule"]["product"]) == ("INPUT", "input", "fail2ban")
    assert "banned" in told["rule"]["comment"] + told["rule"]["text"]


def test_iptables_legacy_is_not_seen(lab, server, trace, port):
    iptables(server, "legacy", "-A", "INPUT", "-p", "tcp", "--dport", str(port), "-j", "DROP")
    try:
        with trace(port) as tracer:
            assert lab.dial(SERVER4, port, timeout=0.4).errno == "ETIMEDOUT"
            told = tracer.wait()[0]
        assert (told["end"], told["steps"]) == ("passed", 0)
    finally:
        iptables(server, "legacy", "-F", "INPUT")


# --- what is not dropped, and what is not told ---

def test_accepted(lab, server, trace, port):
    lab.serve(port)
    server.nft("table inet t {\n chain input { type filter hook input priority 0; policy drop;\n"
               f" tcp dport {port} accept\n ct state established accept\n ip protocol icmp accept\n }}\n}}")
    rule = handle(server, "inet", "t", "input", f"dport {port}")
    with trace(port) as tracer:
        got = lab.dial(SERVER4, port, keep=True)
        assert got.errno == "none"
        got.close()
        told = tracer.wait(2)
    assert [(t["end"], t["flags"], t["complete"]) for t in sorted(told, key=lambda t: t["flags"])] == \
        [("passed", SYN, 1), ("passed", SYN_ACK, 1)]
    way = next(t for t in told if not t["answer"])["path"]
    assert [(short(s), s["verdict"]) for s in way] == [(("inet", "t", "input", rule), "accept")]


def test_no_rules_at_all(lab, server, trace, port):
    with trace(port) as tracer:
        assert lab.dial(SERVER4, port).errno == "ECONNREFUSED"
        told = tracer.one()
    assert (told["end"], told["steps"], told["by"]["family"]) == ("passed", 0, "")


def test_same_packet_again(lab, server, trace, port):
    """The kernel uses ids again: what was told of the first is not mixed with the second."""
    server.nft(f"table inet t {{\n chain input {{ type filter hook input priority 0;\n tcp dport {port} drop\n }}\n}}")
    with trace(port) as tracer:
        sport = lab.spare_port()
        for _ in range(5):
            syn(lab, port, sport)
            time.sleep(0.02)
        told = tracer.wait(5)
    assert [t["steps"] for t in told] == [1] * 5 and {t["end"] for t in told} == {"dropped by rule"}


def test_others_are_not_told(lab, server, trace, port):
    server.nft("table inet t {\n chain input { type filter hook input priority 0;\n"
               f" tcp dport {{ {port}, {port + 1} }} drop\n }}\n}}")
    with trace(port) as tracer:
        syn(lab, port + 1)                                  # another port
        syn(lab, port, source="10.77.0.9")                  # another peer
        for flags in (0x10, 0x12, 0x04, 0x03, 0x00):        # not a SYN
            syn(lab, port, flags=flags)
        lab.dial(SERVER6, port, timeout=0.2)                # another family
        wanted = syn(lab, port)
        told = tracer.one()
    assert told["sport"] == wanted


def test_somebody_else_traces(lab, server, trace, port):
    """All packets are traced by a rule that is there already: ours are told, and only once."""
    server.nft("table inet t {\n chain watch { type filter hook prerouting priority -400;\n meta nftrace set 1\n }\n"
               f" chain input {{ type filter hook input priority 0;\n tcp dport {{ {port}, {port + 1} }} drop\n }}\n}}")
    with trace(port) as tracer:
        syn(lab, port + 1)
        wanted = syn(lab, port)
        told = tracer.one()
    assert (told["sport"], told["end"]) == (wanted, "dropped by rule")


def test_ecn_syn(lab, server, trace, port):
    server.nft(f"table inet t {{\n chain input {{ type filter hook input priority 0;\n tcp dport {port} drop\n }}\n}}")
    with trace(port) as tracer:
        syn(lab, port, flags=0xc2)
        assert tracer.one()["flags"] == 0xc2


@pytest.mark.parametrize("translated", [False, True])
@pytest.mark.parametrize("calls", [0, 1])
def test_bridge(lab, program, server, port, translated, calls):
    """A port of a bridge: the packet's interface changes on its way, and with it the kernel's id; with br_netfilter it
    comes to prerouting twice, and the second time it may have another destination."""
    wanted = port + translated
    with Lab() as other:
        other.server.ip("link add br0 type bridge", f"address del {SERVER4}/24 dev eth0", "link set eth0 master br0",
                        f"address add {SERVER4}/24 dev br0", "link set br0 up")
        other.server.sysctl("net.bridge.bridge-nf-call-iptables", calls)
        other.server.nft("table ip t {\n chain pre { type nat hook prerouting priority -100;\n"
                         f" tcp dport {port} redirect to :{wanted}\n }}\n"
                         " chain input { type filter hook input priority 0;\n"
                         f" tcp dport {wanted} drop\n }}\n}}")
        with Tracer(other, program, CLIENT4, port) as tracer:
            other.send_syn(SERVER4, port, other.spare_port())
            told = tracer.one()
        assert (told["end"], told["by"]["chain"], told["iif"]) == ("dropped by rule", "input", "eth0")
        assert (told["dport"], told["last_dport"]) == (port, wanted)


# --- nothing stays behind ---

RULES = """table inet t {
 set s { type ipv4_addr; flags interval; elements = { 192.0.2.0/24 } }
 chain input { type filter hook input priority 0; policy accept;
 ip saddr @s drop
 tcp dport 9 reject
 }
}
table netdev n {
 chain door { type filter hook ingress device eth0 priority 0;
 tcp dport 9 drop
 }
}"""


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_ruleset_is_as_before(lab, server, trace, port, how):
    server.nft(RULES)
    before = listing(lab)
    tracer = trace(port)
    meanwhile = listing(lab)
    assert meanwhile.count("flags owner") == 2 and meanwhile != before
    syn(lab, port)
    tracer.wait()
    getattr(tracer, how)()
    assert listing(lab) == before
    assert tracer.process.returncode == (0 if how == "stop" else -9)


def test_nobody_else_can_remove_it(lab, server, trace, port):
    server.nft(RULES)
    with trace(port) as tracer:
        run(server.command("nft", "flush", "ruleset"))
        left = listing(lab)
        assert left.count("tcpwhy_trace {") == 2 and "table inet t {" not in left
        syn(lab, port)
        assert tracer.one()["end"] == "passed"
        tracer.before = ""


def test_two_at_a_time(lab, server, trace, port):
    server.nft(f"table inet t {{\n chain input {{ type filter hook input priority 0;\n tcp dport {port} drop\n }}\n}}")
    first = trace(port)
    second = trace(port)
    third = trace(port + 1)
    names = [t.started["table"] for t in (first, second, third)]
    assert names[0] == "tcpwhy_trace" and len(set(names)) == 3
    assert all(re.fullmatch(r"tcpwhy_trace(_\d+)?", name) for name in names)
    syn(lab, port)
    for tracer in (first, second):
        told = tracer.one()
        assert (told["end"], told["steps"]) == ("dropped by rule", 1)
    assert third.packets == []
    first.kill()
    assert listing(lab) == second.before.replace("tcpwhy_trace {", "") or "tcpwhy_trace {" not in listing(lab)
    syn(lab, port)
    second.wait(2)
    for tracer in (second, third):
        tracer.stop()


def test_name_is_taken_in_one_family(lab, server, trace, port):
    server.nft("table netdev tcpwhy_trace {\n chain c { }\n}")
    tracer = trace(port)
    assert tracer.started["started"] == 0 and tracer.started["table"].startswith("tcpwhy_trace_")
    tracer.stop()
    assert listing(lab) == tracer.before
    run(server.command("nft", "flush", "ruleset"))


def test_interfaces(lab, server, trace, port):
    """Some up, some down, more than one chain takes; and one that goes while it is traced."""
    server.ip(*(f"link add d{i} type veth peer name d{i + 130}" for i in range(130)),
              *(f"link set d{i} up" for i in range(260)), "link add asleep type bridge")
    try:
        tracer = trace(port)
        assert tracer.started["why"] == ""
        text = listing(lab)
        assert "chain in0" in text and "chain in1" in text and re.search(r"\bd259\b", text) and "asleep" not in text
        server.ip("link del d7")
        syn(lab, port)
        tracer.one()
        tracer.stop()
        assert listing(lab) == tracer.before
    finally:
        server.ip(*(f"link del d{i}" for i in range(130) if i != 7), "link del dev asleep")


def test_no_privilege(lab, server, program, port):
    before = listing(lab)
    tracer = Tracer(lab, program, CLIENT4, port,
                    prefix=["setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin"])
    tracer.stop()
    assert tracer.started["started"] == -1      # -EPERM
    assert "CAP_NET_ADMIN" in tracer.started["why"]
    assert listing(lab) == before


# --- floods ---

def flood(lab, port, seconds, per_second):
    packets = [tcp_packet(CLIENT4, 1024 + i, SERVER4, port, SYN, seq=i) for i in range(20000)]
    sent, started = 0, time.monotonic()
    with lab.client.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        while (passed := time.monotonic() - started) < seconds:
            while sent < passed * per_second:
                raw.sendto(packets[sent % len(packets)], (SERVER4, 0))
                sent += 1
            time.sleep(0.001)
    seconds = time.monotonic() - started
    return sent / seconds, seconds


def test_flood(lab, server, trace, port):
    server.nft("table inet t {\n chain input { type filter hook input priority 0;\n"
               f" tcp dport {port} drop\n }}\n}}")
    with trace(port, "any") as tracer:
        rate, seconds = flood(lab, port, 3, 10000)
        time.sleep(0.4)
        tracer.stop()
    assert rate > 10 * PER_SECOND
    # a burst and three seconds' worth, of the chain at ingress and of that at prerouting
    assert PER_SECOND * 3 <= len(tracer.packets) <= 2 * PER_SECOND * (seconds + 1) + 10, len(tracer.packets)
    assert {t["end"] for t in tracer.packets} == {"dropped by rule"}
    assert (tracer.ended["losses"], tracer.ended["evicted"]) == (0, 0)


def test_flood_killed_in_the_middle(lab, server, trace, port):
    server.nft(RULES)
    before = listing(lab)
    tracer = trace(port, "any")
    killer = threading.Timer(0.7, tracer.kill)
    killer.start()
    flood(lab, port, 1.5, 10000)
    killer.join()
    assert tracer.packets
    assert listing(lab) == before


def test_reader_that_sleeps(lab, server, trace, port):
    """Messages are lost: told, and no packet is said to have passed for certain."""
    server.nft("table inet t {\n chain input { type filter hook input priority 0;\n" + " counter\n" * 400 +
               f" tcp dport {port} drop\n }}\n}}")
    tracer = trace(port, "any", "-s")
    flood(lab, port, 4, 1000)
    tracer.stop()
    assert tracer.ended["losses"] >= 1
    assert tracer.packets and all(t["end"] == "dropped by rule" or not t["complete"] for t in tracer.packets)
