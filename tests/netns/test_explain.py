"""`-x PORT`: one port in words, and a status that tells."""
import subprocess
import time

import pytest

import scenarios
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
