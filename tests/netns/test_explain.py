"""`-x PORT`: one port in words, and a status that tells."""
import contextlib
import subprocess
import time

import pytest

import scenarios
import scenarios_nat
from lab import CLIENT4, SERVER4
from pace import limit
from watch import program


def explain(lab, port, *args, seconds="1.5"):
    return subprocess.Popen(lab.server.command(program(), "-x", str(port), "--for", seconds, *args),
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_never_arrived_is_told_of_a_peer_that_was_asked_about(lab, port):
    server = lab.serve(port)
    said, _ = explain(lab, port, f"host {CLIENT4}").communicate(timeout=limit(20))
    assert "never-arrived (possible)" in said and "What would decide" in said, said
    server.stop()


@pytest.mark.parametrize("asked", [(), (f"host {CLIENT4}",)])
def test_a_peer_that_came_has_arrived(lab, port, asked):
    server = lab.serve(port)
    running = explain(lab, port, *asked, seconds="3")
    while running.poll() is None:
        assert lab.request(SERVER4, port)[0] == "none"
        time.sleep(0.1)
    said, _ = running.communicate(timeout=limit(20))
    assert running.returncode == 0 and "never-arrived" not in said, said
    server.stop()


def test_a_refusal_is_explained(lab, port):
    result = scenarios.loopback_only(lab, port)
    said, _ = explain(lab, port).communicate(timeout=limit(20))
    assert "no other host can reach it" in said
    result["stop"]()


@pytest.fixture
def undo():
    with contextlib.ExitStack() as stack:
        yield stack


@pytest.mark.parametrize("dialled", [True, False])
@pytest.mark.parametrize("server", [True, False])
def test_a_port_that_is_led_on_is_told_by_its_target(lab, port, undo, dialled, server):
    """Nothing listens here, and a container behind DNAT answers, or does not."""
    box = scenarios_nat.Container(lab, undo, port)
    scenarios_nat.publish(lab, undo, port, "nft", scenarios_nat.INSIDE4)
    if server:
        scenarios_nat.serve(lab, undo, scenarios_nat.INSIDE_PORT, host=box.host)
    running = explain(lab, port, seconds="4")
    if dialled:
        time.sleep(1)
        for _ in range(5):
            assert lab.request(SERVER4, port)[0] == ("none" if server else "ECONNREFUSED")
            time.sleep(0.2)
    said, _ = running.communicate(timeout=20)
    assert running.returncode == (0 if server else 4), said
    assert "every peer is refused" not in said, said
    if dialled and server:
        assert "5 connections were served all the same" in said, said
    elif not dialled:
        assert f"led on to {scenarios_nat.INSIDE4}:{scenarios_nat.INSIDE_PORT}" in said, said
    else:
        assert "published-no-listener" in said, said


@pytest.mark.parametrize("server", [True, False])
def test_a_port_that_is_redirected_is_told_by_who_listens_there(lab, port, undo, server):
    if server:
        scenarios_nat.serve(lab, undo, port + 1)
    scenarios_nat.send_on(lab, undo, port, "nft", "redirect", f":{port + 1}")
    running = explain(lab, port)
    said, _ = running.communicate(timeout=20)
    assert running.returncode == (0 if server else 4) and f"led on to {SERVER4}:{port + 1}" in said, said


@pytest.mark.parametrize("verdict, word", [("drop", "firewall-drop"), ("reject with tcp reset", "firewall-reject")])
def test_a_rule_that_lets_nobody_in_is_told_before_anybody_tried(lab, port, verdict, word):
    server = lab.serve(port)
    remove = lab.rule("in", f"tcp dport {port} counter {verdict}")
    running = explain(lab, port)
    said, _ = running.communicate(timeout=20)
    remove()
    server.stop()
    assert running.returncode == 4 and word in said and f"tcp dport {port}" in said, said


@pytest.mark.parametrize("rule", ["tcp dport {other} counter drop", "ip saddr 198.51.100.9 tcp dport {port} drop"])
def test_a_rule_for_others_keeps_nobody_out(lab, port, rule):
    server = lab.serve(port)
    remove = lab.rule("in", rule.format(port=port, other=port + 1))
    running = explain(lab, port)
    said, _ = running.communicate(timeout=20)
    remove()
    server.stop()
    assert running.returncode == 0 and "firewall" not in said, said


def test_two_causes_at_once_are_both_named(lab, port):
    """The accept queue is full, and a rule drops every SYN: mending one is not enough."""
    _, stop = scenarios.fill_accept_queue(lab, port, backlog=2)
    remove = lab.rule("in", f"tcp dport {port} counter drop")
    running = explain(lab, port, seconds="3")
    said, _ = running.communicate(timeout=20)
    remove()
    stop()
    assert running.returncode == 4, said
    assert "accept queue 3 of 2" in said and "accept-queue-full" in said and "firewall-drop" in said, said


def test_a_queue_with_room_keeps_nobody_out(lab, port):
    server = lab.serve(port, mode="hold", backlog=2)
    held = [lab.dial(SERVER4, port, keep=True) for _ in range(2)]
    running = explain(lab, port, seconds="1")
    said, _ = running.communicate(timeout=20)
    for client in held:
        client.close()
    server.stop()
    assert "accept queue 2 of 2" in said and "accept-queue-full" not in said, said
