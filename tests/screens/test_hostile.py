"""Recordings that say anything: wrong numbers, wrong order, texts with escapes. Whatever is looked at, nothing breaks."""
import json
import os
import random

import pytest
from screen import Terminal
from test_screens import RECORDING

NUMBERS = [0, -1, 65536, 1 << 31, -(1 << 31), 1 << 53, -(1 << 53), 1 << 62, (1 << 63) - 1, -(1 << 63), 9e12, -9e12, 1e300, 0.5]
TEXTS = ["", "\x1b[2J", "x" * 5000, "\u202e", "many", "out", "in", "%s%n", "10.0.0.0/8", "S.", "R", "host", "peer", "router", "more",
         "found", "up", "down", "loopback", "everyone", "none", "unknown", "\u6570\u636e"]
WALK = ["enter", "enter", "esc", "esc", "2", "enter", "enter", "esc", "esc", "3", "enter", "pgdn", "esc", "4", "pgdn", "f2", "esc", "?",
        "esc", "p", "3", "end", "enter", "p", "1", "f6", "right", "right", "enter", "I", ">", ">", "1", "f", "peer:10.0.0.0/8", "enter",
        "esc", "y", "enter", "+", "-", "-", "-"]


def changed(value, choose):
    """A value with something wrong in it, now and then."""
    if isinstance(value, dict):
        return {key: changed(inner, choose) for key, inner in value.items() if choose.random() > 0.01}
    if isinstance(value, list):
        return [changed(inner, choose) for inner in value] * (1 if choose.random() > 0.02 else 3)
    if isinstance(value, bool) or choose.random() > 0.06:
        return value
    return choose.choice(TEXTS if isinstance(value, str) else NUMBERS)


def hostile_recording(seed):
    choose = random.Random(seed)
    with open(RECORDING, encoding="utf-8") as lines:
        events = [json.loads(line) for line in lines]
    told = []
    for _ in range(2):
        if choose.random() < 0.5:
            choose.shuffle(events)
        told += [changed(event, choose) if choose.random() < 0.7 else event for event in events]
    return "".join(json.dumps(event) + "\n" for event in told)


@pytest.mark.parametrize("seed", range(6))
def test_hostile_recording(tmp_path, seed):
    recording = tmp_path / "recording.jsonl"
    recording.write_text(hostile_recording(seed), encoding="utf-8")
    with Terminal("-r", str(recording), width=(80, 132, 200)[seed % 3], height=(24, 43)[seed % 2],
                  env={"UBSAN_OPTIONS": "halt_on_error=1"}) as terminal:
        terminal.wait_for("Quit")
        terminal.type(*WALK)
        terminal.wait_for("Quit", 10)
        terminal.press("q")
        assert os.waitstatus_to_exitcode(terminal.wait(10)) == 0, terminal.text
