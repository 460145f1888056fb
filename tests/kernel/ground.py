"""The lab of tests/netns with what tests of the kernel need: sockets, hand-made peers, counters, questions.

    with Ground() as lab:
        lab.listen(8080, backlog=1)
        with lab.counted(8080) as moved:
            lab.peer(8080).send("SYN")
        assert moved == {}              # {"d": 1, "TcpExtListenDrops": 1} had it been dropped
"""
import contextlib
import ctypes
import json
import os
import select
import socket
import struct
import time

import pytest

from diag import Destroyed, Diag
from history import COUNTERS_SINCE, is_there
from lab import Lab, SERVER4, SERVER6, _libc
from pace import limit, settle
from peer import PEER4, PEER6, Peer
from routes import Routes

NOBODY = 65534
PR_SET_NO_NEW_PRIVS = 38
SO_ATTACH_FILTER = 26

# What the rules look at, and what would betray another path through the kernel.
COUNTERS = """
    TcpOutRsts TcpEstabResets TcpAttemptFails TcpInCsumErrors IpInAddrErrors IpInDiscards IpOutNoRoutes
    IpInHdrErrors IpOutDiscards IpExtInCsumErrors IpExtInNoRoutes IcmpOutMsgs Ip6InAddrErrors Ip6InDiscards
    Ip6InNoRoutes Ip6OutNoRoutes Ip6OutDiscards Icmp6OutDestUnreachs
""".split() + ["TcpExt" + name for name in """
    ListenOverflows ListenDrops TCPAbortOnData TCPAbortOnClose TCPAbortOnTimeout TCPAbortOnLinger TCPAbortFailed
    TCPReqQFullDrop TCPReqQFullDoCookies SyncookiesSent SyncookiesRecv EmbryonicRsts TCPDeferAcceptDrop
    IPReversePathFilter TCPMD5NotFound TCPMD5Unexpected TCPMD5Failure TCPMinTTLDrop TCPSYNChallenge
    PAWSActive PAWSEstab PAWSTimewait TCPToZeroWindowAdv
""".split()]


BOTH = pytest.mark.parametrize("server", [SERVER4, SERVER6])


def counters_here():
    """The COUNTERS that the running kernel may have; test_names.py checks which it must."""
    return [name for name in COUNTERS if is_there(COUNTERS_SINCE, name) is not False]


def family_of(addr):
    return socket.AF_INET6 if ":" in addr else socket.AF_INET


def everywhere(addr):
    """The wildcard address of the same family."""
    return "::" if ":" in addr else "0.0.0.0"


class Ground(Lab):
    """Two hosts; all that a test makes on them goes with them."""

    def _build(self):
        super()._build()
        with self.server:
            self.ifindex = socket.if_nametoindex("eth0")
        mac = self.client.mac("eth0")
        self.server.ip(*(f"neighbour replace {addr} lladdr {mac} dev eth0 nud permanent" for addr in (PEER4, PEER6)))
        self.diag, self.routes = Diag(self.server), Routes(self.server)
        self.on_exit(self.diag.close)
        self.on_exit(self.routes.close)

    def new_socket(self, family=socket.AF_INET, host=None):
        made = (host or self.server).socket(family)
        made.settimeout(limit(3))
        self.on_exit(made.close)
        return made

    def bind(self, port, addr="0.0.0.0", options=(), host=None):
        """A socket bound to the port; `options` are arguments of setsockopt()."""
        made = self.new_socket(family_of(addr), host)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        for option in options:
            made.setsockopt(*option)
        made.bind((addr, port))
        return made

    def listen(self, port, backlog=16, addr="0.0.0.0", options=(), host=None):
        made = self.bind(port, addr, options, host)
        made.listen(backlog)
        return made

    def peer(self, port, **more):
        return Peer(self, port, **more)

    def connected(self, port, **more):
        """A listener, a peer that is connected to it, and the accepted socket."""
        server = more.get("server", SERVER4)
        listener = self.listen(port, addr=everywhere(server))
        peer = self.peer(port, **more).connect()
        made, _ = listener.accept()
        made.settimeout(limit(3))
        self.on_exit(made.close)
        return listener, peer, made

    @contextlib.contextmanager
    def counted(self, port=None, family=socket.AF_INET, host=None):
        """Fills a dict with the COUNTERS that moved, and how far the listener's own drops did, as "d"."""
        moved = {}
        before = self._count(port, family, host)
        yield moved
        pause(0.05)
        after = self._count(port, family, host)
        moved.update((name, after[name] - before[name]) for name in after if after[name] != before[name])

    def _count(self, port, family, host):
        values = (host or self.server).counters()
        found = {name: values.get(name, 0) for name in counters_here()}
        if port is not None:
            found["d"] = self.diag.listener(port, family).drops
        return found

    def destroyed(self):
        return Destroyed(self.server)


def pause(seconds):
    """Let what was sent arrive and be counted."""
    time.sleep(settle(seconds))


def readable(sock, timeout=1.0):
    """Wait until there is something to read."""
    assert select.select([sock], [], [], limit(timeout))[0], "nothing came to read"


def attach_filter(sock, code):
    """SO_ATTACH_FILTER of classic BPF: (code, offset if true, offset if false, operand) each."""
    program = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in code))
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("@HP", len(code), ctypes.addressof(program)))


def as_nobody(namespace, function, meanwhile=None):
    """What function() returns (as JSON has it) in `namespace`, run by uid 65534 without any capability.

    With `meanwhile`, function(ready) is to call ready(), and then meanwhile() runs here.
    """
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            answer = _child(namespace, function, *([lambda: os.write(writer, b"\n")] if meanwhile else []))
        except BaseException as error:      # the answer of a child that must not go on as pytest
            answer = f"{type(error).__name__}: {error}"
        os.write(writer, json.dumps(answer).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb", buffering=0) as pipe:
        text = pipe.read(1)
        if text == b"\n":
            meanwhile()
        text += pipe.readall()
    os.waitpid(pid, 0)
    return json.loads(text)


def _child(namespace, function, *args):
    namespace.__enter__()
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    _libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    with open("/proc/self/status") as status:
        assert any(line.split() == ["CapEff:", "0" * 16] for line in status), "capabilities are left"
    return function(*args)
