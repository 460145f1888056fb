"""One test a cause: it happens for real, and tcpwhy has to name it, prove it and explain it."""
import re
import time

import pytest

import scenarios
from expect import FIRST, MATRIX, SURE
from lab import SERVER4, LabError
from pace import limit

IN_TIME = 1.0 + 0.5     # one interval, and slack for the harness


def check(watch, result, want):
    """Wait for the attempt's cause, see it stay, and judge every field that the stream promises."""
    port = result["port"] if not want.anywhere else None    # an address's finding may name no port
    try:
        line = watch.settled(lambda l: fits(l, result, want), port, want.patience)
    except AssertionError:
        note_otherwise(watch, port, want)
        raise
    port = line["port"]
    note(watch, line, port, want)
    if want.kind == "attempt":
        assert line["outcome"] == want.outcome
    else:
        assert line["by"] == result.get("by", "host")
    assert line["confidence"] in want.confidence, line
    assert line["client_sees"] == want.client_sees, line
    check_ends(line, result, want)
    check_words(line, result, want)
    if not want.anywhere:
        check_steps(line)
    check_others(watch, line, port, want)
    return line


def note(watch, line, port, want):
    """Into the matrix: what the port's failures were named."""
    for other in watch.failures(port):
        MATRIX.add(want.cause, other if other["cause"] not in want.beside else line)


def note_otherwise(watch, port, want):
    """Into the matrix: what was named in its place, or that nothing was."""
    others = [other for other in watch.failures(port) if other["cause"] not in want.beside - {want.cause}]
    for other in others if port is not None else ():
        MATRIX.add(want.cause, other)
    if not others or port is None:
        MATRIX.add_nothing(want.cause)


def fits(line, result, want):
    """The finding in question, among those of clients that only set the stage."""
    named = {line["cause"], *(line.get("alternatives", ()) if line["confidence"] == "possible" else ())}
    if want.anywhere:
        return line["cause"] == want.cause and line["addr"] == result["addr"] and line["last"] >= result["began"]
    return (want.cause in named and line["type"] == want.kind and
            (want.kind == "reset" or line.get("outcome") == want.outcome) and
            (line["count"] > 1 or line["peer_port"] == result.get("peer_port", line["peer_port"])))


def check_ends(line, result, want):
    assert line["dir"] == result["dir"]
    if want.anywhere:
        assert (line["peer"], line["addr"]) == (result["peer"], result["addr"])
    elif result["dir"] == "in":
        assert (line["peer"], line["addr"], line["port"]) == (result["peer"], result["addr"], result["port"])
    else:
        assert line["peer"] == result["peer"]
        assert result["port"] in (line["port"], line["peer_port"])


def check_words(line, result, want):
    texts = [entry["text"] for entry in line["evidence"]]
    said = [*texts, line["summary"]]
    assert any(concrete in text for text in said for concrete in result["evidence"]), \
        f"none of {result['evidence']} in {said}"
    assert texts and line["summary"] and want.advice in line["advice"], line["advice"]
    assert not re.search(r"\{[a-z_]+\}", line["summary"] + line["advice"])
    if line["confidence"] == "possible":
        assert line["alternatives"]


def check_steps(line):
    """How it went, in order of time: with a packet at least, and the peer's (or our) SYN where it asked to be let in."""
    steps = line["steps"]
    times = [step["t"] for step in steps]
    assert times == sorted(times), steps
    assert any(step.get("flags") or "ICMP" in step.get("text", "") for step in steps), steps
    if line["type"] == "attempt" and line["outcome"] in ("refused", "silent", "unreachable") and not any(
            "its flags" in entry["text"] for entry in line["evidence"]):
        asker = "peer" if line["dir"] == "in" else "host"
        assert any(step["by"] == asker and step.get("flags") == "S" for step in steps), steps


def check_others(watch, line, port, want):
    """No attempt on the port ended with another fault, and none ever carried a cause that misleads."""
    for other in watch.failures(port):
        assert other["cause"] in want.beside, f"also {other}"
    ever = {seen["cause"] for seen in watch.lines if seen.get("id") == line["id"] and seen["type"] in ("attempt", "reset")}
    assert ever <= want.before, f"carried {ever - want.before} on the way"


def check_in_time(watch, result):
    first = next(line for line in watch.lines if line["type"] == "attempt" and line["port"] == result["port"])
    late = first.arrival - result["refused_at"]
    assert late <= limit(IN_TIME), f"first word {late:.2f} s after the refusal"


def caused(scenario, lab, port, settings):
    """What the scenario returns; once more if the laboratory itself failed, since that says nothing of the program."""
    try:
        return scenario(lab, port, **settings)
    except (OSError, LabError) as err:
        print(f"the laboratory failed, once more: {err}")
        time.sleep(1)
        return scenario(lab, port, **settings)


def run_case(lab, watch, port, case):
    _, scenario, settings, want = case
    began = time.time()
    result = caused(scenario, lab, port, settings) | dict(began=began)
    try:
        check(watch, result, want)
        if want.outcome == "refused" and "refused_at" in result:
            check_in_time(watch, result)
    finally:
        result["stop"]()


def here(cases):
    """Those in which the watched host is the server."""
    return [parameter(case) for case in cases if not case[3].cause.startswith("remote-")]


def as_client(cases):
    """Those in which it is the client."""
    return [parameter(case) for case in cases if case[3].cause.startswith("remote-")]


def parameter(case):
    """The plain form of each cause is also what `-m one_of_each` selects."""
    return pytest.param(case, id=case[0], marks=[pytest.mark.one_of_each] if case[0] == case[3].cause else [])


@pytest.mark.parametrize("case", here(FIRST))
def test_cause(lab, watch, port, case):
    run_case(lab, watch, port, case)


@pytest.mark.parametrize("case", as_client(FIRST))
def test_cause_as_client(lab, client_watch, port, case):
    run_case(lab, client_watch, port, case)


def test_too_early_while_a_client_retries(lab, watch, port):
    """Six refusals, 0.5 s apart, and then the listener: the last ones at least were too early."""
    result = scenarios.too_early_retrying(lab, port)
    line = watch.settled(lambda l: l["cause"] == "too-early" and l["last"] >= result["refused_at"] - 0.1, port)
    assert line["confidence"] in SURE and line["client_sees"] == "ECONNREFUSED"
    failures = watch.failures(port)
    assert {f["cause"] for f in failures} <= {"too-early", "no-listener"}, failures
    assert sum(f["count"] for f in failures) == result["refusals"], failures
    result["stop"]()


def test_one_shot_listener_is_told_as_such(lab, watch, port):
    """It serves one client and is gone: the next is told that, and that the process has ended."""
    server = lab.serve(port, comm="demo-oneshot")
    time.sleep(scenarios.SETTLE)
    assert lab.request(SERVER4, port)[0] == "none"
    time.sleep(0.6)
    server.kill()
    time.sleep(0.2)
    assert lab.dial(SERVER4, port).errno == "ECONNREFUSED"
    line = watch.settled(lambda l: l["cause"] == "listener-gone", port)
    assert "the process has ended" in line["summary"] and "1 connection (" in line["summary"], line["summary"]


def test_the_first_success_tells_how_it_had_failed(lab, watch, port):
    """Refused six times every 0.5 s until the listener came up: the line of the client that is served says so."""
    result = scenarios.too_early_retrying(lab, port)
    line = watch.settled(lambda l: l["outcome"] == "accepted" and l["failures"] > 1, port)
    said = " ".join(entry["text"] for entry in line["evidence"] if entry["source"] == "history")
    assert line["failures"] == result["refusals"] and line["pattern"] == "periodic", line
    assert 0.4 < line["retry_interval"] < limit(0.3) and 2.0 < line["failing_for"] < limit(1.5), line
    assert "6 times" in said and "until the listener came up" in said, said
    result["stop"]()


def test_too_early_says_by_how_much(lab, watch, port):
    result = scenarios.too_early(lab, port, after=0.4)
    line = watch.settled(lambda l: l["cause"] == "too-early", port)
    said = " ".join([line["summary"], *(entry["text"] for entry in line["evidence"])])
    told = [float(number) for number in re.findall(r"([\d.]+) ?ms\b", said)]
    assert any(abs(ms - result["came_up_after_ms"]) <= limit(1000) for ms in told), said   # one interval
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
