"""The terminal is usable after every way in which the program can end, and no process stays behind."""
import os
import signal
import subprocess
import time

import pytest
from screen import PROGRAM, Terminal, limit

LEAVE = b"\x1b[?1049l"  # xterm's rmcup
SHOW_CURSOR = b"\x1b[?12l\x1b[?25h"


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def assert_usable(terminal, worker):
    end = time.monotonic() + limit(3)
    while alive(worker) and time.monotonic() < end:
        terminal.read(0.05)
    assert not alive(worker), "the worker is still there"
    terminal.read(0.2)
    after = terminal.settings()
    assert after[:4] == terminal.before[:4], "line settings differ"
    assert LEAVE in terminal.raw, "still in full-screen mode"
    assert SHOW_CURSOR in terminal.raw or b"\x1b[?25h" in terminal.raw, "the cursor is hidden"


def started(*args, **kwargs):
    terminal = Terminal(*args, **kwargs)
    terminal.wait_for("WHY")
    (worker,) = terminal.children()
    assert terminal.settings()[3] != terminal.before[3]
    return terminal, worker


@pytest.mark.parametrize("args", [["--demo"], []], ids=["demo", "live"])
@pytest.mark.parametrize("how", ["q", "f10", "\x03"], ids=["q", "F10", "ctrl-c"])
def test_quit(args, how):
    terminal, worker = started(*args)
    with terminal:
        terminal.press(how)
        assert os.waitstatus_to_exitcode(terminal.wait()) == 0
        assert_usable(terminal, worker)


@pytest.mark.parametrize("args", [["--demo"], []], ids=["demo", "live"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT])
def test_signal(args, number):
    terminal, worker = started(*args)
    with terminal:
        os.kill(terminal.pid, number)
        assert os.waitstatus_to_exitcode(terminal.wait()) == 0
        assert_usable(terminal, worker)


@pytest.mark.parametrize("args", [["--demo"], []], ids=["demo", "live"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_worker_killed(args, number):
    terminal, worker = started(*args)
    with terminal:
        os.kill(worker, number)
        status = os.waitstatus_to_exitcode(terminal.wait())
        assert status == (0 if number == signal.SIGTERM else 1)
        assert_usable(terminal, worker)
        if number == signal.SIGKILL:
            assert b"killed by signal 9" in terminal.raw


@pytest.mark.parametrize("args", [["--demo"], []], ids=["demo", "live"])
def test_broker_killed(args):
    terminal, worker = started(*args)
    with terminal:
        os.kill(terminal.pid, signal.SIGKILL)
        terminal.wait()
        assert_usable(terminal, worker)


def test_terminal_lost():
    """The other end of the terminal closes, as when an ssh connection breaks."""
    terminal, worker = started("--demo")
    pid = terminal.pid
    os.close(terminal.fd)
    end = time.monotonic() + limit(3)
    while (alive(worker) or alive(pid)) and time.monotonic() < end:
        time.sleep(0.02)
        os.waitpid(pid, os.WNOHANG) if alive(pid) else None
    assert not alive(worker) and not alive(pid)


@pytest.mark.parametrize("term", ["xterm-256color", "tmux-256color", "screen", "linux", "vt100", "nonsense", None])
def test_terminal_types(term):
    with Terminal("--demo", term=term or "", env={"TERM": term}) as terminal:
        terminal.wait_for("PORT", 5)
        terminal.press("q")
        assert os.waitstatus_to_exitcode(terminal.wait()) == 0


@pytest.mark.parametrize("width,height", [(1, 1), (20, 5), (40, 10), (80, 24), (500, 200)])
def test_sizes(width, height):
    with Terminal("--demo", width=width, height=height) as terminal:
        terminal.read(1.2)
        for size in ((80, 24), (1, 1), (width, height)):
            terminal.resize(*size)
            terminal.read(0.3)
        terminal.press("down", "enter", "tab", "?", "esc")
        terminal.press("q")
        assert os.waitstatus_to_exitcode(terminal.wait()) == 0


def test_suspend_and_continue():
    """^Z gives the terminal back, fg takes it again; a shell with job control stands in between."""
    with Terminal("-c", f"set -m; {PROGRAM} --demo; echo STOPPED-$?; fg; echo ENDED-$?", program="/bin/bash") as terminal:
        terminal.wait_for("WHY")
        terminal.press("\x1a")
        terminal.wait_for(lambda t: b"STOPPED-" in t.raw, 5)
        terminal.wait_for("WHY")
        terminal.press("q")
        terminal.wait_for(lambda t: b"ENDED-0" in t.raw, 5)


def test_no_terminal_prints_text():
    run = subprocess.run([PROGRAM, "--demo", "--for", "1.5"], capture_output=True, timeout=limit(10), check=False)
    assert run.returncode == 0, run.stderr
    assert b"\x1b" not in run.stdout
    assert run.stdout.startswith(b"tcpwhy ")
