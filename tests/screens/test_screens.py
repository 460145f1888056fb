"""Whole screens, from the bundled recording, held against golden files.

UPDATE_GOLDEN=1 writes them anew: look at the difference before it is committed.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import time

import pytest
from screen import PROGRAM, Terminal, limit

HERE = pathlib.Path(__file__).parent
RECORDING = str(HERE / "../../contrib/demo.jsonl")
SIZES = [(80, 24), (132, 43), (200, 50)]
THEMES = ["default", "light", "mono", "contrast", "16"]

# What is pressed before the picture is taken, and what has to be on the screen then.
SCREENS = {
    "ports": ([], "WHY"),
    "ports-down": (["down"] * 20, "WHY"),
    "ports-sorted": ([">", ">", ">", ">", ">", ">"], "sorted by"),
    "ports-sort-menu": (["f6", "right", "right", "right"], "Sort by:"),
    "ports-filter": (["f", "peer:10.77.0.0/24 cause:firewall", "enter"], "filter: peer"),
    "ports-number": (["9", "0", "9"], "Port 909_"),
    "port-loopback": (["5", "4", "3", "2", "enter"], "Port 5432"),
    "port-queue": (["/", "gunicorn", "enter", "enter"], "Port 8000"),
    "port-restarting": (["8", "4", "4", "3", "enter"], "Port 8443"),
    "port-scrolled": (["/", "prometheus", "enter", "enter", "pgdn"], "Timeline"),
    "port-zoomed": (["/", "gunicorn", "enter", "enter", "pgdn", "-"], "10 s a column"),
    "peers": (["2"], "EVERY"),
    "peer": (["2", "/", "9090", "enter", "enter"], "Peer 10.77.0.2 at port 9090"),
    "findings": (["3"], "OUTCOME"),
    "findings-filter": (["3", "f", "outcome:refused !cause:loopback", "enter"], "filter: outcome"),
    "attempt-refused": (["5", "4", "3", "2", "enter", "enter"], "Attempt of"),
    "attempt-silent": (["8", "0", "0", "0", "enter", "enter"], "Attempt of"),
    "attempt-reset": (["8", "0", "8", "1", "enter", "enter"], "Attempt of"),
    "attempt-early": (["9", "0", "9", "0", "enter", "enter"], "Attempt of"),
    "attempt-firewall": (["2", "0", "4", "9", "enter", "enter"], "Attempt of"),
    "host": (["4"], "Sources"),
    "host-scrolled": (["4", "end"], "nf_conntrack_max"),
    "setup": (["f2"], "Columns of Ports"),
    "pause": (["p"], "PAUSED"),
    "search-ticket": (["/", "Connection reset by peer"], "Search: Connection reset by peer"),
    "search-nothing": (["/", "no such thing"], "not found"),
    "help": (["?"], "look closer"),
    "help-end": (["?", "end"], "Esc leaves this screen"),
}
DIRECT = r"""
xterm-direct|xterm with direct colours,
	RGB, colors#0x1000000, pairs#0x7FFFF,
	setab=\E[%?%p1%{8}%<%t4%p1%d%e48\:2\:\:%p1%{65536}%/%d\:%p1%{256}%/%{255}%&%d\:%p1%{255}%&%d%;m,
	setaf=\E[%?%p1%{8}%<%t3%p1%d%e38\:2\:\:%p1%{65536}%/%d\:%p1%{256}%/%{255}%&%d\:%p1%{255}%&%d%;m,
	use=xterm-256color,
"""
PROMPTS = {"ports-sort-menu", "search-ticket", "search-nothing"}


def assert_golden(terminal, name, shown=lambda terminal: terminal.text):
    golden = HERE / "golden" / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(shown(terminal) + "\n", encoding="utf-8")
    deadline = time.monotonic() + limit(3)      # a busy machine shows it in parts
    while golden.read_text(encoding="utf-8") != shown(terminal) + "\n" and time.monotonic() < deadline:
        terminal.read(0.1)
    text = shown(terminal) + "\n"
    assert golden.read_text(encoding="utf-8") == text, f"differs from {golden}:\n{text}"


@pytest.mark.parametrize("width,height", SIZES, ids=[f"{w}x{h}" for w, h in SIZES])
@pytest.mark.parametrize("name", SCREENS)
def test_golden(name, width, height):
    keys, wanted = SCREENS[name]
    with Terminal("-r", RECORDING, width=width, height=height) as terminal:
        terminal.wait_for("WHY")
        terminal.type(*keys)
        terminal.wait_for(wanted, 3)
        assert_golden(terminal, f"{name}-{width}x{height}")
        if name in PROMPTS:
            terminal.press("\x03")
        terminal.press("q")
        assert terminal.wait() == 0


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("page", [[], ["enter"]], ids=["ports", "port"])
def test_theme(theme, page):
    with Terminal("-r", RECORDING, "-o", f"theme={theme}") as terminal:
        terminal.wait_for("WHY")
        terminal.type("5", "4", "3", "2", *page)
        terminal.wait_for("Port 5432" if page else "WHY", 3)
        assert_golden(terminal, f"theme-{theme}-{'port' if page else 'ports'}", Terminal.looks)
        terminal.press("q")


def test_ascii():
    """No sign besides ASCII, and every state still told."""
    with Terminal("-r", RECORDING, "-o", "ascii=yes", width=160, height=50) as terminal:
        for keys in ([], ["8", "0", "0", "0", "enter"], ["enter"], ["4"], ["?"]):
            terminal.wait_for("Quit")
            terminal.type(*keys)
            assert terminal.text.isascii(), terminal.text
        terminal.press("1", "8", "0", "0", "0", "enter", "enter")
        assert "|-- SYN seq 0 win 64240 ttl 64 -" in terminal.text, terminal.text
        assert_golden(terminal, "ascii-attempt")


def test_a_locale_without_utf8():
    with Terminal("-r", RECORDING, env={"LANG": "C", "LC_ALL": "C"}) as terminal:
        terminal.wait_for("WHY")
        assert terminal.text.isascii(), terminal.text


def test_monochrome_says_the_same():
    """NO_COLOR: no colour on the wire, and the same words."""
    with Terminal("-r", RECORDING, env={"NO_COLOR": "1"}) as terminal:
        terminal.wait_for("WHY")
        terminal.read(0.3)
        assert_golden(terminal, "ports-80x24")
        assert all(cell.fg == "default" for row in terminal.screen.buffer.values() for cell in row.values())
        terminal.press("q")


@pytest.mark.parametrize("term,colours", [("xterm-256color", "palette"), ("xterm-direct", "rgb"), ("xterm", "ansi"), ("vt100", "none")])
def test_colours_as_the_terminal_has_them(term, colours, tmp_path):
    source = tmp_path / "direct.ti"     # as in ncurses-term, which need not be there
    source.write_text(DIRECT, encoding="ascii")
    subprocess.run(["tic", "-x", "-o", str(tmp_path / "terminfo"), str(source)], check=True)
    env = {"TERMINFO_DIRS": f"{tmp_path / 'terminfo'}:/etc/terminfo:/lib/terminfo:/usr/share/terminfo"}
    # Not as root, for whom ncurses takes no terminal types from the environment.
    for path in (PROGRAM, RECORDING):   # which need not be in a place that everybody may read
        shutil.copy(path, tmp_path)
    command = ["--reuid=65534", "--regid=65534", "--clear-groups", str(tmp_path / pathlib.Path(PROGRAM).name), "-r",
               str(tmp_path / pathlib.Path(RECORDING).name)]
    tmp_path.chmod(0o755)
    os.chmod(tmp_path.parent, 0o755)
    os.chmod(tmp_path.parent.parent, 0o755)
    with Terminal(*command, program="/usr/bin/setpriv", term=term, env=env) as terminal:
        terminal.wait_for("WHY")
        terminal.read(0.3)
        sent = {"palette": rb"\x1b\[[0-9;]*38;5;203m", "rgb": rb"\x1b\[38[:;]2[:;]:?255[:;]95[:;]95m", "ansi": rb"\x1b\[[0-9;]*31m",
                "none": rb"\x1b\[[0-9;]*1m"}[colours]
        assert re.search(sent, terminal.raw), terminal.raw[-2000:]
        if colours == "none":
            assert not re.search(rb"\x1b\[[0-9;]*3[0-7]m", terminal.raw)


def test_every_cause_is_on_the_screens():
    """Each cause that the recording tells can be reached by search, and the port view names it."""
    with open(RECORDING, encoding="utf-8") as lines:
        events = [json.loads(line) for line in lines]
    causes = {e["cause"] for e in events if e["type"] in ("attempt", "reset")} - {"none"}
    assert len(causes) >= 24
    with Terminal("-r", RECORDING, height=60, width=120) as terminal:
        terminal.wait_for("WHY")
        terminal.press("3")
        for cause in sorted(causes):
            terminal.type("home", "/", cause, "enter")
            assert f"{cause} (" in terminal.text, cause + "\n" + terminal.text


def test_walk():
    """Port, peer, attempt and back: the way home is the way there."""
    with Terminal("-r", RECORDING) as terminal:
        terminal.wait_for("LISTENS ON")
        terminal.type("5", "4", "3", "2", "enter")
        terminal.wait_for("Timeline")
        terminal.type("/", "failed 8", "enter")
        y = terminal.screen.cursor.y
        assert "10.77.0.2" in terminal.lines[y], terminal.text
        terminal.press("enter")
        terminal.wait_for("Peer 10.77.0.2 at port 5432")
        terminal.type("end", "enter")
        terminal.wait_for("Attempt of 10.77.0.2 at port 5432")
        assert "SYN seq 0" in terminal.text
        terminal.press("esc")
        terminal.wait_for("Peer 10.77.0.2 at port 5432")
        terminal.press("esc")
        terminal.wait_for("Peers by failures")
        assert "10.77.0.2" in terminal.lines[terminal.screen.cursor.y], terminal.text
        terminal.press("esc")
        terminal.wait_for("LISTENS ON")
        assert "5432" in terminal.lines[terminal.screen.cursor.y], terminal.text


def test_three_keys_to_the_packet():
    """The first cause is there without a key; the packet after three at most."""
    with Terminal("-r", RECORDING) as terminal:
        terminal.wait_for("WHY")
        assert re.search(r"! \w+", terminal.text) and "Fix: " in terminal.text
        terminal.type("enter", "enter")
        terminal.wait_for("SYN seq 0")


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
    """The picture stands, whatever is looked at, and counting goes on: it is all there afterwards."""
    with Terminal("--demo") as terminal:
        terminal.wait_for("5432", 15)
        terminal.press("p")
        terminal.wait_for("PAUSED", 3)
        rows = terminal.lines[:-6]
        terminal.press("3")
        findings = terminal.lines[:-6]
        terminal.read(4.0)
        assert terminal.lines[:-6] == findings
        terminal.press("1")
        assert terminal.lines[:-6] == rows
        terminal.press("p")
        terminal.wait_for(lambda t: t.lines[2:-6] != rows[2:], 10)
        terminal.press("3")
        assert terminal.lines[2:-6] != findings[2:]


def test_quiet_interval_writes_little():
    """Nothing happens: the clock moves, and nothing else is drawn.  In a network of its own, where nothing can happen."""
    who = [] if os.geteuid() == 0 else ["--map-root-user"]
    with Terminal("--net", *who, os.path.abspath(PROGRAM), program="/usr/bin/unshare") as terminal:
        terminal.wait_for("WHY")
        terminal.read(1.5)
        before = terminal.written
        terminal.read(4.0)
        assert terminal.written - before < 4 * 120, terminal.written - before


@pytest.mark.parametrize("name", ["\u6570\u636e\u5e93", "caf\u00e9", "\u6570x\u636e\u5e93xxxxxxx", "e\u0301vil", "\u202egnp.exe"])
def test_wide_characters_keep_their_columns(tmp_path, name):
    """Wide ones take two columns; combining and bidirectional ones are not let through: the numbers stand where they stood."""
    def column_of(terminal):
        y = next(y for y, line in enumerate(terminal.lines) if line.split()[:2] == ["5432", "127.0.0.1"])
        return [x for x in range(35, 80) if terminal.screen.buffer[y][x].data == "8"]     # behind the name

    recording = tmp_path / "recording.jsonl"
    recording.write_text(pathlib.Path(RECORDING).read_text(encoding="utf-8").replace("postgres", name), encoding="utf-8")
    with Terminal("-r", RECORDING) as terminal:
        terminal.wait_for("WHY")
        wanted = column_of(terminal)
    with Terminal("-r", str(recording)) as terminal:
        terminal.wait_for("WHY")
        assert column_of(terminal) == wanted, terminal.text
        assert "\u0301" not in terminal.text and "\u202e" not in terminal.text
        terminal.type("5", "4", "3", "2", "enter", "enter")
        terminal.wait_for("SYN seq 0")


def test_too_small():
    with Terminal("--demo", width=30, height=6) as terminal:
        terminal.wait_for("too small", 5)
        assert_golden(terminal, "too-small")
        terminal.resize(80, 24)
        terminal.wait_for("WHY", 5)
