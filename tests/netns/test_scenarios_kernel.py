"""The scenarios of scenarios_kernel.py and scenarios_nat.py by themselves, without tcpwhy.

As in test_scenarios_net.py: the client's errno is asserted inside every scenario; here are the packets on the
wire, which counters move and which do not, and that nothing is left behind.  Besides, a tracefs instance listens
to what the running kernel says of the packets that are lost: the words that the program's rules rest on.
"""
import collections
import concurrent.futures
import itertools
import os
import re
import threading
import time

import pytest

import scenarios_kernel
import scenarios_nat
from bpf_programs import member_offset
from lab import SERVER4, SERVER6, Lab, LabError, Wire, mounted, run
from pace import limit
from scenarios_kernel import BPF_DROPS, IPTABLES_DROPS, IPTABLES_REPLY_DROPS, NFT_DROPS, NFT_REPLY_DROPS
from test_scenarios_net import ASKED, ECHOED, OPENED, REFUSED, SYNS, WATCHED, furnish, promptly, settings_of

LABS = 4
TIME_LIMIT = 6.0

FORWARDED = "IpForwDatagrams"       # counted before the forward chain may drop; no such counter for IPv6
COUNTERS = [*WATCHED, FORWARDED]
AFTER_ONE = ["in SYN", "out SYN-ACK"]
REPEATED = ECHOED + ["in PSH-ACK"] * 3
RETRIED_ACK = OPENED + ["in PSH-ACK"] * 3
SERVED = (ECHOED, "")
DROPPED = (SYNS, "")
REPLY_DROPPED = (SYNS, "TcpExtTCPTimeouts")
DESTROYED = (ECHOED + ["out RST-ACK"], "TcpEstabResets TcpOutRsts")


def named(stem, hows, expected, **others):
    """The same for every variant of a cause, but for some."""
    return {f"{stem} {how}": others.get(how.replace("-", "_"), expected) for how in hows}


# name -> (beginning of what the wire shows but for the client's bare ACKs; which of the counters move)
EXPECTED_KERNEL = {
    "conntrack-invalid": (REPEATED, ""),
    "conntrack-invalid out": SERVED,
    "conntrack-invalid iptables-nft": (REPEATED, ""),
    "conntrack-invalid iptables-legacy": (REPEATED, ""),
    "nfqueue-dead": DROPPED,
    "nfqueue-dead output": (SYNS, "TcpExtTCPTimeouts TcpRetransSegs"),      # what the queue refuses counts as sent
    "nfqueue-dead prerouting": DROPPED,
    "nfqueue-dead over IPv6": DROPPED,
    "nfqueue-dead iptables-legacy": DROPPED,
    "tproxy-dead": DROPPED,
    "tproxy-dead iptables-legacy": DROPPED,
    "bpf-drop": DROPPED,
    **named("bpf-drop", BPF_DROPS, DROPPED, xdp_generic=([], ""), xdp_native=([], ""), clsact_egress=REPLY_DROPPED,
            tcx_egress=REPLY_DROPPED, cgroup_egress=REPLY_DROPPED, netfilter_output=REPLY_DROPPED),
    "bpf-drop xdp-native over IPv6": ([], ""),
    "bpf-drop tcx-ingress over IPv6": DROPPED,
    "bpf-drop tcx-egress over IPv6": REPLY_DROPPED,
    "bpf-drop cgroup-ingress over IPv6": DROPPED,
    "bpf-drop cgroup-egress over IPv6": REPLY_DROPPED,
    "bpf-drop netfilter-input over IPv6": DROPPED,
    "socket-destroyed": DESTROYED,
    "socket-destroyed over IPv6": DESTROYED,
    "socket-destroyed waiting": (OPENED + ["out RST-ACK"], "TcpEstabResets TcpOutRsts"),
    **named("firewall-drop", NFT_DROPS, DROPPED, rate_limit=(AFTER_ONE, "")),
    **named("firewall-drop", ("netdev-ingress over IPv6", "raw over IPv6", "policy over IPv6"), DROPPED),
    **named("firewall-drop iptables-nft", IPTABLES_DROPS, DROPPED, hashlimit=(AFTER_ONE, "")),
    **named("firewall-drop iptables-legacy", IPTABLES_DROPS, DROPPED, hashlimit=(AFTER_ONE, "")),
    "firewall-drop iptables-nft input over IPv6": DROPPED,
    "firewall-drop iptables-legacy input over IPv6": DROPPED,
    **named("firewall-drop-reply", NFT_REPLY_DROPS, REPLY_DROPPED),
    "firewall-drop-reply postrouting over IPv6": REPLY_DROPPED,
    **named("firewall-drop-reply iptables-nft", IPTABLES_REPLY_DROPS, REPLY_DROPPED),
    **named("firewall-drop-reply iptables-legacy", IPTABLES_REPLY_DROPS, REPLY_DROPPED),
    **named("firewall-drop-ack", ("new-only", "iptables-nft", "iptables-legacy"),
            (RETRIED_ACK, "TcpExtTCPTimeouts TcpRetransSegs")),
    # Near misses
    **{f"{how} passes": SERVED for how in BPF_DROPS},
    "nfqueue with a reader": SERVED,
    "nfqueue bypassed": SERVED,
    "tproxy alive": SERVED,
    "tproxy dead by nft": (REFUSED, "TcpOutRsts"),
    "rules for others": (["in SYN"], ""),
    "drop beside a full queue": (OPENED + ["in SYN"] * 6, "TcpExtListenDrops TcpExtListenOverflows"),
    "full queue beside a drop": (OPENED + ["in SYN"] * 6, "TcpExtListenDrops TcpExtListenOverflows"),
    "drop beside bpf": DROPPED,
    "refused beside a drop": (["in SYN"], "TcpOutRsts"),
    "linger beside destroyed": (ASKED + ["out RST-ACK"], "TcpEstabResets TcpOutRsts"),
    "closed by itself": SERVED,
}

NOT_FORWARDED = (SYNS, FORWARDED)
PUBLISHED_REFUSED = (REFUSED, FORWARDED)
EXPECTED_NAT = {
    "published-no-listener": PUBLISHED_REFUSED,
    "published-no-listener iptables-nft": PUBLISHED_REFUSED,
    "published-no-listener iptables-legacy": PUBLISHED_REFUSED,
    "published-no-listener over IPv6": (REFUSED, ""),
    "published-no-listener beside a local one": PUBLISHED_REFUSED,
    "published-loopback-only": PUBLISHED_REFUSED,
    "published-loopback-only iptables-nft": PUBLISHED_REFUSED,
    "published-loopback-only over IPv6": (REFUSED, ""),
    "published-target-dead": (SYNS + ["out ICMP 3/1"] * 3, f"IcmpOutDestUnreachs {FORWARDED}"),
    "published-target-dead iptables-nft": (SYNS + ["out ICMP 3/1"] * 3, f"IcmpOutDestUnreachs {FORWARDED}"),
    "published-not-forwarded": NOT_FORWARDED,
    "published-not-forwarded rule": NOT_FORWARDED,
    "published-not-forwarded over IPv6": DROPPED,
    "published-not-forwarded ip_forward": (SYNS, "IpInAddrErrors"),
    "published-not-forwarded ip_forward over IPv6": (SYNS, "Ip6InAddrErrors"),
    "published-not-forwarded docker-policy": NOT_FORWARDED,
    "published-not-forwarded docker-user": NOT_FORWARDED,
    "published-not-forwarded docker-policy legacy": NOT_FORWARDED,
    "published-not-forwarded docker-user legacy": NOT_FORWARDED,
    "published-no-return": NOT_FORWARDED,
    "published-no-return dropped": NOT_FORWARDED,
    "published-no-return outside": NOT_FORWARDED,
    "published-no-return iptables-nft": NOT_FORWARDED,
    "redirect-no-listener": (REFUSED, "TcpOutRsts"),
    "redirect-no-listener iptables-nft": (REFUSED, "TcpOutRsts"),
    "redirect-no-listener iptables-legacy": (REFUSED, "TcpOutRsts"),
    "dnat-to-loopback": DROPPED,
    "dnat-to-loopback iptables-nft": DROPPED,
    "dnat-to-loopback iptables-legacy": DROPPED,
    # Near misses
    "published and served": (ECHOED, FORWARDED),
    "published and served by iptables-nft": (ECHOED, FORWARDED),
    "published and served over IPv6": SERVED,
    "published beside no-listener": (REFUSED, f"TcpOutRsts {FORWARDED}"),
    "published, refused by a rule": PUBLISHED_REFUSED,
    "published, dropped on the way in": DROPPED,
    "published, queue full": (OPENED + ["in SYN"] * 3, FORWARDED),
    "redirected and served": SERVED,
    "redirect of another port": (REFUSED, "TcpOutRsts"),
    "dnat to loopback, allowed": SERVED,
}
EXPECTED = EXPECTED_KERNEL | EXPECTED_NAT


def all_of(module):
    """{name: (function, settings)}"""
    return {**{name: (function, {}) for name, function in module.SCENARIOS.items()},
            **{name: (function, settings) for name, (function, settings, _) in module.VARIANTS.items()},
            **{name: (function, {}) for name, (function, _) in module.NEAR_MISSES.items()}}


ALL_KERNEL, ALL_NAT = all_of(scenarios_kernel), all_of(scenarios_nat)
ALL = ALL_KERNEL | ALL_NAT


def legacy_rules(host):
    """Rules and policies of iptables-legacy; the tables themselves stay registered once they were used."""
    found = []
    for tool, registered in (("iptables", "ip_tables_names"), ("ip6tables", "ip6_tables_names")):
        with host, open(f"/proc/thread-self/net/{registered}") as file:
            if file.read():
                saved = run(host.command(f"{tool}-legacy-save"))
                found += re.findall(r"^(?:-A.*|:.* DROP .*|:.* - .*)", saved, re.M)
    return found


def everything_of(host):
    found = settings_of(host)
    found["legacy rules"] = legacy_rules(host)
    found["links"] = sorted(re.findall(r"^\d+: (\S+):", run(host.command("ip", "link")), re.M))
    found["xdp, qdiscs"] = re.findall(r"prog/xdp.*", run(host.command("ip", "link"))) + run(
        host.command("tc", "qdisc", "show", "dev", "eth0")).splitlines()
    return found


class Outcome:
    """What one scenario did, in a lab of its thread's."""

    def __init__(self, name, lab, port):
        function, settings = ALL[name]
        hosts = (lab.server, lab.client)
        settings_before, before = [everything_of(h) for h in hosts], lab.server.counters()
        started = time.monotonic()
        with Wire(lab.server) as wire:
            self.result = function(lab, port, **settings)
            self.seen = [what for what in wire.of(port) if what != "in ACK"]
        self.seconds = time.monotonic() - started
        after = lab.server.counters()
        self.moved = {counter for counter in COUNTERS if after.get(counter, 0) != before.get(counter, 0)}
        self.result["stop"]()
        settings_after = [everything_of(h) for h in hosts]
        self.left_behind = [f"{key}: {old.get(key)} -> {new.get(key)}"
                            for old, new in zip(settings_before, settings_after)
                            for key in old.keys() | new.keys() if old.get(key) != new.get(key)]
        self.left_behind += run(lab.server.command("ss", "-Hntl")).splitlines()
        self.reachable = [lab.dial(addr, 1).errno for addr in (SERVER4, SERVER6)]


@pytest.fixture(scope="module")
def outcomes(request):
    """The futures of the outcomes of all selected scenarios."""
    local, labs, ports = threading.local(), [], itertools.count(30000, 10)

    def make_lab():
        local.lab = Lab()
        labs.append(local.lab)
        furnish(local.lab)

    def run_one(name):
        return Outcome(name, local.lab, next(ports))
    names = {item.callspec.params["name"] for item in request.session.items
             if item.module is request.module and hasattr(item, "callspec") and "name" in item.callspec.params}
    with concurrent.futures.ThreadPoolExecutor(LABS, initializer=make_lab) as pool:
        yield {name: pool.submit(run_one, name) for name in ALL if name in names}
        pool.shutdown(cancel_futures=True)
    for lab in labs:
        lab.close()


def test_every_scenario_is_expected():
    assert ALL_KERNEL.keys() == EXPECTED_KERNEL.keys() and ALL_NAT.keys() == EXPECTED_NAT.keys()
    elsewhere = {"firewall-drop", "firewall-drop-reply", "firewall-drop-ack"}      # plain forms in other modules
    for module in (scenarios_kernel, scenarios_nat):
        assert {cause for _, _, cause in module.VARIANTS.values()} - elsewhere <= module.SCENARIOS.keys()


def test_legacy_tables_come_last():
    """They stay registered in the lab's namespaces, where a drop by BPF is then no longer told from one of theirs."""
    for module in (scenarios_kernel, scenarios_nat):
        legacy = ["legacy" in name for name in module.VARIANTS]
        assert legacy == sorted(legacy)


@pytest.mark.parametrize("name", EXPECTED)
def test_wire_counters_and_clean_up(outcomes, name):
    wire_begins, counters = EXPECTED[name]
    outcome = outcomes[name].result()
    seen = promptly(outcome.seen)
    assert seen[:len(wire_begins)] == wire_begins and bool(seen) == bool(wire_begins)
    assert outcome.moved == set(counters.split())
    assert outcome.left_behind == []
    assert outcome.reachable == ["ECONNREFUSED"] * 2
    assert outcome.seconds < limit(TIME_LIMIT)
    assert {"peer", "addr", "port", "dir", "client_errno", "evidence", "stop"} <= outcome.result.keys()


def test_a_failing_scenario_puts_everything_back(lab, port, monkeypatch):
    """Also when its assertion fails in the middle."""
    furnish(lab)
    before = everything_of(lab.server)
    for module, name in ((scenarios_kernel, "bpf-drop clsact-egress"), (scenarios_kernel, "bpf-drop cgroup-egress"),
                         (scenarios_kernel, "firewall-drop iptables-nft ufw"),
                         (scenarios_nat, "published-not-forwarded docker-user")):
        monkeypatch.setattr(module, "fails", lambda *_args, **_more: pytest.fail("as planned"))
        function, settings = ALL[name]
        with pytest.raises(pytest.fail.Exception):
            function(lab, port, **settings)
        assert everything_of(lab.server) == before, name


# What the kernel says of it

DROP_WORD = re.compile(r"kfree_skb:.* location=([\w.]+)\+.* reason: (\w+)")
RESET_WORD = re.compile(r"tcp_send_reset:.* reason=(\w+)")


class Words:
    """(reason, function) of every packet that the kernel drops, in all namespaces, and the reasons of its resets."""

    def __init__(self):
        self.tracing = mounted("tracefs")
        self.path = f"/proc/self/fd/{self.tracing}/instances/tw-lab-{os.getpid()}"

    def __enter__(self):
        os.mkdir(self.path)
        for event in ("skb/kfree_skb", "tcp/tcp_send_reset"):
            self._write(f"events/{event}/enable", "1")
        return self

    def __exit__(self, *_exc):
        for event in ("skb/kfree_skb", "tcp/tcp_send_reset"):
            self._write(f"events/{event}/enable", "0")
        os.rmdir(self.path)
        os.close(self.tracing)

    def _write(self, name, text):
        with open(f"{self.path}/{name}", "w") as file:
            file.write(text)

    def since(self):
        """The words since the last time."""
        with open(f"{self.path}/trace") as file:
            text = file.read()
        self._write("trace", "")
        words = []
        for line in text.splitlines():
            if drop := DROP_WORD.search(line):
                words.append((drop[2], re.sub(r"\..*", "", drop[1])))     # without the compiler's suffix
            elif reset := RESET_WORD.search(line):
                words.append((reset[1].removeprefix("SK_RST_REASON_"), "reset"))
        return words


@pytest.fixture(scope="module")
def words(requirements):
    with Words() as listening:
        yield listening


NFT, HOOK, QUEUE = ("NETFILTER_DROP", "nft_do_chain"), ("NETFILTER_DROP", "nf_hook_slow"), ("NOT_SPECIFIED", "nf_queue")
SPOKEN = {      # name -> what is said of each of the client's tries
    "firewall-drop netdev-ingress": NFT,
    "firewall-drop raw": NFT,
    "firewall-drop vmap": NFT,
    "firewall-drop policy over IPv6": NFT,
    "firewall-drop iptables-nft input": NFT,
    "firewall-drop-reply egress": NFT,
    "firewall-drop-reply policy": NFT,
    "conntrack-invalid": NFT,
    "nfqueue-dead": QUEUE,
    "nfqueue-dead output": QUEUE,
    "tproxy-dead": NFT,
    "bpf-drop xdp-generic": ("NOT_SPECIFIED", "do_xdp_generic"),
    "bpf-drop xdp-native": ("NOT_SPECIFIED", "veth_xdp_rcv_skb"),
    "bpf-drop clsact-ingress": ("TC_INGRESS", "__netif_receive_skb_core"),
    "bpf-drop tcx-egress": ("TC_EGRESS", "__dev_queue_xmit"),
    "bpf-drop cgroup-ingress": ("SOCKET_FILTER", "tcp_v4_rcv"),
    "bpf-drop cgroup-egress": ("BPF_CGROUP_EGRESS", "ip_finish_output"),
    "bpf-drop cgroup-egress over IPv6": ("BPF_CGROUP_EGRESS", "ip6_finish_output"),
    "bpf-drop classic-filter": ("SOCKET_FILTER", "tcp_v4_rcv"),
    "bpf-drop netfilter-input": HOOK,
    "socket-destroyed": ("TCP_STATE", "reset"),
    "published-no-listener": ("NO_SOCKET", "reset"),
    "published-target-dead": ("NEIGH_FAILED", "neigh_invalidate"),
    "published-not-forwarded": NFT,
    "published-not-forwarded ip_forward": ("IP_INADDRERRORS", "ip_error"),
    "published-not-forwarded ip_forward over IPv6": ("IP_INADDRERRORS", "ip6_forward"),
    "redirect-no-listener": ("NO_SOCKET", "tcp_v4_rcv"),
    "dnat-to-loopback": ("IP_LOCALNET", "ip_rcv_finish_core"),
    "firewall-drop iptables-legacy input": HOOK,
    "tproxy-dead iptables-legacy": HOOK,
    "published-not-forwarded docker-user legacy": HOOK,
}
ONCE = {"ECONNREFUSED", "ECONNRESET"}


@pytest.mark.parametrize("spoken", SPOKEN)
def test_the_kernels_word(lab, port, words, spoken):
    function, settings = ALL[spoken]
    words.since()
    result = function(lab, port, **settings)
    said = words.since()
    result["stop"]()
    assert said.count(SPOKEN[spoken]) >= (1 if result["client_errno"] in ONCE else 3), sorted(set(said))


def words_of_healthy(lab, port, words):
    """What the kernel says while 200 connections come and go in good order: {word: how often}."""
    words.since()
    for _ in range(200):
        assert lab.request(SERVER4, port)[:2] == ("none", b"hello\n")
    return collections.Counter(words.since())


def test_healthy_connections_say_next_to_nothing(lab, port, words):
    """All that the kernel says of them is that a FIN was thrown away with its queue."""
    lab.serve(port)
    # Of many alike within a tenth of a second not each is told. Others on this machine are heard as well, and may be busy;
    # what is said of healthy connections is said of them every time.
    said = [words_of_healthy(lab, port, words) for _ in range(3)]
    assert all(count["QUEUE_PURGE", "sk_stream_kill_queues"] >= 150 for count in said), said
    every_time = set.intersection(*({word for word, n in count.items() if n >= 100} for count in said))
    assert {word for word in every_time if word[0] != "QUEUE_PURGE"} == set(), said


def test_program_offsets_are_the_kernels():
    """member_offset() finds members of unnamed unions too, and says so when there is none."""
    assert 0 < member_offset("sk_buff", "head") < 512 and 0 < member_offset("sk_buff", "network_header") < 512
    with pytest.raises(LabError, match="no sk_buff.nonsense"):
        member_offset("sk_buff", "nonsense")
