"""Every key of the table does what the help screen says; a key that is added without a test fails here."""
import base64
import os
import re
import signal
import time

import pytest
from screen import PROGRAM, Terminal, limit
from test_screens import RECORDING

# As the help screen names them.
BYTES = {"Up": "\x1bOA", "Down": "\x1bOB", "Left": "\x1bOD", "Right": "\x1bOC", "PgUp": "\x1b[5~", "PgDn": "\x1b[6~",
         "Home": "\x1bOH", "End": "\x1bOF", "Enter": "\r", "Esc": "\x1b", "Tab": "\t", "Shift-Tab": "\x1b[Z", "Space": " ",
         "F1": "\x1bOP", "F2": "\x1bOQ", "F3": "\x1bOR", "F4": "\x1bOS", "F6": "\x1b[17~", "F10": "\x1b[21~"}


def bytes_of(name):
    if len(name) == 2 and name[0] == "^":
        return chr(ord(name[1]) & 0x1f)
    return BYTES.get(name, name)


def row(terminal):
    return terminal.lines[terminal.screen.cursor.y]


def top(terminal):
    """The view whose tab is up."""
    return re.search(r"\[\d (\w+)\]", terminal.lines[0]).group(1)


def first_port(terminal):
    return terminal.lines[3].split()[0]


def prompt(terminal):
    return terminal.lines[-1]


# By key: what is pressed before, and what holds of the terminal afterwards, given how it was.
MOVED_DOWN = (["4", "j", "j"], lambda t, was: row(t) != was["row"])
LISTS = {
    "Up k": (["down", "down"], lambda t, was: was["row"] != row(t) and first_port(t) == was["first"]),
    "Down j": ([], lambda t, was: was["row"] != row(t)),
    "PgUp ^B": (["end"], lambda t, was: was["row"] != row(t)),
    "PgDn ^F": ([], lambda t, was: was["row"] != row(t)),
    "Home g": (["end"], lambda t, was: t.screen.cursor.y == 3),
    "End G": ([], lambda t, was: "40404" in row(t) or "80 " in row(t)),
    "Enter l Right": ([], lambda t, was: t.lines[2].startswith("Port ")),
    "Esc h Left": (["enter"], lambda t, was: "LISTENS ON" in t.lines[2]),
    "1": (["3"], lambda t, was: top(t) == "Ports"),
    "2": ([], lambda t, was: top(t) == "Peers"),
    "3": ([], lambda t, was: top(t) == "Findings"),
    "4": ([], lambda t, was: top(t) == "Host"),
    "8080": None,   # its own test
    "Tab": ([], lambda t, was: top(t) == "Peers"),
    "Shift-Tab": ([], lambda t, was: top(t) == "Host"),
    "/ F3": ([], lambda t, was: prompt(t).startswith("Search: _")),
    "n": (["/", "demo", "enter"], lambda t, was: was["row"] != row(t) and "demo" in row(t)),
    "N": (["/", "demo", "enter"], lambda t, was: was["row"] != row(t) and "demo" in row(t)),
    "f F4 \\": ([], lambda t, was: prompt(t).startswith("Filter: _")),
    "s F6": ([], lambda t, was: prompt(t).startswith("Sort by:")),
    "<": ([], lambda t, was: "sorted by WHY" in prompt(t)),
    ">": ([], lambda t, was: "sorted by PORT" in prompt(t)),
    "I r": ([], lambda t, was: first_port(t) != was["first"]),
    "+": (["enter", "-", "-"], lambda t, was: "10 s a column" in t.text),
    "-": (["enter"], lambda t, was: "10 s a column" in t.text),
    "Space p": ([], lambda t, was: "PAUSED" in t.lines[0]),
    "t": (["enter"], lambda t, was: "while it is watched" in prompt(t)),
    "y": (["enter"], lambda t, was: "copied" in prompt(t)),
    "w": None,
    "F2 S": ([], lambda t, was: t.lines[2].startswith("Setup")),
    "[": (["f2", "/", "program", "enter"], lambda t, was: t.text.index("[x]        program") < t.text.index("[x]        bind")),
    "]": (["f2", "/", "program", "enter"], lambda t, was: t.text.index("[x]        program") > t.text.index("[x]        accepted")),
    "m": ([], lambda t, was: "mouse on" in prompt(t) and re.search(rb"\x1b\[\?(1006;)?1000h", t.raw)),
    "? F1": ([], lambda t, was: t.lines[2].startswith("Help")),
    "^L": None,
    "^Z": None,
    "q F10 ^C": None,
}


def names_on_help(terminal):
    """The first column of the help screen's lines of keys."""
    terminal.press("?")
    terminal.wait_for("Esc leaves this screen")
    lines = terminal.text.split("Move\n", 1)[1].split("Filter:", 1)[0].splitlines()
    return {line[2:16].strip() for line in lines if line.startswith("  ") and not line.startswith("   ")}


def test_every_key_has_a_test():
    with Terminal("-r", RECORDING, width=120, height=100) as terminal:
        terminal.wait_for("WHY")
        assert names_on_help(terminal) == set(LISTS)


@pytest.mark.parametrize("names", [names for names, case in LISTS.items() if case])
def test_key(names):
    before, holds = LISTS[names]
    for name in names.split():
        with Terminal("-r", RECORDING, height=40) as terminal:
            terminal.wait_for("WHY")
            terminal.type(*before)
            if before and before[-1] in "1234":
                time.sleep(1.1)     # or the next digit belongs to it
            was = {"row": row(terminal), "first": first_port(terminal)}
            terminal.press(bytes_of(name))
            terminal.wait_for(lambda t, was=was: holds(t, was), 2)


def test_a_number_goes_to_its_port():
    with Terminal("-r", RECORDING) as terminal:
        terminal.wait_for("WHY")
        terminal.type("3")
        terminal.wait_for("OUTCOME")
        time.sleep(1.1)
        terminal.type("8", "0", "8", "1")
        terminal.wait_for(lambda t: top(t) == "Ports" and row(t).split()[0] == "8081", 2)
        time.sleep(1.1)
        terminal.type("2", "2")     # begins with the number of a view
        terminal.wait_for(lambda t: top(t) == "Ports" and row(t).split()[0] == "22", 2)
        time.sleep(1.1)
        terminal.type("6", "5", "5", "3", "5")
        terminal.wait_for("Port 65535: nobody listens there", 2)


@pytest.mark.parametrize("name", ["q", "F10", "^C"])
def test_quit(name):
    with Terminal("-r", RECORDING) as terminal:
        terminal.wait_for("WHY")
        terminal.press(bytes_of(name))
        assert os.waitstatus_to_exitcode(terminal.wait()) == 0


def test_redraw():
    with Terminal("-r", RECORDING) as terminal:
        terminal.wait_for("WHY")
        terminal.read(0.3)
        shown = terminal.text
        terminal.screen.reset()     # somebody has written over it
        terminal.press("\x0c")
        terminal.wait_for(lambda t: t.text == shown, 2)


def test_suspend():
    """^Z gives the terminal back and stops; SIGCONT draws anew, and the keys work."""
    with Terminal("-c", f"set -m; {PROGRAM} -r {RECORDING}; echo stopped; fg; true", program="/bin/bash") as terminal:
        terminal.wait_for("WHY")
        terminal.press("\x1a")
        terminal.wait_for(lambda t: "LISTENS ON" in t.text, 5)     # stopped, and brought back by fg
        terminal.press("3")
        terminal.wait_for("OUTCOME", 3)
        terminal.press("q")
        terminal.wait()


def test_copy_is_the_finding():
    """What goes to the clipboard is the whole finding, as plain text."""
    with Terminal("-r", RECORDING) as terminal:
        terminal.wait_for("WHY")
        terminal.type("5", "4", "3", "2")
        terminal.press("y")
        terminal.wait_for("copied")
        sent = base64.b64decode(re.search(rb"\x1b\]52;c;([A-Za-z0-9+/=]*)\x07", terminal.raw).group(1)).decode()
        assert "cause: loopback-only (proved)" in sent and "fix: " in sent and "evidence:" in sent
        assert "[S] seq" in sent and "listens, but on 127.0.0.1:5432" in sent


def test_write_and_its_errors(tmp_path):
    """A new file in the working directory, and a clear word when it is there already or cannot be made."""
    script = f"cd {tmp_path} && exec {PROGRAM} -r {RECORDING}"
    with Terminal("-c", script, program="/bin/sh", width=200) as terminal:
        terminal.wait_for("WHY")
        terminal.type("5", "4", "3", "2")
        terminal.press("w")
        terminal.wait_for("written: ")
        (written,) = tmp_path.iterdir()
        assert written.name.startswith("tcpwhy-port-5432-") and written.stat().st_mode & 0o777 == 0o600
        assert "cause: loopback-only (proved)" in written.read_text(encoding="utf-8")
        terminal.press("w")
        terminal.wait_for("it is there already")
        tmp_path.rename(tmp_path.parent / "elsewhere")
        (tmp_path.parent / "elsewhere" / written.name).unlink()
        (tmp_path.parent / "elsewhere").rmdir()
        terminal.press("w")
        terminal.wait_for("not written: ")


def test_no_finding_to_copy():
    with Terminal("-r", RECORDING) as terminal:
        terminal.wait_for("WHY")
        terminal.type("2", "2")
        terminal.press("y")
        terminal.wait_for("no finding here")


def test_mouse():
    """A click selects, a second one looks closer, a heading sorts, the wheel scrolls, the bar's labels work."""
    def click(x, y, button=0):
        os.write(terminal.fd, f"\x1b[<{button};{x + 1};{y + 1}M\x1b[<{button};{x + 1};{y + 1}m".encode())
        time.sleep(0.3)

    with Terminal("-r", RECORDING, "-o", "mouse=yes") as terminal:
        terminal.wait_for("WHY")
        terminal.read(0.2)
        wanted = terminal.lines[8]
        click(10, 8)
        terminal.wait_for(lambda t: row(t) == wanted and t.screen.cursor.y == 8, 2)
        click(2, 2)
        terminal.wait_for("sorted by PORT", 2)
        before = row(terminal)
        click(5, 5, 65)
        terminal.wait_for(lambda t: row(t) != before, 2)
        click(4, 23)    # Help
        terminal.wait_for(lambda t: t.lines[2].startswith("Help"), 2)


def test_first_run_hint(tmp_path):
    """New users see the most important keys, once; the settings are then there, with every default explained."""
    env = {"XDG_CONFIG_HOME": str(tmp_path)}
    with Terminal("-r", RECORDING, env=env) as terminal:
        terminal.wait_for("New here?")
        terminal.press("j")
        terminal.wait_for(lambda t: "New here?" not in t.text, 2)
        terminal.press("q")
        assert terminal.wait() == 0
    settings = (tmp_path / "tcpwhy" / "config").read_text(encoding="utf-8")
    assert "\ntheme = default\n" in settings
    with Terminal("-r", RECORDING, env=env) as terminal:
        terminal.wait_for("Quit")
        assert "New here?" not in terminal.text
        terminal.press("q")


def test_setup_is_saved(tmp_path):
    """Theme, columns and order are there the next time; flags come before the environment, that before the file."""
    env = {"XDG_CONFIG_HOME": str(tmp_path)}
    with Terminal("-r", RECORDING, env=env) as terminal:
        terminal.wait_for("New here?")
        terminal.type(">", "f2", "/", "theme", "enter")
        terminal.press("enter")
        terminal.wait_for("theme      light", 2)
        terminal.type("/", "program", "enter")
        terminal.press("enter")
        terminal.wait_for("[ ]        program", 2)
        terminal.press("w")
        terminal.wait_for("saved: ", 2)
        terminal.press("q")
        assert terminal.wait() == 0
    assert "theme = light" in (tmp_path / "tcpwhy" / "config").read_text(encoding="utf-8")
    with Terminal("-r", RECORDING, env=env) as terminal:
        terminal.wait_for("LISTENS ON")
        assert "PROGRAM" not in terminal.lines[2] and "PORTv" in terminal.lines[2].replace(" ", ""), terminal.text
        terminal.press("f2")
        terminal.wait_for("theme      light", 2)
        terminal.press("q")
    with Terminal("-r", RECORDING, env=env | {"TCPWHY_THEME": "contrast"}) as terminal:
        terminal.wait_for("LISTENS ON")
        terminal.press("f2")
        terminal.wait_for("theme      contrast", 2)
        terminal.press("q")
    with Terminal("-r", RECORDING, "-o", "theme=mono", env=env | {"TCPWHY_THEME": "contrast"}) as terminal:
        terminal.wait_for("LISTENS ON")
        terminal.press("f2")
        terminal.wait_for("theme      mono", 2)
        terminal.press("q")


def test_nothing_is_written_to_anothers_home(tmp_path):
    """As under sudo with the caller's HOME: no hint that would come back, nothing saved, and it says so."""
    home = tmp_path / "home"
    home.mkdir()
    os.chown(home, 1234, 1234)
    with Terminal("-r", RECORDING, env={"XDG_CONFIG_HOME": None, "HOME": str(home), "SUDO_UID": "1234", "SUDO_GID": "1234"}) as terminal:
        terminal.wait_for("Quit")
        assert "New here?" not in terminal.text
        terminal.type("f2")
        terminal.press("w")
        terminal.wait_for("nothing is written there", 2)
        terminal.press("q")
        terminal.wait()
    assert list(home.iterdir()) == []


def test_nothing_is_written_through_a_link(tmp_path):
    """A link in place of the folder may lead anywhere, and root would follow it."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    (tmp_path / "home").mkdir(mode=0o700)
    (tmp_path / "home" / "tcpwhy").symlink_to(elsewhere)
    with Terminal("-r", RECORDING, env={"XDG_CONFIG_HOME": str(tmp_path / "home")}) as terminal:
        terminal.wait_for("Quit")
        assert "New here?" not in terminal.text
        terminal.type("f2")
        terminal.press("w")
        terminal.wait_for("nothing is written there", 2)
        terminal.press("q")
        terminal.wait()
    assert list(elsewhere.iterdir()) == []


def test_flags_and_copies_do_not_become_settings(tmp_path):
    """The first key saves what the file would say, not what this run was told; and not what is copied with it."""
    with Terminal("-r", RECORDING, "-o", "theme=mono", env={"XDG_CONFIG_HOME": str(tmp_path), "TCPWHY_MOUSE": "yes"}) as terminal:
        terminal.wait_for("New here?")
        terminal.press("y")
        terminal.press("q")
        assert terminal.wait() == 0
    settings = (tmp_path / "tcpwhy" / "config").read_text(encoding="utf-8")
    assert "\ntheme = default\n" in settings and "\nmouse = no\n" in settings and "loopback" not in settings


def test_wrong_settings_are_told(tmp_path):
    (tmp_path / "tcpwhy").mkdir()
    (tmp_path / "tcpwhy" / "config").write_text("theme = light\nshadow = root:x:secret\n", encoding="ascii")
    with Terminal("-r", RECORDING, env={"XDG_CONFIG_HOME": str(tmp_path)}, width=160) as terminal:
        terminal.wait_for("line 2: there is no such setting")
        assert "secret" not in terminal.text
        terminal.press("q")


def test_plain_is_a_sentence_a_finding():
    with Terminal("-r", RECORDING, "--plain", height=200, width=500) as terminal:
        os.waitstatus_to_exitcode(terminal.wait())
        lines = [line for line in terminal.lines if ", port 5432: " in line and "dialled" in line]
        assert lines and all(line.endswith(".") and line.count("dialled") == 1 for line in lines), terminal.text
        assert not any("evidence" in line or "packets:" in line for line in terminal.lines)


@pytest.mark.parametrize("term", ["xterm-256color", "tmux-256color", "screen", "linux", "vt100", "nonsense", None, ""])
def test_terminal_types(term):
    with Terminal("-r", RECORDING, term=term) as terminal:
        terminal.wait_for("5432")
        terminal.press("j", "q")
        assert os.waitstatus_to_exitcode(terminal.wait()) == 0


def test_dumb_terminal_gets_plain_text():
    with Terminal("-r", RECORDING, term="dumb", height=200, width=300) as terminal:
        assert os.waitstatus_to_exitcode(terminal.wait()) == 0
        assert b"loopback-only" in terminal.raw and b"\x1b" not in terminal.raw


def test_lost_terminal():
    """The terminal goes away: the program ends at once, without spinning."""
    with Terminal("-r", RECORDING) as terminal:
        terminal.wait_for("WHY")
        pid = terminal.pid
        os.close(terminal.fd)
        terminal.fd = os.open("/dev/null", os.O_RDWR)
        end = time.monotonic() + limit(1)
        while time.monotonic() < end:
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                terminal.status = status
                break
            time.sleep(0.02)
        else:
            os.kill(pid, signal.SIGKILL)
            raise AssertionError(f"still there after {limit(1):.0f} s")
