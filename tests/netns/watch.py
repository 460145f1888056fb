"""A running `tcpwhy --json`: starts it in a namespace, reads its event stream, and judges its form."""
import itertools
import json
import os
import signal
import subprocess
import threading
import time

from lab import REPO, LabError
from pace import limit

OUTCOMES = {"accepted", "refused", "unreachable", "silent", "unfinished", "cancelled"}
CONFIDENCES = {"proved", "inferred", "possible"}
CLIENT_SEES = {"ECONNREFUSED", "ETIMEDOUT", "EHOSTUNREACH", "ENETUNREACH", "EACCES", "ECONNRESET", "EPIPE", "none"}
ATTEMPT_FIELDS = {"id", "first", "last", "dir", "netns", "iface", "peer", "peer_port", "addr", "port", "outcome",
                  "cause", "confidence", "client_sees", "syns", "count", "evidence", "summary", "advice"}
RESET_FIELDS = ATTEMPT_FIELDS - {"outcome", "syns"} | {"by"}


def program():
    """The program under test: $TCPWHY, or build/tcpwhy in the repository."""
    path = os.environ.get("TCPWHY", "build/tcpwhy")
    return path if os.path.isabs(path) else os.path.join(REPO, path)


class Line(dict):
    """One line of the stream, and when it came (time.time(), like the scenarios' refused_at)."""

    arrival = 0.0
    number = 0


class Watch:
    """tcpwhy in a namespace.  Lines are kept in order; `attempts` knows which ones still count."""

    def __init__(self, namespace, *args, start_timeout=15.0, wait_ready=True, prefix=(), packets=True):
        self.lines = []
        self.faults = []        # lines that are no JSON object with `type` and `t`
        self.stderr = []
        self._settled = {}      # id -> the line that a test took for final
        self._arrived = threading.Condition()
        self._ended = False
        if not os.access(program(), os.X_OK):
            raise LabError(f"no program to test at {program()} (set TCPWHY)")
        self.process = namespace.popen([*prefix, program(), "--json", *args], stdin=subprocess.DEVNULL,
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self._threads = [threading.Thread(target=self._read_lines, daemon=True),
                         threading.Thread(target=self._read_stderr, daemon=True)]
        for thread in self._threads:
            thread.start()
        if wait_ready:
            try:
                self._await_ready(start_timeout, packets)
            except BaseException:
                self.kill()
                raise

    def __enter__(self):
        return self

    def __exit__(self, kind, *_exc):
        if kind is None:
            self.stop()
        else:
            self.kill()

    @property
    def pid(self):
        return self.process.pid

    def running(self):
        return self.process.poll() is None and not self._ended

    # Reading

    def _read_lines(self):
        for raw in self.process.stdout:
            line = self._parse(raw)
            with self._arrived:
                if line is not None:
                    line.arrival, line.number = time.time(), len(self.lines)
                    self.lines.append(line)
                self._arrived.notify_all()
        with self._arrived:
            self._ended = True
            self._arrived.notify_all()

    def _parse(self, raw):
        try:
            line = json.loads(raw.decode("utf-8"), object_hook=None)
        except ValueError as err:
            self.faults.append(f"not JSON: {err}: {raw[:300]!r}")
            return None
        if not isinstance(line, dict) or "type" not in line or not isinstance(line.get("t"), (int, float)):
            self.faults.append(f"no type or no time: {raw[:300]!r}")
            return None
        return Line(line)

    def _read_stderr(self):
        for raw in self.process.stderr:
            self.stderr.append(raw.decode("utf-8", "replace").rstrip())

    def _await_ready(self, timeout, with_packets):
        hello = self.wait_for(lambda l: l["type"] == "hello", timeout, "hello")
        assert hello.number == 0, f"hello is line {hello.number}"
        packets = hello["sources"]["packets"]
        assert (packets["state"] == "on") == with_packets, f"packets: {packets}"
        self.wait_for(lambda l: l["type"] == "tick", timeout, "first tick")

    def wait_for(self, wanted, timeout, what="line", since=0):
        """The first line from number `since` on for which `wanted` holds."""
        deadline = time.monotonic() + limit(timeout)
        at = since
        with self._arrived:
            while True:
                for line in itertools.islice(self.lines, at, None):
                    if wanted(line):
                        return line
                at = len(self.lines)
                left = deadline - time.monotonic()
                if left <= 0 or self._ended:
                    break
                self._arrived.wait(left)
        raise AssertionError(f"no {what} within {limit(timeout):.0f} s{'; it has ended' if self._ended else ''}\n{self.report()}")

    def wait_ticks(self, count=1, timeout=10.0):
        """Wait until `count` more ticks have come."""
        for _ in range(count):
            self.wait_for(lambda l: l["type"] == "tick", timeout, "tick", since=len(self.lines))

    # Understanding

    def attempts(self, port=None, kinds=("attempt", "reset")):
        """Each attempt's last word, in the order in which they first appeared."""
        latest = {}
        with self._arrived:
            for line in self.lines:
                if line["type"] in ("attempt", "reset"):
                    latest[line.get("id", f"line {line.number}")] = line
        return [line for line in latest.values()
                if line["type"] in kinds and (port is None or is_about(line, port))]

    def failures(self, port=None):
        """Attempts that went wrong, and resets: everything but clean acceptances."""
        return [line for line in self.attempts(port)
                if line["type"] == "reset" or line["outcome"] != "accepted" or line["cause"] != "none"]

    def await_attempt(self, wanted, port, timeout=6.0):
        """An attempt on `port` whose latest word satisfies `wanted`."""
        deadline = time.monotonic() + limit(timeout)
        while True:
            count = len(self.lines)
            for line in self.attempts(port):
                if wanted(line):
                    return line
            left = deadline - time.monotonic()
            if left <= 0 or not self.running():
                raise AssertionError(f"port {port}: nothing fits within {limit(timeout):.0f} s\n{self.report(port)}")
            with self._arrived:
                if len(self.lines) == count:
                    self._arrived.wait(min(left, 1.0))

    def settled(self, wanted, port, timeout=6.0):
        """As await_attempt, still so after the next tick, and (see rewritten) until the end."""
        self.await_attempt(wanted, port, timeout)
        self.wait_ticks(1)
        line = self.await_attempt(wanted, port, 0.5)
        self._settled[line["id"]] = line
        return line

    def rewritten(self):
        """Settled attempts that were given another cause or outcome afterwards."""
        latest = {line["id"]: line for line in self.attempts()}
        return [f"was {before}\nis  {latest.get(known)}" for known, before in self._settled.items()
                if contradicts(before, latest.get(known, {}))]

    def counters(self, port):
        """The latest `port` line of a port; empty when there was none."""
        with self._arrived:
            for line in reversed(self.lines):
                if line["type"] == "port" and line["port"] == port:
                    return line
        return {}

    def report(self, port=None):
        """What a failed test should show."""
        shown = [json.dumps(l) for l in self.lines if l["type"] in ("attempt", "reset", "listener", "source", "hello", "bye")
                 and (port is None or l.get("port") is None or is_about(l, port))]
        return "\n".join(["stream:", *shown[-40:], "standard error:", *self.stderr[-20:], *self.faults[-5:]])

    def processes(self):
        """pids of tcpwhy: the process started and all its descendants."""
        found, wave = [self.pid], [self.pid]
        while wave:
            wave = [child for pid in wave for child in children(pid)]
            found += wave
        return found

    # Ending

    def stop(self):
        """SIGTERM: it has to say bye and exit with 0, and the whole stream has to be well-formed."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(limit(10))
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"still running {limit(10):.0f} s after SIGTERM\n{self.report()}") from None
        self._join()
        assert code == 0, f"exit code {code} after SIGTERM\n{self.report()}"
        assert self.lines and self.lines[-1]["type"] == "bye", f"last line is no bye\n{self.report()}"
        self.check_form()
        assert not self.rewritten(), "\n".join(self.rewritten())

    def kill(self):
        for pid in reversed(self.processes()):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait(limit(10))
        self._join()

    def _join(self):
        for thread in self._threads:
            thread.join(limit(5))
        self.process.stdout.close()
        self.process.stderr.close()

    def check_form(self):
        """The contract of the stream, line by line."""
        faults = list(self.faults)
        faults += [f"{fault}: {json.dumps(line)}" for line in self.lines for fault in form_faults(line)]
        faults += [f"standard error: {line}" for line in self.stderr if "Sanitizer" in line or "runtime error" in line]
        assert not faults, "\n".join(faults[:20])


def contradicts(before, after):
    """Whether a later word takes back an earlier one.  That the connection was ended by it is no contradiction."""
    same = ("cause", "port") if after.get("type") != before["type"] else ("cause", "port", "outcome", "client_sees")
    return [before.get(name) for name in same] != [after.get(name) for name in same]


def is_about(line, port):
    """Whether the attempt concerns that listening port, whoever dialled."""
    return line.get("port") == port or (line.get("dir") == "out" and line.get("peer_port") == port)


def children(pid):
    """Processes forked by any thread of `pid`."""
    found = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children") as file:
                found += [int(child) for child in file.read().split()]
    except (FileNotFoundError, ProcessLookupError):
        pass
    return found


def form_faults(line):
    """What is wrong with one line, in words."""
    kind = line["type"]
    faults = [f"unprintable text {text!r}" for text in strings(line) if not printable(text)]
    if kind not in ("attempt", "reset"):
        return faults
    missing = (ATTEMPT_FIELDS if kind == "attempt" else RESET_FIELDS) - line.keys()
    if missing:
        return faults + [f"no {', '.join(sorted(missing))}"]
    checks = {
        "outcome": kind == "reset" or line["outcome"] in OUTCOMES,
        "by": kind == "attempt" or line["by"] in ("host", "peer"),
        "confidence": line["confidence"] in CONFIDENCES,
        "client_sees": line["client_sees"] in CLIENT_SEES,
        "dir": line["dir"] in ("in", "out"),
        "times": line["first"] <= line["last"] <= line["t"] + 0.001,
        "counts": line["count"] >= 1 and line.get("syns", 0) >= 0,
        "alternatives": line["confidence"] != "possible" or line.get("alternatives"),
        "evidence": all(entry.keys() >= {"source", "text"} for entry in line["evidence"]),
        "id": isinstance(line["id"], int),
    }
    return faults + [f"bad {name}" for name, good in checks.items() if not good]


def strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from (key, *strings(inner))
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)


def printable(text):
    return all(c.isprintable() or c == "\n" for c in text)
