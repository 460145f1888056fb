"""What the client gets for an answer, and who gave it: ICMP errors of rules, SYN-ACKs of the kernel and of SYNPROXY."""
import concurrent.futures
import socket

import pytest

from ground import BOTH, everywhere
from lab import CLIENT4, CLIENT6, SERVER4, SERVER6, Wire


ERRORS = {      # reject with: type and code on the wire, what connect() says
    SERVER4: {
        "icmp net-unreachable": ("ICMP 3/0", "ENETUNREACH"),
        "icmp host-unreachable": ("ICMP 3/1", "EHOSTUNREACH"),
        "icmp prot-unreachable": ("ICMP 3/2", "ENOPROTOOPT"),
        "icmp port-unreachable": ("ICMP 3/3", "ECONNREFUSED"),
        "icmp net-prohibited": ("ICMP 3/9", "ENETUNREACH"),
        "icmp host-prohibited": ("ICMP 3/10", "EHOSTUNREACH"),
        "icmp admin-prohibited": ("ICMP 3/13", "EHOSTUNREACH"),
    },
    SERVER6: {
        "icmpv6 no-route": ("ICMP6 1/0", "ENETUNREACH"),
        "icmpv6 admin-prohibited": ("ICMP6 1/1", "EACCES"),
        "icmpv6 addr-unreachable": ("ICMP6 1/3", "EHOSTUNREACH"),
        "icmpv6 port-unreachable": ("ICMP6 1/4", "ECONNREFUSED"),
        "icmpv6 policy-fail": ("ICMP6 1/5", "EACCES"),
        "icmpv6 reject-route": ("ICMP6 1/6", "EACCES"),
    },
}


@BOTH
def test_icmp_errors(lab, port, server):
    """The ICMP error of a reject rule decides what connect() says: each type and code has its errno.

    Kernel: icmp_err_convert, icmpv6_err_convert, tcp_v4_err, tcp_v6_err
    Causes: firewall-reject, forward-unreachable, remote-unreachable
    """
    wanted = {}
    for at, (what, want) in enumerate(ERRORS[server].items(), 30000 + port % 1000 * 10):
        lab.rule("in", f"tcp dport {at} reject with {what}")
        wanted[at] = (what, *want)
    with Wire(lab.server) as wire, concurrent.futures.ThreadPoolExecutor(len(wanted)) as pool:
        dialled = dict(zip(wanted, pool.map(lambda at: lab.dial(server, at), wanted)))
        got = {at: (what, (wire.of(at, "ICMP") or ["none"])[0].removeprefix("out "), dialled[at].errno)
               for at, (what, *_) in wanted.items()}
    assert got == wanted


SMALL = {
    "default": [],
    "SO_RCVBUF 0": [(socket.SOL_SOCKET, socket.SO_RCVBUF, 0)],
    "TCP_WINDOW_CLAMP 1": [(socket.IPPROTO_TCP, socket.TCP_WINDOW_CLAMP, 1)],
}


@BOTH
@pytest.mark.parametrize("cookies", [1, 2])
@pytest.mark.parametrize("options", SMALL)
def test_window_of_a_syn_ack(lab, port, options, cookies, server):
    """The kernel's SYN-ACK never has window 0, however small the receive buffer, with cookies or without.

    Kernel: tcp_openreq_init_rwin, tcp_make_synack
    Causes: synproxy-backend-dead
    """
    lab.server.sysctl("net.ipv4.tcp_syncookies", cookies)
    lab.listen(port, addr=everywhere(server), options=SMALL[options])
    assert lab.peer(port, server=server).half_open().window > 0


SYNPROXY = """table inet proxy {
    chain pre { type filter hook prerouting priority raw; tcp dport %d tcp flags syn notrack; }
    chain in { type filter hook input priority filter;
               tcp dport %d ct state invalid,untracked synproxy mss 1460 wscale 7 timestamp sack-perm; }
}"""


@BOTH
@pytest.mark.parametrize("listening", [True, False])
def test_synproxy(lab, port, listening, server):
    """SYNPROXY's SYN-ACK has window 0, whether somebody listens or not; if nobody does, the peer's ACK gets a RST-ACK,
    which is the stack's and counted in OutRsts.

    Kernel: synproxy_send_client_synack, synproxy_recv_client_ack
    Causes: synproxy-backend-dead
    """
    lab.server.sysctl("net.netfilter.nf_conntrack_tcp_loose", 0)
    lab.server.nft(SYNPROXY % (port, port))
    if listening:
        lab.listen(port, addr=everywhere(server))
    client = CLIENT6 if ":" in server else CLIENT4
    witness = lab.peer(port, addr=client, server=server, source_port=lab.spare_port())
    with lab.counted() as moved:
        dialled = lab.dial(server, port, source=(client, witness.source_port), keep=True)
        synack, then, *_more = witness.answers()
    dialled.close()
    assert (synack.flags, synack.window) == ("SYN-ACK", 0)
    assert (then.flags, moved) == (("ACK", {}) if listening else ("RST-ACK", {"TcpOutRsts": 1}))
