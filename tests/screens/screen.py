"""screen.py - a program on a pseudo terminal, and its screen as a person would see it."""
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import tempfile
import termios
import time

import pyte

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../netns"))

from pace import limit      # noqa: E402

PROGRAM = os.environ.get("TCPWHY", os.path.join(os.path.dirname(__file__), "../../build/tcpwhy"))

# Settings that are there and say nothing: no hint for new users, and nothing of the machine's own.
SETTINGS = tempfile.TemporaryDirectory(prefix="tcpwhy-settings-")
os.mkdir(os.path.join(SETTINGS.name, "tcpwhy"))
open(os.path.join(SETTINGS.name, "tcpwhy", "config"), "w", encoding="ascii").close()

KEYS = {"enter": "\r", "esc": "\x1b", "up": "\x1b[A", "down": "\x1b[B", "pgdn": "\x1b[6~", "pgup": "\x1b[5~",
        "home": "\x1b[H", "end": "\x1b[F", "tab": "\t", "f1": "\x1bOP", "f10": "\x1b[21~", "f6": "\x1b[17~", "f2": "\x1bOQ",
        "f3": "\x1bOR", "f4": "\x1bOS", "left": "\x1b[D", "right": "\x1b[C", "backtab": "\x1b[Z", "backspace": "\x7f",
        "space": " "}


class Screen(pyte.Screen):
    """pyte's, which scrolls as well: SU and SD (ECMA-48, 8.3.147 and 8.3.113), within the margins."""

    def scroll_up(self, n=1):
        self._scroll(self.delete_lines, n)

    def scroll_down(self, n=1):
        self._scroll(self.insert_lines, n)

    def _scroll(self, move, n):
        x, y = self.cursor.x, self.cursor.y
        self.cursor.y = self.margins.top if self.margins else 0
        move(n or 1)
        self.cursor.x, self.cursor.y = x, y


class Stream(pyte.ByteStream):
    csi = {**pyte.ByteStream.csi, "S": "scroll_up", "T": "scroll_down"}
    events = pyte.ByteStream.events | {"scroll_up", "scroll_down"}


def state(pid):
    """Of a process, as ps(1) has it; Z for one that is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rsplit(")", 1)[1].split()[0]
    except OSError:
        return "Z"


class Terminal:
    """Starts a program on its own terminal; `lines` is what its screen shows."""

    def __init__(self, *args, width=80, height=24, term="xterm-256color", env=None, program=PROGRAM):
        self.screen = Screen(width, height)
        self.stream = Stream(self.screen)
        self.written = 0
        self.raw = b""
        self.status = None
        environment = dict(os.environ, TERM=term, LANG="C.UTF-8", LC_ALL="C.UTF-8", TZ="UTC", XDG_CONFIG_HOME=SETTINGS.name)
        environment.pop("NO_COLOR", None)
        environment.update(env or {})
        environment = {k: v for k, v in environment.items() if v is not None}
        start, go = os.pipe()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.read(start, 1)       # not before its terminal has its size, and its settings are known
            os.execve(program, [program, *args], environment)
        self.resize(width, height, signalled=False)
        self.before = termios.tcgetattr(self.fd)
        os.write(go, b"x")
        os.close(start)
        os.close(go)

    @staticmethod
    def program():
        return PROGRAM

    def resize(self, width, height, signalled=True):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        if signalled:
            self.screen.resize(height, width)

    def read(self, seconds=0.0):
        """Takes in what the program writes until it has been quiet for a moment, or the time is up."""
        end = time.monotonic() + seconds
        while True:
            left = end - time.monotonic()
            ready, _, _ = select.select([self.fd], [], [], max(left, 0) if seconds else 0)
            if not ready:
                return
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                return
            if not data:
                return
            self.written += len(data)
            self.raw = (self.raw + data)[-65536:]
            self.stream.feed(data)
            if seconds and time.monotonic() > end:
                return

    @property
    def lines(self):
        return [line.rstrip() for line in self.screen.display]

    def looks(self):
        """The screen with its colours and attributes: under each line its runs, as far as they are not plain."""
        shown = []
        for y, line in enumerate(self.lines):
            shown.append(line)
            runs, before = [], None
            for x in range(self.screen.columns):
                cell = self.screen.buffer[y][x]
                look = " ".join(word for word in (
                    cell.fg if cell.fg != "default" else "", f"on-{cell.bg}" if cell.bg != "default" else "",
                    "bold" if cell.bold else "", "underscore" if cell.underscore else "", "reverse" if cell.reverse else "")
                    if word)
                if look != before:
                    runs.append([x, look])
                before = look
            if any(look for _, look in runs):
                shown.append("    " + ", ".join(f"{x}: {look or 'plain'}" for x, look in runs))
        return "\n".join(shown)

    @property
    def text(self):
        return "\n".join(self.lines)

    def wait_for(self, wanted, seconds=10.0):
        """Until wanted (a text, or a function of the terminal) holds; the screen is in the error."""
        end = time.monotonic() + limit(seconds)
        holds = wanted if callable(wanted) else (lambda terminal: wanted in terminal.text)
        while not holds(self):
            if time.monotonic() > end:
                raise AssertionError(f"not on the screen within {limit(seconds):.0f} s: {wanted!r}\n{self.text}")
            self.read(0.05)
        return self

    def press(self, *keys):
        for key in keys:
            os.write(self.fd, KEYS.get(key, key).encode())
            if key == "esc":
                time.sleep(0.1)  # longer than the program's escape delay
        return self.rest()

    def type(self, *keys):
        """As press(), without waiting for the screen in between."""
        for key in keys:
            os.write(self.fd, KEYS.get(key, key).encode())
            time.sleep(0.1 if key == "esc" else 0.01)
        return self.rest()

    def rest(self):
        """Takes in what is written for a moment, and as long as the program waits for a busy processor."""
        end = time.monotonic() + limit(5)
        self.read(0.25)
        while any(state(pid) in "RD" for pid in (self.pid, *self.children())) and time.monotonic() < end:
            self.read(0.05)
        return self

    def children(self):
        """The program's processes: itself and its worker."""
        found = []
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    with open(f"/proc/{entry}/stat", encoding="ascii", errors="replace") as f:
                        fields = f.read().rsplit(")", 1)[1].split()
                except OSError:
                    continue
                if int(fields[1]) == self.pid and fields[0] != "Z":
                    found.append(int(entry))
        return found

    def wait(self, seconds=5.0):
        """The program's wait status, once it has ended."""
        end = time.monotonic() + limit(seconds)
        while self.status is None and time.monotonic() < end:
            self.read(0.05)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = status
        if self.status is None:
            raise AssertionError(f"still running after {limit(seconds):.0f} s\n{self.text}")
        self.read(0.1)
        return self.status

    def settings(self):
        return termios.tcgetattr(self.fd)

    def close(self):
        if self.status is None:
            try:
                os.kill(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            os.waitpid(self.pid, 0)
            self.status = -1
        os.close(self.fd)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
