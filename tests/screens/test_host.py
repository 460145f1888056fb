"""The Host view on machines that lack something: it says what is off, why, and what goes without it."""
import shlex
import subprocess

import pytest
from screen import PROGRAM, Terminal

# In a chroot the root is no mount point, whose propagation unshare(1) could change: /sys is.
ALONE = "mount --make-rprivate /sys &&"

# A name, how the program is started, which source is off, and a word of the reason.
LACKING = {
    "a container without /sys": (f"unshare -m --propagation unchanged sh -c '{ALONE} mount -t tmpfs none /sys; exec {{}}'",
                                 "kernel", "no BTF"),
    "a machine without BTF": (f"unshare -m --propagation unchanged sh -c '{ALONE} mount -t tmpfs none /sys/kernel; exec {{}}'",
                              "kernel", "no BTF"),
    "without CAP_NET_ADMIN": ("setpriv --bounding-set=-net_admin --inh-caps=-net_admin {}", "firewall", "CAP_NET_ADMIN"),
    "without CAP_NET_RAW": ("setpriv --bounding-set=-net_raw --inh-caps=-net_raw {}", "packets", "not permitted"),
    "an ordinary user": ("setpriv --reuid=1000 --regid=1000 --clear-groups {}", "kernel", "CAP_BPF"),
    "--no-kernel": ("{} --no-kernel", "kernel", "--no-kernel"),
    "one namespace only": ("{}", "namespaces", "--netns"),
}


# What a kernel without nfnetlink says to who wants to talk to it.
NO_NFNETLINK = """
#define _GNU_SOURCE
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>
int socket(int domain, int type, int protocol)
{
	if (domain == 16 && protocol == 12) {
		errno = EPROTONOSUPPORT;
		return -1;
	}
	return syscall(SYS_socket, domain, type, protocol);
}
"""


def test_a_kernel_without_nftables(tmp_path):
    shim = tmp_path / "shim.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", str(shim)], input=NO_NFNETLINK, text=True, check=True)
    with Terminal(width=132, height=40, env={"LD_PRELOAD": str(shim)}) as terminal:
        terminal.wait_for("WHY")
        terminal.press("4")
        terminal.wait_for(lambda t: any(line.split()[:2] == ["firewall", "off"] and "no nftables" in line for line in t.lines))
        terminal.press("q")


@pytest.mark.parametrize("name", LACKING)
def test_what_is_missing(name):
    command, source, why = LACKING[name]
    with Terminal("-c", command.format(shlex.quote(PROGRAM)), program="/bin/sh", width=132, height=40) as terminal:
        terminal.wait_for("WHY")
        terminal.press("4")
        terminal.wait_for("Sources")
        terminal.wait_for(lambda t: "being loaded" not in t.text)
        at = next(i for i, line in enumerate(terminal.lines) if line.split()[:2] == [source, "off"])
        assert why.lower() in " ".join(terminal.lines[at:at + 2]).lower(), terminal.text
        assert "without it:" in " ".join(terminal.lines[at:at + 4]), terminal.text
        terminal.press("q")


def test_nothing_is_missing():
    with Terminal("--netns", width=132, height=40) as terminal:
        terminal.wait_for("WHY")
        terminal.press("4")
        terminal.wait_for("Sources")
        for source in ("sockets", "packets", "kernel", "firewall", "namespaces"):
            terminal.wait_for(lambda t, wanted=[source, "on"]: any(line.split()[:2] == wanted for line in t.lines))
        terminal.press("q")
