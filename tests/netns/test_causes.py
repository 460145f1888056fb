"""One test a cause: it happens for real, and tcpwhy has to name it, prove it and explain it."""
import re

import pytest

import scenarios
from lab import SERVER4

PROVED = ("proved",)
SURE = ("proved", "inferred")
UNSURE = ("inferred", "possible")
ANY = ("proved", "inferred", "possible")

IN_TIME = 1.0 + 0.5     # one interval, and slack for the harness


class Want:
    """What the stream has to say about one failure."""

    def __init__(self, cause, outcome, client_sees, confidence=PROVED, before=(), kind="attempt", patience=6.0):
        self.cause = cause
        self.outcome = outcome
        self.client_sees = client_sees
        self.confidence = confidence
        self.before = {cause, "unknown", *before}   # causes that an earlier word may have carried
        self.kind = kind
        self.patience = patience


def refused(cause, **more):
    return Want(cause, "refused", "ECONNREFUSED", **more)


WANTED = {
    "no-listener": refused("no-listener"),
    "loopback-only": refused("loopback-only"),
    "other-address": refused("other-address"),
    "ipv6-only": refused("ipv6-only"),
    "ipv4-only": refused("ipv4-only"),
    "other-device": refused("other-device"),
    "not-listening": refused("not-listening"),
    "udp-only": refused("udp-only"),
    "outgoing-port": refused("outgoing-port"),
    "too-early": refused("too-early", confidence=SURE, before=["no-listener"]),
    "restarting": refused("restarting", confidence=SURE, before=["no-listener", "listener-gone"]),
    "listener-gone": refused("listener-gone", confidence=SURE, before=["no-listener"]),
    "accept-queue-full": Want("accept-queue-full", "silent", "ETIMEDOUT", patience=12),
    "firewall-reject": Want("firewall-reject", "unreachable", "ECONNREFUSED"),
    "firewall-reset": refused("firewall-reset", confidence=SURE),
    "firewall-drop": Want("firewall-drop", "silent", "ETIMEDOUT", confidence=ANY, patience=12),
    "peer-reset": Want("peer-reset", "cancelled", "none", confidence=SURE),
    "peer-silent": Want("peer-silent", "unfinished", "none", confidence=ANY, patience=15),
    "abort-unread-data": Want("abort-unread-data", None, "ECONNRESET", confidence=SURE, kind="reset"),
    "abort-linger": Want("abort-linger", None, "ECONNRESET", confidence=SURE, kind="reset"),
    "closed-early": Want("closed-early", "accepted", "none", confidence=ANY, before=["none"]),
    "remote-refused": Want("remote-refused", "refused", "ECONNREFUSED", confidence=SURE),
    "remote-unreachable": Want("remote-unreachable", "unreachable", "EHOSTUNREACH", confidence=SURE),
    "remote-silent": Want("remote-silent", "silent", "ETIMEDOUT", confidence=ANY, patience=12),
}


def check(watch, result, want):
    """Wait for the attempt's cause, see it stay, and judge every field that the stream promises."""
    port = result["port"]
    line = watch.settled(lambda l: l["cause"] == want.cause, port, want.patience)
    assert line["type"] == want.kind
    if want.kind == "attempt":
        assert line["outcome"] == want.outcome
    else:
        assert line["by"] == result["by"]
    assert line["confidence"] in want.confidence
    assert line["client_sees"] == want.client_sees
    check_ends(line, result)
    check_words(line, result)
    check_others(watch, line, port, want)
    return line


def check_ends(line, result):
    assert line["dir"] == result["dir"]
    if result["dir"] == "in":
        assert (line["peer"], line["addr"], line["port"]) == (result["peer"], result["addr"], result["port"])
        if "peer_port" in result:
            assert line["peer_port"] == result["peer_port"]
    else:
        assert line["peer"] == result["peer"]
        assert result["port"] in (line["port"], line["peer_port"])


def check_words(line, result):
    texts = [entry["text"] for entry in line["evidence"]]
    assert any(concrete in text for text in texts for concrete in result["evidence"]), \
        f"none of {result['evidence']} in {texts}"
    assert line["summary"] and line["advice"]
    if line["confidence"] == "possible":
        assert line["cause"] in line["alternatives"] or len(line["alternatives"]) >= 1


def check_others(watch, line, port, want):
    """No attempt on the port ended with another fault, and none ever carried a cause that misleads."""
    for other in watch.failures(port):
        assert other["cause"] == want.cause, f"also {other}"
    ever = {seen["cause"] for seen in watch.lines if seen.get("id") == line["id"] and seen["type"] in ("attempt", "reset")}
    assert ever <= want.before, f"carried {ever - want.before} on the way"


def check_in_time(watch, result):
    first = next(line for line in watch.lines if line["type"] == "attempt" and line["port"] == result["port"])
    late = first.arrival - result["refused_at"]
    assert late <= IN_TIME, f"first word {late:.2f} s after the refusal"


@pytest.mark.parametrize("cause", [c for c in WANTED if not c.startswith("remote-")])
def test_cause(lab, watch, port, cause):
    result = scenarios.SCENARIOS[cause](lab, port)
    check(watch, result, WANTED[cause])
    if "refused_at" in result:
        check_in_time(watch, result)
    result["stop"]()


@pytest.mark.parametrize("cause", [c for c in WANTED if c.startswith("remote-")])
def test_cause_as_client(lab, client_watch, port, cause):
    result = scenarios.SCENARIOS[cause](lab, port)
    check(client_watch, result, WANTED[cause])
    result["stop"]()


VARIANTS = {
    "no-listener over IPv6": (scenarios.no_listener, dict(family=6), WANTED["no-listener"]),
    "loopback-only over IPv6": (scenarios.loopback_only, dict(family=6), WANTED["loopback-only"]),
    "too-early, client retrying": (scenarios.too_early_retrying, {}, None),
    "restarting as a new process": (scenarios.restarting_new_process, {}, WANTED["restarting"]),
    "accept queue of 1": (scenarios.accept_queue_full, dict(backlog=1), WANTED["accept-queue-full"]),
    "reject admin-prohibited": (scenarios.firewall_reject, dict(with_what="admin-prohibited", expect="EHOSTUNREACH"),
                                Want("firewall-reject", "unreachable", "EHOSTUNREACH")),
    "reject net-unreachable": (scenarios.firewall_reject, dict(with_what="net-unreachable", expect="ENETUNREACH"),
                               Want("firewall-reject", "unreachable", "ENETUNREACH", confidence=("possible",))),
    "reject without a listener": (scenarios.firewall_reject, dict(listener=False), WANTED["firewall-reject"]),
    "reject over IPv6": (scenarios.firewall_reject, dict(family=6), WANTED["firewall-reject"]),
    "reject admin-prohibited over IPv6": (scenarios.firewall_reject,
                                          dict(family=6, with_what="admin-prohibited", expect="EACCES"),
                                          Want("firewall-reject", "unreachable", "EACCES")),
    "firewall-reset over IPv6": (scenarios.firewall_reset, dict(family=6), WANTED["firewall-reset"]),
    "firewall-reset without a listener": (scenarios.firewall_reset, dict(listener=False), WANTED["firewall-reset"]),
    "firewall-drop over IPv6": (scenarios.firewall_drop, dict(family=6), WANTED["firewall-drop"]),
    "firewall-drop by a rule without counter": (scenarios.firewall_drop, dict(counter=False), WANTED["firewall-drop"]),
}


@pytest.mark.parametrize("name", [name for name, (_, _, want) in VARIANTS.items() if want])
def test_variant(lab, watch, port, name):
    scenario, settings, want = VARIANTS[name]
    result = scenario(lab, port, **settings)
    assert result["client_errno"] == want.client_sees
    check(watch, result, want)
    result["stop"]()


def test_too_early_while_a_client_retries(lab, watch, port):
    """Six refusals, 0.5 s apart, and then the listener: the last ones at least were too early."""
    result = scenarios.too_early_retrying(lab, port)
    line = watch.settled(lambda l: l["cause"] == "too-early" and l["last"] >= result["refused_at"] - 0.1, port)
    assert line["confidence"] in SURE and line["client_sees"] == "ECONNREFUSED"
    failures = watch.failures(port)
    assert {f["cause"] for f in failures} <= {"too-early", "no-listener"}, failures
    assert sum(f["count"] for f in failures) == result["refusals"], failures
    result["stop"]()


def test_too_early_says_by_how_much(lab, watch, port):
    result = scenarios.too_early(lab, port, after=0.4)
    line = watch.settled(lambda l: l["cause"] == "too-early", port)
    said = " ".join([line["summary"], *(entry["text"] for entry in line["evidence"])])
    told = [float(number) for number in re.findall(r"([\d.]+) ?ms\b", said)]
    assert any(abs(ms - result["came_up_after_ms"]) <= 1000 for ms in told), said   # one interval
    result["stop"]()


def test_drop_rule_is_found_or_left_open(lab, watch, port):
    """A drop without the kernel's word or the firewall's may be any silence: then alternatives are owed."""
    result = scenarios.firewall_drop(lab, port)
    line = watch.settled(lambda l: l["outcome"] == "silent", port, 12)
    assert line["client_sees"] == "ETIMEDOUT" and line["syns"] >= 3
    if line["confidence"] == "possible":
        assert "firewall-drop" in {line["cause"], *line["alternatives"]}
        assert len({line["cause"], *line["alternatives"]}) > 1
    else:
        assert line["cause"] == "firewall-drop"
    result["stop"]()


def test_count_adds_up_when_one_client_is_refused_often(lab, watch, port):
    """Alike attempts may be rolled up; none may get lost or be counted twice."""
    for _ in range(50):
        assert lab.dial(SERVER4, port).errno == "ECONNREFUSED"
    watch.wait_ticks(3)
    failures = watch.failures(port)
    assert {f["cause"] for f in failures} == {"no-listener"}
    assert sum(f["count"] for f in failures) == 50
    assert watch.counters(port)["refused"] == 50


def test_nothing_was_rewritten_later(watch):
    """The servers and rules are gone by now; what was said while they were there still stands."""
    watch.wait_ticks(1)
    assert watch.rewritten() == []
    watch.check_form()
