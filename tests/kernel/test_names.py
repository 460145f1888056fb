"""Names that tcpwhy asks the kernel for: counters, reasons, tracepoints' arguments. They come with one version or another."""
import os
import re

import pytest

from btf import Btf
from ground import COUNTERS
from history import ARGUMENTS_SINCE, COUNTERS_SINCE, REASONS_SINCE, is_there
from lab import REPO, Namespace

SOURCES = os.path.join(REPO, "src")


def counters_read():
    """Those that src/fact.c names, but conntrack's, which are no counters of IP."""
    with open(os.path.join(SOURCES, "fact.c")) as file:
        return re.findall(r'\[COUNTER_\w+\] = "((?:Tcp|Ip)\w+)"', file.read())


def reasons_read():
    with open(os.path.join(SOURCES, "fact.h")) as file:
        listed = re.search(r"#define REASONS\(X\)(.*?)\n\n", file.read(), re.DOTALL)[1]
    return [name for name in re.findall(r"X\((\w+)\)", listed) if name != "OTHER"]


@pytest.fixture(scope="module")
def counters_here():
    made = Namespace(f"twlab-{os.getpid()}-names-s")
    try:
        return made.counters()
    finally:
        made.delete()


@pytest.fixture(scope="module")
def types():
    return Btf()


def as_known(table, name, there):
    """Whether a name is there, as the table says of this kernel."""
    wanted = is_there(table, name)
    return wanted is None or there == wanted


@pytest.mark.parametrize("name", sorted({*COUNTERS, *counters_read()}))
def test_counter(counters_here, name):
    """A counter has its name, from the version on that COUNTERS_SINCE says (all kernels since 5.10 where it does not).

    Kernel: snmp4_net_list, snmp4_tcp_list, snmp6_ipstats_list (net/ipv4/proc.c, net/ipv6/proc.c)
    Causes: all
    """
    assert as_known(COUNTERS_SINCE, name, name in counters_here)


@pytest.mark.parametrize("name", reasons_read())
def test_reason(types, name):
    """A reason for drops or resets has its name, from the version on that REASONS_SINCE says.

    Kernel: enum skb_drop_reason, enum sk_rst_reason (include/net/dropreason-core.h, include/net/rstreason.h)
    Causes: all
    """
    there = {key.removeprefix(prefix) for prefix, kind in (("SKB_DROP_REASON_", "skb_drop_reason"),
                                                           ("SK_RST_REASON_", "sk_rst_reason"))
             for key in types.enum(kind) or ()}
    assert as_known(REASONS_SINCE, name, name in there)


@pytest.mark.parametrize("tracepoint, before", [("kfree_skb", 2), ("tcp_send_reset", 2)])
def test_arguments(types, tracepoint, before):
    """skb:kfree_skb says the reason since 5.17 and the receiving socket since 6.11, tcp:tcp_send_reset the reason since
    6.10, each as a further argument.

    Kernel: include/trace/events/skb.h, include/trace/events/tcp.h
    Causes: all
    """
    more = sum(is_there(ARGUMENTS_SINCE, name) for name in ARGUMENTS_SINCE if name.split()[0] == tracepoint)
    assert types.arguments(f"btf_trace_{tracepoint}") == before + more
