"""Whole screens, from the bundled recording, held against golden files.

UPDATE_GOLDEN=1 writes them anew: look at the difference before it is committed.
"""
import json
import os
import time
import pathlib

import pytest
from screen import Terminal

HERE = pathlib.Path(__file__).parent
RECORDING = str(HERE / "../../contrib/demo.jsonl")
SIZES = [(80, 24), (132, 43), (200, 50)]

# What is pressed before the picture is taken, and what has to be on the screen then.
SCREENS = {
    "ports": ([], "WHY"),
    "ports-down": (["down"] * 20, "WHY"),
    "ports-sorted": ([">", ">", ">", ">", ">", ">"], "sorted by"),
    "port-loopback": (["/", "5432", "enter", "enter"], "Port 5432"),
    "port-queue": (["/", "gunicorn", "enter", "enter"], "Port 8000"),
    "port-scrolled": (["/", "prometheus", "enter", "enter", "pgdn"], "Recent"),
    "findings": (["2"], "TIME"),
    "findings-filter": (["2", "f", "firewall", "enter"], "filter: firewall"),
    "search-ticket": (["/", "Connection reset by peer"], "Search: Connection reset by peer"),
    "search-nothing": (["/", "no such thing"], "not found"),
    "help": (["?"], "this help"),
}


def assert_golden(terminal, name):
    golden = HERE / "golden" / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(terminal.text + "\n", encoding="utf-8")
    deadline = time.monotonic() + 3     # a busy machine shows it in parts
    while golden.read_text(encoding="utf-8") != terminal.text + "\n" and time.monotonic() < deadline:
        terminal.read(0.1)
    text = terminal.text + "\n"
    assert golden.read_text(encoding="utf-8") == text, f"differs from {golden}:\n{text}"


@pytest.mark.parametrize("width,height", SIZES, ids=[f"{w}x{h}" for w, h in SIZES])
@pytest.mark.parametrize("name", SCREENS)
def test_golden(name, width, height):
    keys, wanted = SCREENS[name]
    with Terminal("-r", RECORDING, width=width, height=height) as terminal:
        terminal.wait_for("WHY")
        terminal.press(*keys)
        terminal.wait_for(wanted, 3)
        assert_golden(terminal, f"{name}-{width}x{height}")
        terminal.press("q" if "search" not in name else "\x03")
        terminal.press("q") if "search" in name else None
        assert terminal.wait() == 0


def test_monochrome_says_the_same():
    """NO_COLOR: no colour on the wire, and the same words."""
    with Terminal("-r", RECORDING, env={"NO_COLOR": "1"}) as terminal:
        terminal.wait_for("WHY")
        terminal.read(0.3)
        assert_golden(terminal, "ports-80x24")
        assert all(cell.fg == "default" for row in terminal.screen.buffer.values() for cell in row.values())
        terminal.press("q")


def test_every_cause_is_on_the_screens():
    """Each cause that the recording tells can be reached by search, and the port view names it."""
    with open(RECORDING, encoding="utf-8") as lines:
        events = [json.loads(line) for line in lines]
    causes = {e["cause"] for e in events if e["type"] in ("attempt", "reset")} - {"none"}
    assert len(causes) >= 24
    with Terminal("-r", RECORDING, height=60, width=120) as terminal:
        terminal.wait_for("WHY")
        terminal.press("2")
        for cause in sorted(causes):
            terminal.press("home", "/", cause, "enter")
            assert f"{cause} (" in terminal.text, cause + "\n" + terminal.text


def test_walk():
    """Port, closer, back, findings, closer, back, help, back: the way home is the way there."""
    with Terminal("-r", RECORDING) as terminal:
        terminal.wait_for("LISTENS ON")
        terminal.press("enter")
        terminal.wait_for("Evidence")
        terminal.press("esc")
        terminal.wait_for("LISTENS ON")
        terminal.press("tab")
        terminal.wait_for("OUTCOME")
        terminal.press("enter")
        terminal.wait_for("Evidence")
        terminal.press("?")
        terminal.wait_for("this help")
        terminal.press("esc")
        terminal.wait_for("Evidence")
        terminal.press("esc")
        terminal.wait_for("OUTCOME")
        terminal.press("1")
        terminal.wait_for("LISTENS ON")


def test_selection_follows_its_row():
    """The demo's rows move as trouble comes and goes; the selected one stays selected."""
    with Terminal("--demo") as terminal:
        terminal.wait_for("5432", 15)
        terminal.press("/", "sshd", "enter")
        for _ in range(8):
            terminal.read(1.0)
            y = terminal.screen.cursor.y
            assert "sshd" in terminal.lines[y], terminal.text


def test_pause_freezes():
    with Terminal("--demo") as terminal:
        terminal.wait_for("5432", 15)
        terminal.press("p")
        terminal.wait_for("PAUSED", 3)
        rows = terminal.lines[2:-6]
        terminal.read(3.0)
        assert terminal.lines[2:-6] == rows
        terminal.press("down")
        assert terminal.lines[2:-6] == rows
        terminal.press("p")
        terminal.wait_for(lambda t: t.lines[2:-6] != rows, 10)


def test_quiet_interval_writes_little():
    """Nothing happens: the clock moves, and nothing else is drawn."""
    with Terminal() as terminal:
        terminal.wait_for("WHY")
        terminal.read(1.5)
        before = terminal.written
        terminal.read(4.0)
        assert terminal.written - before < 4 * 120, terminal.written - before


def test_too_small():
    with Terminal("--demo", width=30, height=6) as terminal:
        terminal.wait_for("too small", 5)
        terminal.resize(80, 24)
        terminal.wait_for("WHY", 5)
