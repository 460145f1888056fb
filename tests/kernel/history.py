"""Which kernel runs, and what came to Linux with which version.

    if new("bound sockets can be dumped"): ...      # what holds from Linux 6.8 on, and what held before

What a kernel lacks is asserted as well as what it has: a name of these tables must be there from its version on, and
must not be there before. So a new kernel, or one with changes from a later one, says which line is no longer true.
"""
import os

import pytest

from lab import KERNEL

RELEASE = os.uname().release


def since(*version):
    """Whether the running kernel is this one (major, minor) or a later one."""
    return KERNEL >= version


def is_there(table, name):
    """Whether the running kernel is to have a name; None where nobody has looked."""
    *absent, first = table.get(name, [(0, 0)])
    if since(*first):
        return True
    return None if absent and KERNEL > absent[0] else False


# [the first version that has it], or [the last that was seen without it, the first that was seen with it]; what is in no
# table, 5.10 has already.
COUNTERS_SINCE = {
    "TcpExtPAWSTimewait": [(6, 12), (6, 18)],
}

SETTINGS_SINCE = {}

# Of functions that hang at tracepoints: what they are given besides the packet and the place, the socket and the packet.
ARGUMENTS_SINCE = {
    "kfree_skb reason": [(5, 17)],
    "kfree_skb rx_sk": [(6, 11)],
    "tcp_send_reset reason": [(6, 10)],
}

REASONS_SINCE = {
    **dict.fromkeys(["NO_SOCKET", "SOCKET_FILTER", "TCP_CSUM"], [(5, 17)]),
    **dict.fromkeys("""
        NETFILTER_DROP BPF_CGROUP_EGRESS TC_INGRESS TC_EGRESS XDP IP_RPFILTER IP_INADDRERRORS OTHERHOST NEIGH_FAILED
        NEIGH_CREATEFAIL NEIGH_DEAD NEIGH_QUEUEFULL QDISC_DROP XFRM_POLICY TCP_FLAGS IPV6DISABLED IP_CSUM TCP_MD5NOTFOUND
        TCP_MD5UNEXPECTED TCP_MD5FAILURE IP_INHDR IP_INNOROUTES TCP_INVALID_SYN TCP_RFC7323_PAWS
    """.split(), [(5, 10), (6, 1)]),
    **dict.fromkeys("""
        SECURITY_HOOK TCP_STATE TCP_ABORT_ON_CLOSE TCP_ABORT_ON_DATA TCP_ABORT_ON_LINGER TCP_KEEPALIVE_TIMEOUT INVALID_SYN
        TCP_MINTTL
    """.split(), [(6, 1), (6, 12)]),
    **dict.fromkeys("""
        IP_LOCAL_SOURCE IP_LOCALNET IP_INVALID_SOURCE TCP_LISTEN_OVERFLOW TCP_RFC7323_TW_PAWS
    """.split(), [(6, 12), (6, 18)]),
}

BEHAVIOUR_SINCE = {
    "bound sockets can be dumped": [(6, 8)],
    "RTM_GETROUTE says EINVAL of rp_filter": [(6, 12), (6, 18)],
    "only an exact RST ends SYN_RECV": [(6, 1), (6, 12)],
    "a zero window's timeout is told by probes": [(6, 1), (6, 12)],
    "the SYN queue takes one more than the backlog": [(5, 10), (6, 1)],
}


def new(name):
    """Whether the running kernel behaves in this way of BEHAVIOUR_SINCE; the test is skipped where nobody has looked."""
    assert name in BEHAVIOUR_SINCE
    known = is_there(BEHAVIOUR_SINCE, name)
    if known is None:
        (last, first) = (".".join(map(str, version)) for version in BEHAVIOUR_SINCE[name])
        pytest.skip(f"not known of Linux {RELEASE}: \"{name}\" is not so on {last} and is so on {first}")
    return known
