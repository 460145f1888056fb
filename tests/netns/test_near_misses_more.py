"""What looks like a cause and is another one, or none: a wrong name is worse than an honest `possible`."""
import ast
import os

import pytest

import scenarios_ends
import scenarios_kernel
import scenarios_nat
import scenarios_net
from expect import ENDS, FIRST, KERNEL, MATRIX, NAT, NET, WANTED

NEAR_MISSES = (scenarios_ends.NEAR_MISSES | scenarios_net.NEAR_MISSES | scenarios_kernel.NEAR_MISSES |
               scenarios_nat.NEAR_MISSES)


def concerns(line, result):
    """Whether a line is about the peer in question: of a bystander the cause may be true."""
    if name_of(result) == (line["peer"], line["addr"], line["port"]):
        return True
    return line["port"] == result["port"] and "/" in line["peer"]


def name_of(result):
    return result["peer"], result["addr"], result["port"]


@pytest.mark.parametrize("name", NEAR_MISSES)
def test_near_miss(lab, watch, port, name):
    scenario, forbidden = NEAR_MISSES[name]
    before = len(watch.lines)
    result = scenario(lab, port)
    try:
        watch.wait_ticks(3)
        for line in watch.lines[before:]:
            if line["type"] not in ("attempt", "reset") or line["cause"] not in forbidden or not concerns(line, result):
                continue
            assert line["confidence"] == "possible", f"{line['cause']} of {name}: {line}"
            MATRIX.add(f"({name})", line)
    finally:
        result["stop"]()


@pytest.mark.parametrize("name", ["loopback of another namespace", "loopback of a container", "peer's own listener"])
def test_strangers_listener_takes_nothing_from_the_proof(lab, watch, port, name):
    """Nobody listens here, whoever does on a port of that number where it was not dialled for."""
    result = NEAR_MISSES[name][0](lab, port)
    try:
        line = watch.settled(lambda l: l["cause"] == "no-listener", port)
        assert line["confidence"] == "proved" and "ublish" not in line["advice"], line
        assert not [entry for entry in line["evidence"] if entry["source"] == "netns"], line
    finally:
        result["stop"]()


# For each cause what looks like it and is not: a near miss above or in test_near_misses.py, or the test of another
# cause, which fails when its port is told as this one.
NEAR = {
    "no-listener": "test_firewall_reset_without_a_listener",
    "loopback-only": "test_loopback_and_another_address_both",
    "other-address": "test_address_or_family",
    "ipv6-only": "test_two_listeners_one_a_family",
    "ipv4-only": "test_dual_stack_serves_both_families",
    "other-device": "test_bound_to_the_right_device",
    "not-listening": "test_bound_beside_a_listener",
    "udp-only": "test_udp_beside_tcp_on_loopback",
    "outgoing-port": "test_accepted_connections_are_no_outgoing_port",
    "too-early": "test_listener_on_loopback_comes_up",
    "restarting": "test_gone_for_good_is_not_restarting",
    "listener-gone": "test_never_there_is_not_gone",
    "steered-away": "too-early",
    "other-namespace": "loopback of a container",
    "accept-queue-full": "test_drop_in_front_of_a_full_queue",
    "accept-queue-full-late": "firewall-drop-ack",
    "process-stopped": "stopped-briefly",
    "fd-limit": "near-fd-limit",
    "not-accepting": "slow-but-moving",
    "reuseport-stuck": "reuseport-healthy",
    "syn-queue-full": "known-peer-passes",
    "syn-cookies": "late-with-cookie",
    "deferred-accept": "deferred-accept-spoken-to",
    "closed-early": "test_banner_then_close_is_not_closed_early",
    "proxy-backend-dead": "closed-beside-a-failing-client",
    "abort-unread-data": "test_linger_is_not_unread_data",
    "process-died": "killed-with-all-read",
    "abort-linger": "test_unread_data_is_not_linger",
    "sent-after-close": "late-answer-to-a-client-gone",
    "queue-discarded": "listener-closed-connections-stay",
    "keepalive-timeout": "keepalive-answered",
    "retransmit-timeout": "retransmissions-recover",
    "stale-connection": "port used again",
    "not-reading": "reader-pauses",
    "peer-closed-abruptly": "middlebox-reset",
    "middlebox-reset": "peer reset, usual TTL",
    "firewall-reject": "forward-unreachable",
    "firewall-reset": "test_firewall_rules_elsewhere_blame_no_firewall",
    "firewall-drop": "test_dropped_reply_is_not_a_dropped_syn",
    "firewall-drop-reply": "next-hop-dead",
    "firewall-drop-ack": "deferred-accept",
    "conntrack-full": "strays dropped as invalid",
    "conntrack-invalid": "closed by itself",
    "nfqueue-dead": "nfqueue with a reader",
    "tproxy-dead": "tproxy alive",
    "bpf-drop": "xdp-native passes",
    "socket-destroyed": "linger beside destroyed",
    "published-no-listener": "published, refused by a rule",
    "published-loopback-only": "published and served",
    "published-target-dead": "published-no-return",
    "published-not-forwarded": "published, dropped on the way in",
    "published-no-return": "published-not-forwarded",
    "redirect-no-listener": "redirected and served",
    "dnat-to-loopback": "dnat to loopback, allowed",
    "synproxy-backend-dead": "synproxy in front of a server",
    "reverse-path": "drop beside reverse-path",
    "no-route-back": "drop beside a blackhole",
    "next-hop-dead": "slow neighbour",
    "not-our-address": "ipv6-disabled",
    "address-unanswered": "nobody's addresses",
    "forward-unreachable": "forward rejected",
    "martian": "reverse-path",
    "not-for-us": "not-our-address",
    "ipv6-disabled": "not-our-address over IPv6",
    "mtu-blackhole": "small loss recovers",
    "tcp-md5": "drop beside tcp-md5",
    "bad-checksum": "drop beside bad checksums",
    "min-ttl": "tcp-md5",
    "timewait-reuse": "port used again",
    "paws": "reader-pauses",
    "duplicate-connection": "timewait-reuse",
    "peer-reset": "test_connect_and_reset_at_once_is_no_half_open_scan",
    "peer-firewall": "peer-reset",
    "peer-silent": "test_lost_reply_is_not_a_silent_peer",
    "reply-lost": "peer-firewall",
    "peer-gave-up": "firewall-drop",
    "stray-segment": "stale-connection",
    "odd-flags": "odd flags from another",
    "remote-refused": "test_no_remote_claim_for_a_healthy_server",
    "remote-unreachable": "test_own_firewall_is_not_the_remote",
    "remote-silent": "test_own_firewall_is_not_the_remote",
    "remote-reset": "test_no_remote_claim_for_a_healthy_server",
}


def test_every_cause_has_a_near_miss():
    with open(os.path.join(os.path.dirname(__file__), "test_near_misses.py")) as file:
        tests = {node.name for node in ast.parse(file.read()).body if isinstance(node, ast.FunctionDef)}
    there = tests | NEAR_MISSES.keys() | {case[0] for case in FIRST + ENDS + NET + KERNEL + NAT}
    assert NEAR.keys() == WANTED.keys()
    assert [cause for cause, near in NEAR.items() if near not in there] == []
    assert {case[3].cause for case in FIRST + ENDS + NET + KERNEL + NAT} == WANTED.keys()     # and each is caused
