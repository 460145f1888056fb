"""What the stream has to say about each cause, and the confusion matrix of what it said.

WANTED has one entry a cause; CASES joins it with every scenario and variant that makes the cause happen.
"""
import collections
import json

import scenarios
import scenarios_ends
import scenarios_kernel
import scenarios_nat
import scenarios_net
from lab import KERNEL

PROVED = ("proved",)
SURE = ("proved", "inferred")
INFERRED = ("inferred",)
UNSURE = ("inferred", "possible")
OPEN = ("possible",)
ANY = ("proved", "inferred", "possible")


class Want:
    """What the stream has to say about one failure."""

    def __init__(self, cause, outcome, client_sees, confidence=PROVED, before=(), kind="attempt", patience=6.0,
                 advice="", beside=(), anywhere=False):
        self.cause = cause
        self.outcome = outcome
        self.client_sees = client_sees
        self.confidence = confidence
        self.before = {cause, "unknown", *before}   # causes that an earlier word may have carried
        self.kind = kind
        self.patience = patience
        self.advice = advice                        # what a person is told to look at or to change
        self.beside = {cause, *beside}              # what else is true of the port meanwhile
        self.anywhere = anywhere                    # the finding is about an address, not about a port

    def but(self, **changes):
        """The same with some fields changed; `before` and `beside` replace what they were."""
        fields = dict(cause=self.cause, outcome=self.outcome, client_sees=self.client_sees, confidence=self.confidence,
                      before=self.before, kind=self.kind, patience=self.patience, advice=self.advice,
                      beside=self.beside, anywhere=self.anywhere)
        return Want(**fields | changes)


def refused(cause, **more):
    return Want(cause, "refused", "ECONNREFUSED", **more)


def silent(cause, **more):
    return Want(cause, "silent", "ETIMEDOUT", **dict(patience=12) | more)


def unfinished(cause, client_sees="none", **more):
    return Want(cause, "unfinished", client_sees, **dict(patience=12) | more)


def reset(cause, client_sees="ECONNRESET", **more):
    return Want(cause, None, client_sees, **dict(kind="reset", before=["none"]) | more)


def served(cause, **more):
    return Want(cause, "accepted", "none", **dict(before=["none"]) | more)


HELD = ["not-accepting", "none"]    # the clients that fill the queue are told as well
SPOOFED = ["peer-silent"]           # and so are hand-made SYNs that nobody completes

WANTED = {want.cause: want for want in [
    # nobody at the door
    refused("no-listener", advice="Start the server"),
    refused("loopback-only", advice="0.0.0.0"),
    refused("other-address", advice="0.0.0.0"),
    refused("ipv6-only", advice="IPV6_V6ONLY"),
    refused("ipv4-only", advice="::"),
    refused("other-device", advice="SO_BINDTODEVICE"),
    refused("not-listening", advice="listen()"),
    refused("udp-only", advice="UDP"),
    refused("outgoing-port", advice="ip_local_reserved_ports"),
    refused("too-early", confidence=SURE, before=["no-listener"], advice="readiness"),
    refused("restarting", confidence=SURE, before=["no-listener", "listener-gone"], advice="socket activation"),
    refused("listener-gone", confidence=SURE, before=["no-listener"], advice="journalctl"),
    refused("steered-away", advice="bpftool link show"),
    refused("other-namespace", confidence=INFERRED, advice="Publish the port"),
    # full queues
    silent("accept-queue-full", advice="strace", beside=HELD),
    unfinished("accept-queue-full-late", advice="backlog", beside=HELD, before=["peer-silent"]),
    silent("process-stopped", advice="kill -CONT", beside=HELD, before=["accept-queue-full"]),
    silent("fd-limit", advice="LimitNOFILE", beside=HELD, before=["accept-queue-full"]),
    served("not-accepting", advice="strace"),
    silent("reuseport-stuck", advice="strace", beside=HELD),
    silent("syn-queue-full", advice="tcp_syncookies", beside=SPOOFED),
    served("syn-cookies", confidence=SURE, advice="tcp_max_syn_backlog", beside=SPOOFED),
    unfinished("deferred-accept", advice="TCP_DEFER_ACCEPT", before=["peer-silent"]),
    # connections' ends
    served("closed-early", confidence=ANY, advice="log"),
    served("proxy-backend-dead", confidence=OPEN, advice="does it run", before=["none", "closed-early"]),
    reset("abort-unread-data", confidence=SURE, advice="read to the end"),
    reset("process-died", confidence=SURE, advice="coredumpctl"),
    reset("abort-linger", confidence=SURE, advice="SO_LINGER"),
    reset("sent-after-close", "EPIPE", confidence=SURE, advice="keep-alive"),
    reset("queue-discarded", confidence=SURE, advice="hand the socket over"),
    reset("keepalive-timeout", confidence=SURE, advice="tcp_keepalive_time"),
    reset("retransmit-timeout", confidence=SURE, advice="tcpdump"),
    reset("stale-connection", confidence=SURE, advice="reconnect"),
    served("not-reading", confidence=SURE, advice="strace"),
    reset("peer-closed-abruptly", "none", confidence=SURE, advice="peer"),
    reset("middlebox-reset", "none", confidence=SURE, advice="ttl"),
    # the firewall
    Want("firewall-reject", "unreachable", "ECONNREFUSED", advice="accept"),
    refused("firewall-reset", advice="accept"),
    silent("firewall-drop", advice=""),
    silent("firewall-drop-reply", advice=""),
    unfinished("firewall-drop-ack", advice="", before=["peer-silent"]),
    silent("conntrack-full", confidence=SURE, advice="nf_conntrack_max", beside=["none"]),
    reset("synproxy-backend-dead", confidence=SURE, advice="synproxy"),
    silent("nfqueue-dead", advice="bypass"),
    silent("tproxy-dead", advice="IP_TRANSPARENT"),
    silent("bpf-drop", advice="bpftool"),
    served("conntrack-invalid", advice="conntrack", patience=12),
    reset("socket-destroyed", advice="ss -K"),
    # published ports and NAT
    refused("published-no-listener", advice="docker"),
    refused("published-loopback-only", advice="inside the container"),
    Want("published-target-dead", "unreachable", "EHOSTUNREACH", advice="ip neigh", patience=12,
         before=["firewall-drop"]),
    silent("published-not-forwarded", advice="forward"),
    silent("published-no-return", advice="masquerade"),
    refused("redirect-no-listener", advice="nat"),
    silent("dnat-to-loopback", advice="route_localnet"),
    # addresses, routes, link
    silent("reverse-path", advice="rp_filter"),
    silent("no-route-back", advice="ip route get"),
    silent("next-hop-dead", confidence=SURE, advice="ip neigh", before=["firewall-drop-reply"]),
    silent("not-our-address", advice="ip address add"),
    Want("address-unanswered", "unreachable", "EHOSTUNREACH", confidence=SURE, advice="arp_", patience=12,
         anywhere=True),
    Want("forward-unreachable", "unreachable", "ENETUNREACH", advice="ip route get"),
    silent("martian", advice="tcpdump"),
    silent("not-for-us", advice="ip neigh show"),
    silent("ipv6-disabled", advice="disable_ipv6"),
    served("mtu-blackhole", confidence=UNSURE, advice="tcp_mtu_probing", patience=12),
    # TCP itself, and the peer
    silent("tcp-md5", advice="key"),
    silent("bad-checksum", advice="ethtool"),
    silent("min-ttl", advice="hops"),
    served("timewait-reuse", advice="time-wait", beside=["closed-early"]),
    served("paws", confidence=UNSURE, advice="tcp_timestamps", patience=12),
    served("duplicate-connection", advice="RST"),
    Want("peer-reset", "cancelled", "none", confidence=SURE, advice="Nothing is wrong"),
    Want("peer-firewall", "cancelled", "none", confidence=UNSURE, advice="Look there", patience=12),
    unfinished("peer-silent", confidence=UNSURE, advice="spoofed", patience=15),
    unfinished("reply-lost", confidence=UNSURE, advice="ip route get", before=["peer-silent"]),
    silent("peer-gave-up", confidence=OPEN, beside=["firewall-drop"], before=["firewall-drop"]),
    reset("stray-segment", confidence=OPEN, advice="stray-segment", beside=["stale-connection"],
          before=["stale-connection"]),
    silent("odd-flags", advice="Nothing is wrong"),
    # this host as the client
    Want("remote-refused", "refused", "ECONNREFUSED", confidence=SURE, advice="ss -ltn"),
    Want("remote-unreachable", "unreachable", "EHOSTUNREACH", confidence=SURE, advice="firewall"),
    silent("remote-silent", confidence=UNSURE, advice="tcptraceroute"),
    reset("remote-reset", confidence=SURE, advice="log"),
]}

# What an older kernel cannot prove: the version that can, and what is told before. RSTs have reasons since 6.10, drops since 5.17.
BEFORE = {
    "socket-destroyed": ((6, 10), dict(confidence=OPEN, advice="", beside=["unknown"], before=["none", "unknown"])),
    "nfqueue-dead": ((5, 17), dict(confidence=UNSURE, advice="")),
    "tproxy-dead": ((5, 17), dict(confidence=UNSURE, advice="")),
    "bpf-drop": ((5, 17), dict(confidence=OPEN, advice="", beside=["firewall-drop"], before=["firewall-drop", "unknown"])),
}
WANTED.update((cause, WANTED[cause].but(**less)) for cause, (version, less) in BEFORE.items() if KERNEL < version)

# Where a variant is told otherwise than its cause's plain form.
OTHERWISE = {
    "reject admin-prohibited": dict(client_sees="EHOSTUNREACH"),
    "reject net-unreachable": dict(client_sees="ENETUNREACH"),
    "reject admin-prohibited over IPv6": dict(client_sees="EACCES"),
    "loopback-only over IPv6": dict(advice="::"),
    "late-with-abort": dict(outcome=None, kind="reset", client_sees="ECONNRESET"),
    "late-with-cookie": dict(beside=["accept-queue-full-late", "not-accepting", "peer-silent", "syn-cookies", "none"]),
    "late-with-cookie-and-abort": dict(beside=["accept-queue-full-late", "not-accepting", "peer-silent", "syn-cookies",
                                               "none"]),
    "sent-after-lost-fin": dict(client_sees="ECONNRESET"),
    "stale-segment": dict(confidence=OPEN),
    "stale-segment-without-listener": dict(confidence=OPEN),
    "other-namespace apart": dict(confidence=OPEN, advice="10.79.0.2", beside=["no-listener"]),
    "other-namespace isolated": dict(confidence=OPEN, advice="PrivateNetwork", beside=["no-listener"]),
    "timewait-reuse rfc1337": dict(outcome="silent", client_sees="ETIMEDOUT", patience=12),
    "duplicate-connection silent": dict(outcome="silent", client_sees="ETIMEDOUT", patience=12),
    "peer-firewall icmp": dict(outcome="unfinished"),
    "peer-firewall icmp host": dict(outcome="unfinished"),
    "martian over IPv6": dict(outcome="cancelled", client_sees="none"),
    "stray-segment handshake": dict(confidence=SURE, advice="scanner"),
    **{f"odd-flags {kind} closed": dict(outcome="refused", client_sees="ECONNREFUSED")
       for kind in ("syn-fin", "null", "xmas", "fin")},
    "conntrack-invalid iptables-legacy": dict(confidence=OPEN, beside=["firewall-drop-ack"],
                                             before=["none", "firewall-drop-ack"]),
    "tproxy-dead iptables-legacy": dict(confidence=OPEN, advice="", beside=["firewall-drop"], before=["firewall-drop"]),
    "forward-unreachable neighbour": dict(client_sees="EHOSTUNREACH", patience=8),
}

FIRST_VARIANTS = {
    "no-listener over IPv6": (scenarios.no_listener, dict(family=6), "no-listener"),
    "loopback-only over IPv6": (scenarios.loopback_only, dict(family=6), "loopback-only"),
    "reopened by the same process": (scenarios.reopened, {}, "listener-gone"),
    "accept queue of 1": (scenarios.accept_queue_full, dict(backlog=1), "accept-queue-full"),
    "reject admin-prohibited": (scenarios.firewall_reject, dict(with_what="admin-prohibited", expect="EHOSTUNREACH"),
                                "firewall-reject"),
    "reject net-unreachable": (scenarios.firewall_reject, dict(with_what="net-unreachable", expect="ENETUNREACH"),
                               "firewall-reject"),
    "reject without a listener": (scenarios.firewall_reject, dict(listener=False), "firewall-reject"),
    "reject over IPv6": (scenarios.firewall_reject, dict(family=6), "firewall-reject"),
    "reject admin-prohibited over IPv6": (scenarios.firewall_reject,
                                          dict(family=6, with_what="admin-prohibited", expect="EACCES"),
                                          "firewall-reject"),
    "firewall-reset over IPv6": (scenarios.firewall_reset, dict(family=6), "firewall-reset"),
    "firewall-reset without a listener": (scenarios.firewall_reset, dict(listener=False), "firewall-reset"),
    "firewall-drop over IPv6": (scenarios.firewall_drop, dict(family=6), "firewall-drop"),
    "firewall-drop by a rule without counter": (scenarios.firewall_drop, dict(counter=False), "firewall-drop"),
}


def cases(plain, variants):
    """[(name, function, settings, Want), ...] of one module's scenarios."""
    every = {name: (function, {}, name) for name, function in plain.items()} | variants
    return [(name, function, settings, WANTED[cause].but(**OTHERWISE.get(name, {})))
            for name, (function, settings, cause) in every.items()]


FIRST = cases(scenarios.SCENARIOS, FIRST_VARIANTS)
ENDS = cases(scenarios_ends.SCENARIOS, scenarios_ends.VARIANTS)
NET = cases(scenarios_net.SCENARIOS, scenarios_net.VARIANTS)
KERNEL = cases(scenarios_kernel.SCENARIOS, scenarios_kernel.VARIANTS)
NAT = cases(scenarios_nat.SCENARIOS, scenarios_nat.VARIANTS)


NOTHING = "nothing"     # named for a cause that was not told at all


class Matrix:
    """Cause caused x cause named, over all tests of a run."""

    def __init__(self):
        self.named = collections.Counter()      # (caused, named, confidence) -> findings

    def add(self, caused, line):
        self.named[caused, line["cause"], line["confidence"]] += 1

    def add_nothing(self, caused):
        """It happened, and no finding came of it."""
        self.named[caused, NOTHING, ""] += 1

    def save(self, path):
        with open(path, "w") as file:
            json.dump([[*key, n] for key, n in sorted(self.named.items())], file)

    def load(self, path):
        with open(path) as file:
            for *key, n in json.load(file):
                self.named[tuple(key)] += n

    def wrong_for_sure(self):
        return [key for key in self.off_diagonal() if key[2] in SURE]

    def off_diagonal(self):
        return sorted(key for key in self.named if key[0] != key[1])

    def lines(self):
        """A line a cause that was caused: how often it was named, and all that was named besides."""
        caused = sorted({key[0] for key in self.named})
        width = max((len(c) for c in caused), default=0)
        yield f"{'caused':<{width}}  named right (proved/inferred/possible)   named otherwise"
        for cause in caused:
            right = "/".join(str(self.named[cause, cause, c]) for c in ("proved", "inferred", "possible"))
            wrong = ", ".join(" ".join(filter(None, (named, confidence, f"x{n}"))) for (c, named, confidence), n in sorted(self.named.items())
                              if c == cause and named != cause)
            yield f"{cause:<{width}}  {right:<38}   {wrong or '-'}"
        untold = sum(key[1] == NOTHING for key in self.named)
        yield (f"{len(caused)} causes; off the diagonal: {len(self.off_diagonal())}, "
               f"of these told for sure: {len(self.wrong_for_sure())}, not told: {untold}")


MATRIX = Matrix()
