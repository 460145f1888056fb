"""Names that tcpwhy asks the kernel for: counters, settings, reasons, tracepoints' arguments. They come with a version."""
import os
import re

import pytest

from btf import PATH, Btf
from ground import COUNTERS
from history import ARGUMENTS_SINCE, COUNTERS_SINCE, REASONS_SINCE, SETTINGS_SINCE, is_there
from lab import REPO, LabError, Namespace

SOURCES = os.path.join(REPO, "src")


def counters_read():
    """Those that src/fact.c names, but conntrack's, which are no counters of IP."""
    with open(os.path.join(SOURCES, "fact.c")) as file:
        return re.findall(r'\[COUNTER_\w+\] = "((?:Tcp|Ip)\w+)"', file.read())


def reasons_read():
    with open(os.path.join(SOURCES, "fact.h")) as file:
        listed = re.search(r"#define REASONS\(X\)(.*?)\n\n", file.read(), re.DOTALL)[1]
    return [name for name in re.findall(r"X\((\w+)\)", listed) if name != "OTHER"]


def settings_read():
    """Those that the Host view shows."""
    with open(os.path.join(SOURCES, "collect/inventory.c")) as file:
        return re.findall(r'\{"(net\.[\w.]+)", "', file.read())


@pytest.fixture(scope="module")
def host():
    made = Namespace(f"twlab-{os.getpid()}-names-s")
    yield made
    made.delete()


@pytest.fixture(scope="module")
def types():
    if not os.path.exists(PATH):
        pytest.skip(f"nothing to ask: this kernel has no {PATH} (CONFIG_DEBUG_INFO_BTF), so tcpwhy has no reasons of it")
    return Btf()


def as_known(table, name, there):
    """Whether a name is there, as the table says of this kernel."""
    wanted = is_there(table, name)
    return wanted is None or there == wanted


@pytest.mark.parametrize("name", sorted({*COUNTERS, *counters_read()}))
def test_counter(host, name):
    """A counter has its name, from the version on that COUNTERS_SINCE says (all kernels since 5.10 where it does not).

    Kernel: snmp4_net_list, snmp4_tcp_list, snmp6_ipstats_list (net/ipv4/proc.c, net/ipv6/proc.c)
    Causes: all
    """
    assert as_known(COUNTERS_SINCE, name, name in host.counters())


@pytest.mark.parametrize("name", settings_read())
def test_setting(host, name):
    """A setting has its name, from the version on that SETTINGS_SINCE says; that of conntrack once it is loaded.

    Kernel: ipv4_net_table, ipv6_table_template, nf_ct_sysctl_table (sysctl)
    Causes: all
    """
    try:
        there = host.sysctl(name) != ""
    except LabError:
        there = False
    assert as_known(SETTINGS_SINCE, name, there)


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
