"""What collect/firewall.h says of a packet, against the kernel: fwjudge.c is a program around it."""
import glob
import json
import os
import random
import re
import shutil
import socket
import struct
import subprocess
import time

import pytest

from lab import CLIENT4, CLIENT6, HERE, REPO, SERVER4, SERVER4_OTHER, SERVER6, Lab, checksum, run, tcp_packet

NEW, ESTABLISHED, RELATED, INVALID, UNTRACKED = 1, 2, 4, 8, 16
LOCALS = f"{SERVER4},{SERVER4_OTHER},{SERVER6}"
ELSEWHERE4, ELSEWHERE6 = "10.99.0.1", "fd99::1"
RULESETS = int(os.environ.get("TCPWHY_RULESETS", 300))


def compile_judge(binary, *options):
    compiler = next((c for c in ("cc", "gcc", "clang") if shutil.which(c)), None)
    assert compiler, "no C compiler"
    sources = sorted(glob.glob(os.path.join(REPO, "src/collect/firewall*.c")))
    subprocess.run([compiler, "-std=gnu11", "-D_GNU_SOURCE", *options, "-I", os.path.join(REPO, "src"), "-o", binary,
                    os.path.join(HERE, "fwjudge.c"), *sources, os.path.join(REPO, "src/base/ip.c"),
                    os.path.join(REPO, "src/base/text.c"), os.path.join(REPO, "src/fact.c"), "-lmnl"], check=True)
    return str(binary)


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    """With the sanitizers: a read past an attribute ends the test."""
    return compile_judge(tmp_path_factory.mktemp("fwjudge") / "fwjudge", "-O1", "-g",
                         "-fsanitize=address,undefined", "-fno-sanitize-recover=undefined")


@pytest.fixture(scope="module")
def fast(tmp_path_factory):
    return compile_judge(tmp_path_factory.mktemp("fwjudge") / "fwjudge-fast", "-O2")


@pytest.fixture(scope="module")
def lab(requirements):
    with Lab() as made:
        made.server.sysctl("net.ipv4.ip_forward", 1)
        made.server.sysctl("net.ipv6.conf.all.forwarding", 1)
        made.server.sysctl("net.ipv4.conf.all.send_redirects", 0)
        made.server.sysctl("net.ipv4.conf.eth0.send_redirects", 0)
        made.server.sysctl("net.ipv4.conf.all.rp_filter", 0)
        made.server.sysctl("net.ipv4.conf.eth0.rp_filter", 0)
        made.server.ip(*(f"route add {net} via {CLIENT4}" for net in ("10.99.0.0/24", "192.0.2.0/24")),
                       *(f"route add {net} via {CLIENT6}" for net in ("fd99::/64", "2001:db8::/32")))
        made.client.ip(f"route add 10.99.0.0/24 via {SERVER4}", f"route add fd99::/64 via {SERVER6}")
        # the client's kernel knows nothing of the hand-made SYNs: its RSTs would be counted at the server
        made.client.nft("table inet quiet {\n chain out { type filter hook output priority 0;\n"
                        " tcp flags & rst == rst drop\n }\n"
                        " chain in { type filter hook input priority 0; meta l4proto { tcp, icmp } drop\n"
                        " icmpv6 type destination-unreachable drop\n }\n}")
        yield made


class Judge:
    """A fwjudge that stays: a packet in, a verdict out."""

    def __init__(self, lab, binary):
        self.process = lab.server.popen([binary, "-l"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        got = self.process.stdout.readline()
        assert got, f"fwjudge ended: {self.process.wait(5)}"
        return json.loads(got)

    def refresh(self):
        assert self.tell("refresh")["refresh"] in (0, 1)

    def judge(self, src, sport, dst, dport, ct=NEW, flags=2, out=False, more=""):
        return self.tell(f"{'-o -r' if out else ''} -c {ct} -f {flags} -i eth0 -L {LOCALS} -R eth0 -t 64 {more} "
                         f"{src} {sport} {dst} {dport}")

    def close(self):
        self.process.stdin.close()
        self.process.wait(5)


@pytest.fixture(scope="module")
def judge(lab, checked):
    made = Judge(lab, checked)
    yield made
    made.close()
    assert made.process.returncode == 0


@pytest.fixture
def clean(lab):
    """No rules at the server before and after."""
    run(lab.server.command("nft", "flush", "ruleset"))
    yield lab
    run(lab.server.command("nft", "flush", "ruleset"))


# --- texts: what nft prints itself ---

SETS = """
 set v4 { type ipv4_addr; flags interval; elements = { 10.0.0.0/8, 192.168.1.5 } }
 set v6 { type ipv6_addr; elements = { fd00::1 } }
 set ports { type inet_service; elements = { 1, 2, 3 } }
 set pair { type ipv4_addr . inet_service; flags interval; elements = { 10.0.0.0/8 . 1-5 } }
 set names { type ifname; elements = { "eth0", "eth1" } }
 set seen { type ipv4_addr; flags dynamic,timeout; timeout 1m; }
 map verdicts { type ipv4_addr . inet_service : verdict; elements = { 10.1.1.1 . 80 : drop } }
 counter hits { }
 chain other { }
"""

INET_RULES = """
accept
counter drop
tcp dport 22 accept
tcp dport 8080 ct state new counter drop
tcp dport { 22, 80, 443 } accept
tcp dport { 22, 80-90, 1024-65535 } accept
tcp dport @ports accept
tcp dport != @ports drop
tcp dport != 22 drop
tcp dport 1-1024 drop
tcp dport != 1-1024 drop
tcp dport < 1024 drop
tcp sport >= 1024 drop
udp dport 53 accept
th dport 53 accept
ip saddr 10.0.0.1 drop
ip saddr 10.0.0.0/8 drop
ip saddr 10.16.0.0/12 drop
ip saddr != 10.16.0.0/13 drop
ip saddr 10.0.0.1-10.0.0.9 drop
ip saddr { 10.0.0.1, 192.168.0.0/16 } drop
ip saddr @v4 drop
ip saddr @v4 tcp dport 22 drop
ip saddr != @v4 drop
ip daddr 10.0.0.0/8 tcp dport 22 counter drop
ip6 saddr fd00::/8 drop
ip6 saddr @v6 drop
ip6 daddr fd00::1 tcp dport 22 drop
ip saddr . tcp dport @pair drop
ip saddr . tcp dport vmap @verdicts
ip saddr . tcp dport { 10.0.0.1 . 22, 10.0.0.2 . 80 } drop
ip protocol tcp drop
ip ttl 64 drop
ip ttl < 5 drop
ip6 hoplimit 64 drop
meta l4proto tcp drop
meta l4proto { tcp, udp } drop
meta nfproto ipv4 drop
meta nfproto ipv6 tcp dport 22 drop
iifname "eth0" drop
iifname != "eth0" drop
iifname "eth*" drop
iifname { "eth0", "lo" } drop
iifname @names drop
iif "lo" accept
oifname "eth0" drop
ct state new drop
ct state established,related accept
ct state invalid drop
ct state invalid,new,untracked drop
ct state != new drop
ct state vmap { invalid : drop, established : accept, related : accept }
ct status dnat accept
ct direction original drop
ct mark 0x00000001 drop
ct original ip daddr 10.0.0.1 drop
meta l4proto tcp ct original proto-dst 80 drop
meta mark 0x00000001 drop
meta mark & 0x000000ff == 0x00000012 drop
meta mark & 0x000000ff != 0x00000012 drop
meta mark set 0x00000001 accept
meta mark set ct mark accept
ct mark set 0x00000001 accept
ct mark set meta mark accept
meta pkttype broadcast drop
meta skuid 1000 drop
meta nftrace set 1
tcp flags syn drop
tcp flags syn / fin,syn,rst,ack drop
tcp flags != syn / fin,syn,rst,ack drop
tcp flags ! fin,syn,rst,psh,ack,urg drop
tcp flags == syn drop
tcp flags syn,ack drop
tcp window 0 drop
jump other
goto other
return
tcp dport 22 jump other
tcp dport vmap { 22 : jump other, 23 : goto other, 24 : drop, 25 : accept, 26 : return }
tcp dport vmap { 22 : accept, 100-200 : drop }
limit rate 5/second accept
limit rate 10/minute burst 20 packets accept
limit rate over 10/hour drop
limit rate 10 kbytes/second accept
quota over 10 mbytes drop
ct count over 20 drop
log
log prefix "seen: "
log prefix "seen: " level debug
log prefix "seen: " group 2
tcp dport 22 log prefix "ssh " counter reject
reject
reject with tcp reset
tcp dport 22 reject with tcp reset
reject with icmpx admin-prohibited
ip saddr 10.0.0.1 reject with icmp host-unreachable
tcp dport 22 reject with icmpx no-route
notrack
fib daddr type local accept
fib daddr type != local drop
fib saddr . iif oif missing drop
fib daddr . iif type != local drop
fib daddr type { local, broadcast } accept
add @seen { ip saddr } accept
update @seen { ip saddr timeout 5m } accept
add @seen { ip saddr limit rate 3/minute } accept
counter name "hits" drop
ct state new tcp dport 22 ip saddr @v4 counter accept
iifname "eth0" ip saddr 10.0.0.0/8 tcp dport { 22, 80 } ct state new limit rate 5/second counter accept
"""

NAT_RULES = """
tcp dport 80 dnat ip to 10.0.0.1
tcp dport 80 dnat ip to 10.0.0.1:8080
tcp dport 80 dnat ip to 10.0.0.1-10.0.0.9
tcp dport 80 dnat ip6 to [fd00::1]:8080
tcp dport 80 redirect to :8080
tcp dport 80 redirect
dnat ip to ip saddr map { 10.0.0.1 : 10.0.0.2 }
"""

SNAT_RULES = """
ip saddr 10.0.0.0/24 oifname "eth0" masquerade
snat ip to 10.0.0.1
masquerade random
"""

IP_RULES = """
ip saddr 10.0.0.1 drop
tcp dport 22 drop
ip protocol tcp drop
reject
reject with icmp admin-prohibited
tcp dport 22 reject with tcp reset
"""


def plain(text):
    """A rule as nft -a prints it, without what changes from one reading to the next."""
    text = re.sub(r"counter packets \d+ bytes \d+", "counter", text)
    text = re.sub(r' comment "[^"]*"', "", text)
    return re.sub(r"\s+", " ", text).strip()


def sorted_sets(text):
    """The order of an anonymous set's elements is nobody's business."""
    return re.sub(r"\{ ([^}]*) \}", lambda m: "{ " + ", ".join(sorted(m[1].split(", "))) + " }", text)


def printed_by_nft(host):
    found, table, chain = {}, None, None
    for line in run(host.command("nft", "-a", "list", "ruleset")).splitlines():
        words = line.split()
        if line.startswith("table"):
            table = words[2]
        elif words[:1] == ["chain"]:
            chain = words[1]
        elif (m := re.match(r"\t\t(.*) # handle (\d+)$", line)) and not words[0] in ("type", "elements"):
            found[(table, chain, int(m[2]))] = plain(m[1])
    return found


def printed_by_us(host, binary):
    found = {}
    for line in run(host.command(binary, "-x")).splitlines():
        table, chain, handle, text = line.split(" ", 3)
        found[(table, chain, int(handle))] = text
    return found


def test_texts_are_those_of_nft(clean, checked):
    host = clean.server
    chains = {"c": ("filter", "input", 0, INET_RULES), "pre": ("nat", "prerouting", -100, NAT_RULES),
              "post": ("nat", "postrouting", 100, SNAT_RULES)}
    text = "table inet t {\n" + SETS
    for name, (kind, hook, priority, rules) in chains.items():
        text += f" chain {name} {{ type {kind} hook {hook} priority {priority};\n"
        for rule in rules.strip().splitlines():
            if (rule != "notrack" and not rule.startswith("fib saddr . iif")):
                text += "  " + rule + "\n"
        text += " }\n"
    text += " chain raw { type filter hook prerouting priority -300;\n notrack\n fib saddr . iif oif missing drop\n }\n}\n"
    text += "table ip t4 {\n chain c { type filter hook input priority 0;\n" + IP_RULES + " }\n}\n"
    text += "table netdev n {\n chain c { type filter hook ingress device eth0 priority 0;\n tcp dport 9 drop\n" \
            " ip saddr 10.0.0.1 tcp dport 9 drop\n }\n}\n"
    host.nft(text)
    theirs, ours = printed_by_nft(host), printed_by_us(host, checked)
    wrong = [f"nft:  {want}\nours: {ours.get(key)}" for key, want in theirs.items()
             if sorted_sets(ours.get(key, "")) != sorted_sets(want)]
    print(f"{len(theirs)} rules, {len(wrong)} differ")
    assert theirs and not wrong, "\n".join(wrong)
    assert set(theirs) == set(ours)


# --- fates ---

def nft_table(rules, hook="input", priority=0, policy="accept", kind="filter", more=""):
    return f"table inet t {{\n{SETS}{more} chain c {{ type {kind} hook {hook} priority {priority}; policy {policy};\n" \
           f"{rules}\n }}\n}}\n"


# rules, packet (destination port; ct; more options), fate, text of the first candidate (None: there is none)
NFT_FATES = [
    ("tcp dport 22 drop", {}, "accepted", None),
    ("tcp dport 80 drop", {}, "dropped", "tcp dport 80 drop"),
    ("tcp dport 80 ct state new counter drop", {"ct": NEW}, "dropped", "tcp dport 80 ct state new counter drop"),
    ("tcp dport 80 ct state new counter drop", {"ct": ESTABLISHED}, "accepted", None),
    ("tcp dport 80 ct state new counter drop", {"ct": NEW | INVALID}, "unknown", "tcp dport 80 ct state new counter drop"),
    ("ct state invalid drop\n ct state new drop", {"ct": NEW | INVALID}, "dropped", "ct state new drop"),
    ("ct state untracked drop", {"ct": UNTRACKED}, "dropped", "ct state untracked drop"),
    ("reject", {}, "icmp", "reject"),
    ("reject with icmpx admin-prohibited", {}, "icmp", "reject with icmpx admin-prohibited"),
    ("reject with tcp reset", {}, "reset", "meta l4proto tcp reject with tcp reset"),
    ("ip saddr @v4 drop", {}, "dropped", "ip saddr @v4 drop"),
    ("ip saddr != @v4 drop", {}, "accepted", None),
    ("ip saddr . tcp dport @pair drop", {}, "accepted", None),
    ("ip saddr . tcp dport @pair drop", {"dport": 3}, "dropped", "ip saddr . tcp dport @pair drop"),
    ("iifname @names drop", {}, "dropped", "iifname @names drop"),
    ("limit rate 5/second accept\n drop", {}, "unknown", "drop"),
    ("limit rate over 5/second drop", {}, "unknown", "limit rate over 5/second drop"),
    ("ip saddr @seen drop", {}, "unknown", "ip saddr @seen drop"),
    ("ct count over 3 reject", {}, "unknown", "ct count over 3 reject"),
    ("meta skuid 1000 drop", {}, "unknown", "meta skuid 1000 drop"),
    ("tcp option maxseg size 0-500 drop", {}, "unknown", "... drop"),
    ("meta mark 5 drop", {}, "accepted", None),
    ("meta mark set 5\n meta mark 5 drop", {}, "dropped", "meta mark 0x00000005 drop"),
    ("limit rate 5/second meta mark set 5\n meta mark 5 drop", {}, "unknown", "meta mark 0x00000005 drop"),
    ("fib daddr type local drop", {}, "dropped", "fib daddr type local drop"),
    ("fib daddr type broadcast drop", {}, "accepted", None),
    ("tcp dport vmap { 80 : jump gate, 81 : accept }", {}, "dropped", "tcp sport 1-65535 drop"),
    ("jump gate\n accept", {"dport": 81}, "dropped", "tcp sport 1-65535 drop"),
    ("tcp dport 1-1000 goto empty\n drop", {}, "accepted", None),
    ("tcp dport 1-1000 jump empty\n drop", {}, "dropped", "drop"),
    ("tcp flags & (fin|syn|rst|ack) == syn drop", {}, "dropped", "tcp flags syn / fin,syn,rst,ack drop"),
    ("tcp flags & (fin|syn|rst|ack) == syn drop", {"flags": 0x10}, "accepted", None),
    ("counter name hits drop", {}, "dropped", 'counter name "hits" drop'),
    ("add @seen { ip saddr } drop", {}, "unknown", "add @seen { ip saddr } drop"),
]


@pytest.mark.parametrize("rules, packet, fate, text", NFT_FATES)
def test_fates_nft(clean, judge, rules, packet, fate, text):
    gate = " chain empty { }\n chain gate { tcp sport 1-65535 drop\n }\n"
    run(clean.server.command("nft", "-f", "-"), nft_table(rules, more=gate))
    judge.refresh()
    told = judge.judge(CLIENT4, 40000, SERVER4, packet.get("dport", 80), packet.get("ct", NEW), packet.get("flags", 2))
    assert told["fate"] == fate, told
    assert [c["text"] for c in told["candidates"][:1]] == ([text] if text else []), told
    if text:
        handles = {k[2]: plain(v) for k, v in printed_by_nft(clean.server).items()}
        assert plain(handles[told["candidates"][0]["handle"]]).split()[-1] == text.split()[-1]


def test_policy_and_counters(clean, judge):
    clean.server.nft(nft_table("tcp dport 22 accept\n tcp dport 99 counter drop comment \"nothing \u200b here\"",
                               policy="drop"))
    judge.refresh()
    told = judge.judge(CLIENT4, 40000, SERVER4, 80)
    assert told["fate"] == "dropped" and told["candidates"][0]["handle"] == 0
    assert told["candidates"][0]["text"] == "policy drop" and told["candidates"][0]["must"]
    assert judge.judge(CLIENT4, 40000, SERVER4, 99)["candidates"][0]["grew"] == 0
    sender = Sender(clean.client)
    for _ in range(3):
        sender.send(CLIENT4, 40001, SERVER4, 99, 2)
    time.sleep(0.1)
    told = judge.judge(CLIENT4, 40001, SERVER4, 99)["candidates"][0]
    assert told["has_counter"] and told["packets"] == 3 and told["grew"] == 3
    assert told["comment"] == "nothing \\xe2\\x80\\x8b here"
    assert judge.judge(CLIENT4, 40001, SERVER4, 99)["candidates"][0]["grew"] == 0


# iptables commands, destination port, fate, icmp, text of the first candidate
IPTABLES_FATES = [
    (["-A INPUT -p tcp --dport 80 -j DROP"], 80, "dropped", "tcp dport 80 counter drop"),
    (["-A INPUT -p tcp -m tcp --dport 80 --syn -j DROP"], 80, "dropped",
     "tcp flags syn / fin,syn,rst,ack tcp dport 80 counter drop"),
    (["-A INPUT -p tcp --dport 80 -j REJECT"], 80, "icmp",
     "tcp dport 80 counter -j REJECT --reject-with icmp-port-unreachable"),
    (["-A INPUT -p tcp --dport 80 -j REJECT --reject-with tcp-reset"], 80, "reset",
     "tcp dport 80 counter -j REJECT --reject-with tcp-reset"),
    (["-A INPUT -p tcp -m multiport --dports 22,80:90 -j DROP"], 85, "dropped",
     "meta l4proto tcp -m multiport --dports 22,80:90 counter drop"),
    (["-A INPUT -p tcp -m multiport --dports 22,80:90 -j DROP"], 91, "accepted", None),
    (["-A INPUT -p tcp -m multiport ! --dports 22,80:90 -j DROP"], 91, "dropped",
     "meta l4proto tcp -m multiport ! --dports 22,80:90 counter drop"),
    (["-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", "-P INPUT DROP"], 80, "dropped", "policy drop"),
    (["-A INPUT -m conntrack --ctstate NEW -j DROP"], 80, "dropped", "-m conntrack --ctstate NEW counter drop"),
    (["-A INPUT -m conntrack ! --ctstate NEW -j DROP"], 80, "accepted", None),
    (["-A INPUT -m state --state NEW -j DROP"], 80, "dropped", "-m state --state NEW counter drop"),
    (["-A INPUT -m addrtype --dst-type LOCAL -j DROP"], 80, "dropped", "-m addrtype --dst-type LOCAL counter drop"),
    (["-A INPUT -m addrtype ! --dst-type LOCAL -j DROP"], 80, "accepted", None),
    (["-A INPUT -p tcp -m limit --limit 5/s -j ACCEPT", "-A INPUT -j DROP"], 80, "unknown", "counter drop"),
    (["-A INPUT -m recent --set --name x", "-A INPUT -m recent --update --seconds 60 --hitcount 4 --name x -j DROP"], 80,
     "unknown", "-m recent --update --seconds 60 --hitcount 4 --name x --rsource counter drop"),
    (["-A INPUT -m recent ! --rcheck --name x --rdest -j DROP"], 80, "unknown",
     "-m recent ! --rcheck --name x --rdest counter drop"),
    (["-A INPUT -p tcp -m connlimit --connlimit-above 3 -j DROP"], 80, "unknown",
     "meta l4proto tcp -m connlimit ... counter drop"),
    (["-A INPUT -p tcp -m hashlimit --hashlimit-above 3/s --hashlimit-name y -j DROP"], 80, "unknown",
     "meta l4proto tcp -m hashlimit ... counter drop"),
    (["-t mangle -A PREROUTING -p tcp -j MARK --set-mark 7", "-A INPUT -m mark --mark 7 -j DROP"], 80, "dropped", None),
    (["-N ufw-user-input", "-A INPUT -j ufw-user-input", "-A ufw-user-input -p tcp --dport 80 -j DROP"], 80, "dropped",
     "tcp dport 80 counter drop"),
    (["-A INPUT -m iprange --src-range 10.77.0.1-10.77.0.9 -j DROP"], 80, "dropped", "-m iprange ... counter drop"),
    (["-A INPUT ! -i lo -s 10.0.0.0/8 -m comment --comment office -j DROP"], 80, "dropped",
     'iifname != "lo" ip saddr 10.0.0.0/8 counter drop'),
    (["-A INPUT -p tcp --dport 80 -j NFQUEUE --queue-num 5"], 80, "queued",
     "tcp dport 80 counter -j NFQUEUE --queue-num 5"),
    (["-A INPUT -p tcp --dport 80 -j NFQUEUE --queue-num 5 --queue-bypass"], 80, "accepted", None),
    (["-A INPUT -p tcp --dport 80 -j LOG --log-prefix seen", "-A INPUT -p udp -j DROP"], 80, "accepted", None),
]


@pytest.mark.parametrize("commands, port, fate, text", IPTABLES_FATES)
def test_fates_iptables(clean, judge, commands, port, fate, text):
    for command in commands:
        run(clean.server.command("iptables", *command.split()))
    judge.refresh()
    told = judge.judge(CLIENT4, 40000, SERVER4, port)
    assert told["fate"] == fate, told
    if text:
        assert told["candidates"][0]["text"] == text, told
    if any("ufw" in c for c in commands):
        assert told["candidates"][0]["product"] == "ufw" and told["candidates"][0]["base"] == "INPUT"
    if any("comment" in c for c in commands):
        assert told["candidates"][0]["comment"] == "office" and told["candidates"][0]["product"] == "iptables"


@pytest.mark.parametrize("match, text", [("--match-set banned src", "--match-set banned src"),
                                         ("! --match-set pairs dst,src", "! --match-set pairs dst,src")])
def test_sets_of_ipset_have_their_names(clean, judge, match, text):
    run(clean.server.command("ipset", "create", "banned", "hash:ip"))
    run(clean.server.command("ipset", "create", "pairs", "hash:ip,port"))
    try:
        run(clean.server.command("iptables", *f"-A INPUT -p tcp -m set {match} -j DROP".split()))
        judge.refresh()
        told = judge.judge(CLIENT4, 40000, SERVER4, 80)
        assert told["fate"] == "unknown" and told["candidates"][0]["text"] == f"meta l4proto tcp -m set {text} counter drop", told
    finally:
        run(clean.server.command("iptables", "-F", "INPUT"))
        run(clean.server.command("ipset", "destroy"))


def test_translations(clean, judge):
    for command in ("-t nat -A PREROUTING -p tcp --dport 80 -j DNAT --to 10.99.0.5:99",
                    "-t nat -A PREROUTING -p tcp --dport 81 -j REDIRECT --to-ports 88",
                    "-A FORWARD -d 10.99.0.0/24 -p tcp --dport 99 -j DROP", "-A INPUT -p tcp --dport 88 -j DROP",
                    "-t raw -A PREROUTING -p tcp --dport 82 -j CT --notrack",
                    "-A INPUT -m conntrack --ctstate UNTRACKED -j DROP"):
        run(clean.server.command("iptables", *command.split()))
    judge.refresh()
    told = judge.judge(CLIENT4, 40000, SERVER4, 80)
    assert told["fate"] == "dropped" and told["candidates"][0]["hook"] == "forward"
    assert (told["translation"]["must"], told["translation"]["addr"], told["translation"]["port"]) == (True, "10.99.0.5", 99)
    assert told["translation"]["rule"]["text"] == "tcp dport 80 counter -j DNAT --to-destination 10.99.0.5:99"
    told = judge.judge(CLIENT4, 40000, SERVER4, 81)
    assert told["fate"] == "dropped" and told["translation"]["port"] == 88 and told["translation"]["addr"] == ""
    told = judge.judge(CLIENT4, 40000, SERVER4, 82)
    assert told["fate"] == "dropped" and told["notrack"] and "translation" not in told
    told = judge.judge(CLIENT4, 40000, SERVER4, 80, ct=ESTABLISHED)
    assert told["fate"] == "accepted" and "translation" not in told


def test_legacy_tables_are_seen(lab, checked):
    """In a namespace of its own: a legacy table stays as long as its namespace."""
    name = f"fwh_{os.getpid()}"
    run(["ip", "netns", "add", name])
    try:
        inside = ["nsenter", f"--net=/run/netns/{name}", "--"]
        ask = [*inside, checked, "-L", SERVER4, CLIENT4, "40000", SERVER4, "80"]
        assert json.loads(run(ask))["legacy"] == 0
        run([*inside, "iptables-legacy", "-A", "INPUT", "-p", "tcp", "-j", "DROP"])
        told = json.loads(run(ask))
        assert told["legacy"] == 1 and told["fate"] == "unknown"
    finally:
        run(["ip", "netns", "delete", name])


def test_without_privilege(lab, checked):
    got = subprocess.run(lab.server.command("setpriv", "--bounding-set=-all", "--inh-caps=-all", checked, CLIENT4, "1",
                                            SERVER4, "2"), capture_output=True, text=True)
    assert json.loads(got.stdout) == {"error": "Operation not permitted"}


# --- random rulesets and real packets ---

def tcp6_packet(src, sport, dst, dport, flags):
    head = struct.pack("!HHIIBBHHH", sport, dport, 0x1234567, 0, 5 << 4, flags, 64240, 0, 0)
    addrs = socket.inet_pton(socket.AF_INET6, src) + socket.inet_pton(socket.AF_INET6, dst)
    head = head[:16] + struct.pack("!H", checksum(addrs + struct.pack("!IxxxB", len(head), 6) + head)) + head[18:]
    return struct.pack("!IHBB", 6 << 28, len(head), 6, 64) + addrs + head


class Sender:
    def __init__(self, host):
        self.v4 = host.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        self.v6 = host.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)

    def send(self, src, sport, dst, dport, flags):
        if ":" in src:
            self.v6.sendto(tcp6_packet(src, sport, dst, dport, flags), (dst, 0))
        else:
            self.v4.sendto(tcp_packet(src, sport, dst, dport, flags), (dst, 0))


PORTS = [22, 80, 443, 8080, 9000, 65000]
SOURCES4, SOURCES6 = [CLIENT4, "10.77.0.200", "192.0.2.7"], [CLIENT6, "fd77::200", "2001:db8::7"]


# The hosts' own neighbour discovery and errors are not to be counted.
OTHERS = "  meta l4proto != tcp accept\n"


class Generator:
    """A random ruleset whose every deciding rule counts."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.out = self.random.random() < 0.25      # about our answers, and not about what comes
        self.family = self.random.choice(["inet", "inet", "inet", "ip", "ip6"])
        self.v4 = self.family != "ip6"
        self.v6 = self.family != "ip"
        self.is4 = self.v4

    def pick(self, *what):
        return self.random.choice(what)

    def some(self, values, low=1, high=4):
        return ", ".join(str(v) for v in self.random.sample(values, min(len(values), self.random.randint(low, high))))

    def intervals(self):
        edges = sorted(self.random.sample(range(1, 65535), 2 * self.random.randint(1, 4)) + [])
        return ", ".join(f"{a}-{b}" for a, b in zip(edges[::2], edges[1::2]))

    def peer4(self):
        return self.pick("10.77.0.0/24", "10.0.0.0/8", "10.77.0.2", "192.0.2.0/24", "10.77.0.128/25",
                         "{ 10.77.0.2, 192.0.2.7 }", "{ 10.77.0.0/25, 192.0.2.0/28 }", "!= 10.77.0.2",
                         "10.77.0.100-10.77.0.250", "@peers4", "!= @peers4")

    def peer6(self):
        return self.pick("fd77::/64", "fd77::2", "2001:db8::/32", "{ fd77::2, 2001:db8::7 }", "!= fd77::2", "@peers6")

    def here4(self):
        return self.pick("10.77.0.1", "10.77.0.3", "10.77.0.0/30", "10.99.0.0/24", "!= 10.77.0.1")

    def match(self, late=True):
        """late: connection tracking has seen the packet, and routing is known where the hook is past it."""
        far, near = ("daddr", "saddr") if self.out else ("saddr", "daddr")
        port = "sport" if self.out else "dport"
        choices = [
            lambda: f"tcp {port} {self.pick(*PORTS)}",
            lambda: f"tcp {port} != {self.pick(*PORTS)}",
            lambda: f"tcp {port} {{ {self.some(PORTS)} }}",
            lambda: f"tcp {port} != {{ {self.some(PORTS)} }}",
            lambda: f"tcp {port} {{ {self.intervals()} }}",
            lambda: f"tcp {port} {self.pick('1-1024', '>= 1024', '< 443', '!= 80-9000', '<= 443', '> 443')}",
            lambda: f"tcp {port} @ports",
            lambda: f"tcp {port} @ranges",
            lambda: f"th {port} {self.pick(*PORTS)}",
            lambda: f"iifname {self.pick('eth0', 'lo', 'eth*', '!= eth0')}".replace("iifname", "oifname" if self.out
                                                                               else "iifname"),
            lambda: f"{'oif' if self.out else 'iif'} {self.pick('eth0', 'lo')}",
            lambda: self.pick("iifname eth0", "oifname eth0", "iifname != eth0", "oifname != eth0"),
            lambda: f"meta mark {self.pick('0', '0x1', '0x2', '!= 0x1', '0x1-0x5')}",
            lambda: f"meta mark & 0x3 {self.pick('== 0x1', '!= 0x1', '== 0')}",
            lambda: self.pick("meta l4proto tcp", "meta l4proto udp", "meta l4proto { tcp, udp }", "meta l4proto != tcp"),
            lambda: self.pick("tcp flags syn", "tcp flags & (syn|ack) == syn", "tcp flags & (fin|rst) != 0",
                              "tcp flags ! fin", "tcp flags rst", "tcp flags != syn", "tcp flags == syn"),
            lambda: self.pick("limit rate 1/hour burst 1 packets", "limit rate over 1/hour burst 1 packets",
                              "numgen random mod 2 0", "quota over 1 bytes", "quota 100 bytes"),
            lambda: self.pick("tcp window < 1000", "meta length > 1000", "tcp sequence 5", "meta length 20-100"),
            lambda: self.pick("fib daddr type local", "fib daddr type != local", "fib saddr type local",
                              "fib saddr type unicast"),
            lambda: self.pick("fib saddr . iif oif exists", "fib saddr . iif oif missing") if not self.out else "",
            lambda: self.pick("add @seen { ip saddr }", "update @limited { ip saddr limit rate 1/hour burst 1 packets }")
            if self.family == "ip" else "",
            lambda: f"ct state {self.pick('new', 'established', 'invalid', 'established,related', 'new,invalid', '!= new', 'untracked')}",
            lambda: self.pick("ct direction original", "ct direction reply", "ct status dnat", "ct status & dnat == 0",
                              "ct mark 0", "ct status seen-reply"),
        ]
        if self.is4:
            choices += [
                lambda: f"ip {far} {self.peer4()}",
                lambda: f"ip {near} {self.here4()}",
                lambda: f"ip {far} {self.peer4()} tcp {port} {self.pick(*PORTS)}",
                lambda: f"ip protocol {self.pick('tcp', 'udp')}",
                lambda: f"ip ttl {self.pick('64', '< 10', '> 10')}",
                lambda: f"ip {far} . tcp {port} {{ {self.pick(*SOURCES4)} . {self.pick(*PORTS)}, 10.77.0.2 . 80 }}",
                lambda: f"ip {far} . tcp {port} @pairs",
                lambda: "ct original ip daddr 10.77.0.1",
                lambda: "meta l4proto tcp ct original proto-dst 80",
                lambda: "ip frag-off & 0x1fff != 0",
                lambda: "ip length > 1000",
            ]
        if not self.is4:
            choices += [
                lambda: f"ip6 {far} {self.peer6()}",
                lambda: "ip6 nexthdr tcp",
                lambda: f"ip6 {far} {self.peer6()} tcp {port} {self.pick(*PORTS)}",
            ]
        if self.family == "inet":
            choices += [lambda: f"meta nfproto {'ipv4' if self.is4 else 'ipv6'}"]
        made = self.random.choice(choices)()
        return "" if not late and "fib daddr" in made else made

    def matches(self):
        self.is4 = self.v4 and (not self.v6 or self.random.random() < 0.7)     # a rule is about one of them
        n = self.pick(0, 1, 1, 1, 2, 2, 3)
        return " ".join(self.match() for _ in range(n))

    def ending(self, chains, hook):
        reject = ["reject", "reject with tcp reset"] if hook in ("input", "forward", "output") else ["drop"]
        if "reject with tcp reset" in reject and self.family == "inet":
            reject += ["reject with icmpx admin-prohibited", "reject with icmpx host-unreachable"]
        kind = self.pick("drop", "drop", "drop", "reject", "accept", "accept", "mark", "jump", "goto", "return")
        if kind == "reject":
            what = self.pick(*reject)
            return ("meta l4proto tcp " if "tcp reset" in what else ""), what
        if kind == "mark":
            return "", self.pick("meta mark set 0x1", "meta mark set 0x2", "meta mark set meta mark | 0x2",
                                 "ct mark set 0x1")
        if kind in ("jump", "goto"):
            return ("", f"{kind} {self.pick(*chains)}") if chains else ("", "drop")
        return "", kind

    def rule(self, chains, hook):
        if self.random.random() < 0.12:
            return self.verdict_map(chains)
        before, what = self.ending(chains, hook)
        return f"{self.matches()} {before} counter {what}"

    def verdict_map(self, chains):
        port = "sport" if self.out else "dport"
        verdicts = ["accept", "continue", "return"] + [f"jump {c}" for c in chains] + [f"goto {c}" for c in chains]
        some = self.random.sample(PORTS, 3)
        kind = self.pick("port", "state", "range", "concat" if self.v4 else "port", "mark")
        if kind == "state":
            return f"ct state vmap {{ new : {self.pick(*verdicts)}, established : {self.pick(*verdicts)}, " \
                   f"invalid : {self.pick(*verdicts)} }}"
        if kind == "range":
            return f"tcp {port} vmap {{ 1-442 : {self.pick(*verdicts)}, 443-9000 : {self.pick(*verdicts)} }}"
        if kind == "concat":
            return f"ip {'daddr' if self.out else 'saddr'} . tcp {port} vmap {{ 10.77.0.2 . {some[0]} : " \
                   f"{self.pick(*verdicts)}, 192.0.2.7 . {some[1]} : {self.pick(*verdicts)} }}"
        if kind == "mark":
            return f"meta mark vmap {{ 0 : {self.pick(*verdicts)}, 0x1 : {self.pick(*verdicts)} }}"
        return f"tcp {port} vmap {{ " + ", ".join(f"{p} : {self.pick(*verdicts)}" for p in some) + " }"

    def translation(self):
        v6 = self.family == "ip6" or (self.family == "inet" and self.random.random() < 0.3)
        head = ("meta nfproto ipv6 " if v6 else "meta nfproto ipv4 ") if self.family == "inet" else ""
        name = ("ip6 " if v6 else "ip ") if self.family == "inet" else ""
        here, there = (SERVER6, ELSEWHERE6) if v6 else (SERVER4_OTHER, ELSEWHERE4)
        where = self.pick(here, there)
        self.is4 = not v6
        what = self.pick(f"dnat {name}to {where}", f"dnat {name}to {'[' + where + ']' if v6 else where}:9000",
                         "redirect to :9000", "redirect", "accept")
        return f"{head}{self.match(False)} meta l4proto tcp counter {what}"

    def sets(self):
        text = f" set ports {{ type inet_service; elements = {{ {self.some(PORTS)} }} }}\n"
        text += f" set ranges {{ type inet_service; flags interval; elements = {{ {self.intervals()} }} }}\n"
        if self.family == "ip":
            text += " set seen { type ipv4_addr; flags dynamic; }\n set limited { type ipv4_addr; flags dynamic; }\n"
        if self.v4:
            text += f" set peers4 {{ type ipv4_addr; flags interval; elements = {{ " \
                    f"{self.some(['10.77.0.0/29', '10.77.0.200', '192.0.2.0/24', '198.51.100.0/24'])} }} }}\n"
            text += " set pairs { type ipv4_addr . inet_service; flags interval; elements = { " \
                    + self.some(["10.77.0.0/24 . 1-100", "192.0.2.7 . 443-9000", "0.0.0.0/0 . 65000"]) + " } }\n"
        if self.v6:
            text += f" set peers6 {{ type ipv6_addr; elements = {{ {self.some(SOURCES6)} }} }}\n"
        return text

    def table(self, number):
        text = f"table {self.family} t{number} {{\n" + self.sets()
        hooks = ["output", "output", "postrouting"] if self.out else ["prerouting", "input", "input", "forward"]
        helpers = [f"sub{i}" for i in range(self.random.randint(0, 3))]
        bases = self.random.sample(range(len(hooks)), self.random.randint(1, len(hooks)))
        # a chain that may be jumped to from everywhere can reject only what every hook can
        for i, name in enumerate(helpers):
            rules = "".join(f"  {self.rule(helpers[:i], 'any')}\n" for _ in range(self.random.randint(1, 4)))
            text += f" chain {name} {{\n{rules} }}\n"
        for i in bases:
            priority = self.pick(-300, -150, -10, 0, 0, 10, 50) if hooks[i] != "forward" else self.pick(0, 5)
            rules = "".join(f"  {self.rule(helpers, hooks[i])}\n" for _ in range(self.random.randint(1, 6)))
            policy = self.pick("accept", "accept", "accept", "drop")
            if priority == -300 and self.random.random() < 0.5:
                rules = f"  {self.match(False)} counter notrack\n" + rules
            text += f" chain b{i} {{ type filter hook {hooks[i]} priority {priority}; policy {policy};\n{OTHERS}{rules} }}\n"
        if not self.out and self.random.random() < 0.5:
            rules = "".join(f"  {self.translation()}\n" for _ in range(self.random.randint(1, 3)))
            text += f" chain nat {{ type nat hook prerouting priority {self.pick(-100, -100, -90)};\n{OTHERS}{rules} }}\n"
        return text + "}\n"

    def netdev(self):
        if self.out or self.random.random() > 0.2:
            return ""
        rules = [f"ip saddr {self.pick('10.77.0.200', '192.0.2.0/24')} counter drop", "meta protocol ip6 counter accept",
                 f"tcp dport {self.pick(*PORTS)} counter drop", "meta mark set 0x1",
                 f"ip saddr . tcp dport {{ 10.77.0.2 . {self.pick(*PORTS)} }} counter drop"]
        rules = "".join(f"  {r}\n" for r in self.random.sample(rules, 2))
        return f"table netdev tn {{\n chain in {{ type filter hook ingress device eth0 priority 0;\n{rules} }}\n}}\n"

    def ruleset(self):
        text = "flush ruleset\n" + self.netdev()
        text += "".join(self.table(i) for i in range(self.pick(1, 1, 2)))
        hooks = ["postrouting"] if self.out else ["input", "forward"]
        text += "table inet truth {\n"
        for hook in hooks:
            text += f" chain {hook}_end {{ type filter hook {hook} priority 3000;\n  meta l4proto tcp counter\n }}\n"
        return text + "}\n"

    def packet(self, number):
        v6 = self.v6 and (not self.v4 or self.random.random() < 0.3)
        src = self.pick(*(SOURCES6 if v6 else SOURCES4))
        here = [SERVER6] if v6 else [SERVER4, SERVER4_OTHER]
        if not self.out:
            here.append(ELSEWHERE6 if v6 else ELSEWHERE4)
        else:
            src = CLIENT6 if v6 else CLIENT4
        return src, number, self.pick(*here), self.pick(*PORTS)


def counters(host):
    """Packets of every counting rule, and what the rule does: {(table, chain, handle): (packets, words)}."""
    found, table, chain = {}, None, None
    for line in run(host.command("nft", "-a", "list", "ruleset")).splitlines():
        words = line.split()
        if line.startswith("table"):
            table = words[2]
        elif words[:1] == ["chain"]:
            chain = words[1]
        elif m := re.search(r"counter packets (\d+) bytes \d+ ?(.*) # handle (\d+)$", line):
            found[(table, chain, int(m[3]))] = int(m[1]), m[2]
    return found


FATES = {"drop": "dropped", "reject with tcp reset": "reset"}


def what_happened(before, after):
    """(passed, [ends], [translations]) by the counters that moved."""
    moved = [(key, after[key][1]) for key in after if after[key][0] > before[key][0]]
    passed = any(key[0] == "truth" for key, _ in moved)
    ends = [(key, FATES.get(what, "icmp")) for key, what in moved if what.startswith(("drop", "reject"))]
    return passed, ends, [key for key, what in moved if what.startswith(("dnat", "redirect"))]


def check(verdict, passed, ends, translations):
    """What is wrong with a verdict, in words; "" when nothing is."""
    told = {(c["table"], c["chain"], c["handle"]): c for c in verdict["candidates"]}
    if not verdict["complete"] or verdict["unknown_part"]:
        return "not complete"
    if passed:
        if ends:
            return f"the test is wrong: passed and ended by {ends}"
        if not verdict["may_pass"] or verdict["fate"] not in ("unknown", "accepted"):
            return "it passed"
        if any(c["must"] for c in told.values()):
            return "it passed, and a rule must have ended it"
    elif ends:
        key, fate = ends[0]
        if verdict["fate"] not in ("unknown", fate):
            return f"it was {fate}"
        if key not in told and verdict["found"] <= len(told):
            return f"it was ended by {key}, which is no candidate"
        if any(c["must"] and k != key for k, c in told.items()):
            return f"it was ended by {key}, and another must have"
    else:
        if verdict["fate"] not in ("unknown", "dropped"):
            return "it was dropped by a policy"
        if not any(c["handle"] == 0 for c in told.values()) and verdict["found"] <= len(told):
            return "it was dropped by a policy that is no candidate"
    translated = verdict.get("translation")
    if translations and not translated:
        return f"it was translated by {translations}"
    if translated and translated["must"] and not translations and (passed or not ends):
        return "it was not translated"
    if translated and translated["must"] and translations:
        rule = translated["rule"]
        if (rule["table"], rule["chain"], rule["handle"]) != translations[0]:
            return f"it was translated by {translations}"
    return ""


def one_ruleset(lab, judge, sender, seed, tally):
    made = Generator(seed)
    text = made.ruleset()
    try:
        run(lab.server.command("nft", "-f", "-"), text)
    except Exception as err:        # a combination that nft or the kernel does not take
        tally["refused"] += 1
        tally["why"].add(str(err)[-300:])
        return []
    wrong = []
    judge.refresh()
    before = counters(lab.server)
    for i in range(6):
        src, sport, dst, dport = made.packet(20000 + seed * 6 % 40000 + i)
        if made.out:
            told = judge.judge(dst, dport, src, sport, ct=ESTABLISHED, flags=0x14, out=True)
        else:
            told = judge.judge(src, sport, dst, dport)
        sender.send(src, sport, dst, dport, 2)
        for _ in range(20):
            after = counters(lab.server)
            passed, ends, translations = what_happened(before, after)
            if passed or ends:
                break
        tally["packets"] += 1
        tally["certain"] += told["fate"] != "unknown"
        tally["fates"][told["fate"]] = tally["fates"].get(told["fate"], 0) + 1
        happened = "passed" if passed else ends[0][1] if ends else "policy"
        tally["truth"][happened] = tally["truth"].get(happened, 0) + 1
        fault = check(told, passed, ends, translations)
        if fault:
            wrong.append(f"seed {seed} {src}:{sport} -> {dst}:{dport} {'out' if made.out else 'in'}: {fault}\n"
                         f"{json.dumps(told)}\n{text}")
        before = after
    return wrong


def test_no_certain_fate_is_wrong(clean, judge):
    sender, wrong = Sender(clean.client), []
    tally = {"packets": 0, "certain": 0, "refused": 0, "fates": {}, "truth": {}, "why": set()}
    start = int(os.environ.get("TCPWHY_SEED", 1))
    for seed in range(start, start + RULESETS):
        wrong += one_ruleset(clean, judge, sender, seed, tally)
    why = tally.pop("why")
    print(tally, *sorted(why)[:5], sep="\n")
    assert not wrong, f"{len(wrong)} of {tally['packets']}:\n" + "\n".join(wrong[:12])
    assert tally["refused"] < RULESETS / 3 and tally["packets"] > RULESETS * 3
    assert tally["certain"] > tally["packets"] / 2


# --- size ---

def measure(host, binary, rules, what):
    run(host.command("nft", "-f", "-"), "flush ruleset\n" + rules)
    got = json.loads(run(host.command(binary, "-T")))
    print(f"{what}: {got['rules']} rules and {got['elements']} elements read in {got['read_ms']:.1f} ms, "
          f"one packet judged in {got['judge_ms']:.2f} ms")
    return got


def test_size(clean, fast):
    chain = "table inet t {{\n chain c {{ type filter hook input priority 0;\n{} }}\n}}\n"
    plain_rules = "".join(f"  ip saddr 10.{i // 256 % 256}.{i % 256}.0/24 tcp dport {1 + i} counter drop\n" for i in range(10000))
    assert measure(clean.server, fast, chain.format(plain_rules), "plain")["rules"] == 10000
    with_sets = "".join(f"  ip saddr 10.0.0.1 tcp dport {{ {1 + i}, 65535 }} counter drop\n" for i in range(3000))
    assert measure(clean.server, fast, chain.format(with_sets), "anonymous sets that are not asked")["elements"] < 4000
    with_sets = with_sets.replace("ip saddr 10.0.0.1 ", "")
    assert measure(clean.server, fast, chain.format(with_sets), "anonymous sets")["rules"] == 3000
    elements = ", ".join(f"10.{i // 65536}.{i // 256 % 256}.{i % 256}" for i in range(150000))
    one_set = "table inet t {\n set s { type ipv4_addr; elements = { " + elements + " } }\n" \
              " chain c { type filter hook input priority 0; ip saddr @s counter drop\n }\n}\n"
    assert measure(clean.server, fast, one_set, "a set")["elements"] == 150000
    too_many = "".join(f"  tcp dport {1 + i} drop\n" for i in range(21000))
    got = measure(clean.server, fast, chain.format(too_many), "too many")
    assert got["rules"] == 20000
    told = json.loads(run(clean.server.command(fast, "-L", SERVER4, CLIENT4, "4000", SERVER4, "65000")))
    assert not told["complete"] and told["fate"] == "unknown"


# --- seeds for tests/fuzz/firewall.c: python3 test_firewall_reader.py DIRECTORY ---

def raw_dump(host):
    """The messages that the kernel answers our requests with, one after the other."""
    def ask(sock, kind, family=0, attributes=b""):
        sock.send(struct.pack("=IHHIIBBH", 20 + len(attributes), 10 << 8 | kind, 0x301, 1, 0, family, 0, 0) + attributes)
        got = b""
        while True:
            part = sock.recv(1 << 17)
            at = 0
            while at + 16 <= len(part):
                size, number = struct.unpack_from("=IH", part, at)
                if number in (2, 3):
                    return got + part[:at]
                at += size + 3 & ~3
            got += part

    def string(number, text):
        data = text.encode() + b"\0"
        return struct.pack("=HH", 4 + len(data), number) + data + b"\0" * (-len(data) % 4)

    families = {"ip": 2, "ip6": 10, "inet": 1, "netdev": 5}
    with host.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12) as sock:
        sock.bind((0, 0))
        got = b"".join(ask(sock, kind) for kind in (1, 4, 10))
        listed = json.loads(run(host.command("nft", "-j", "list", "ruleset")))["nftables"]
        rules = ask(sock, 7)
        names = {(families[o["family"]], o["table"], o["name"]) for one in listed for k, o in one.items()
                 if k in ("set", "map")}
        names |= {(1, "t", f"__{k}{i}") for k in ("set", "map") for i in range(8)}
        for family, table, name in sorted(names):
            got += ask(sock, 13, family, string(1, table) + string(2, name))
    return got + rules


def write_seeds(directory):
    os.makedirs(directory, exist_ok=True)
    with Lab() as made:
        rules = [r for r in INET_RULES.strip().splitlines() if not r.startswith("fib saddr . iif")]
        texts = []
        for i in range(0, len(rules), 12):
            some = "".join(f"  {r}\n" for r in rules[i:i + 12] if r != "notrack")
            texts.append("table inet t {\n" + SETS + " chain c { type filter hook input priority 0;\n" + some + " }\n}\n")
        nat = "".join(f"  {r}\n" for r in NAT_RULES.strip().splitlines())
        texts.append("table inet t {\n chain c { type nat hook prerouting priority -100;\n" + nat + " }\n}\n")
        texts += [Generator(seed).ruleset() for seed in (2, 3, 5, 8, 13, 21)]
        for i, text in enumerate(texts):
            run(made.server.command("nft", "flush", "ruleset"))
            if subprocess.run(made.server.command("nft", "-f", "-"), input=text, text=True, capture_output=True).returncode:
                continue
            with open(os.path.join(directory, f"seed-{i:02}"), "wb") as file:
                file.write(raw_dump(made.server))
        run(made.server.command("nft", "flush", "ruleset"))
        for rule in IPTABLES_SEEDS:
            run(made.server.command("iptables", *rule.split()))
        with open(os.path.join(directory, f"seed-{len(texts):02}"), "wb") as file:
            file.write(raw_dump(made.server))


IPTABLES_SEEDS = """
-A INPUT -p tcp --dport 80 -m conntrack --ctstate NEW -m comment --comment hi -j REJECT
-A INPUT -p tcp -m multiport --dports 80,90:99 -m addrtype --dst-type LOCAL -j DROP
-A INPUT -p tcp -m state --state NEW -m limit --limit 3/s -j LOG --log-prefix seen
-A FORWARD -p tcp -m iprange --src-range 10.0.0.1-10.0.0.9 -j REJECT --reject-with tcp-reset
-t nat -A PREROUTING -p tcp --dport 80 -j DNAT --to 1.2.3.4:99
-t nat -A PREROUTING -p tcp --dport 81 -j REDIRECT --to-ports 88
-t nat -A POSTROUTING -s 10.0.0.0/24 ! -o eth0 -j MASQUERADE
-t mangle -A PREROUTING -p tcp --syn -j MARK --set-mark 1
-t mangle -A PREROUTING -p tcp -m mark ! --mark 1/3 -j TPROXY --on-port 5000 --tproxy-mark 1
-t raw -A PREROUTING -p tcp --dport 99 -j CT --notrack
-A INPUT -p tcp --dport 77 -j NFQUEUE --queue-num 5 --queue-bypass
""".strip().splitlines()


if __name__ == "__main__":
    import sys
    write_seeds(sys.argv[1])
