"""BPF programs that take the SYNs of one port away, or let them pass: hand-assembled, loaded by bpf(2).

    program = syn_filter("tc", 8080, verdict="drop")
    link = attach_tcx(program, host, "eth0", egress=False)      # gone when the descriptor is closed

Needs neither clang nor libbpf nor a BPF file system.  Offsets of kernel structs, which only the netfilter
program wants, come from the running kernel's BTF.
"""
import ctypes
import functools
import os
import platform
import socket
import struct

from lab import LabError, run

SYSCALL = {"x86_64": 321, "aarch64": 280, "riscv64": 280, "ppc64le": 361, "s390x": 351}
PROG_LOAD, PROG_ATTACH, PROG_DETACH, LINK_CREATE = 5, 8, 9, 28
SO_ATTACH_FILTER, SO_ATTACH_BPF = 26, 50

# Kind -> (program type, expected attach type, {verdict: what the program returns})
KINDS = {
    "socket": (1, 0, {"drop": 0, "pass": 0xFFFF}),
    "tc": (3, 0, {"drop": 2, "pass": -1}),          # TC_ACT_SHOT, TC_ACT_UNSPEC: tcx has the same numbers
    "xdp": (6, 37, {"drop": 1, "pass": 2}),
    "cgroup-ingress": (8, 0, {"drop": 0, "pass": 1}),
    "cgroup-egress": (8, 1, {"drop": 0, "pass": 1}),
    "netfilter": (32, 45, {"drop": 0, "pass": 1}),
}
BPF_TCX_INGRESS, BPF_TCX_EGRESS, BPF_XDP, BPF_NETFILTER = 46, 47, 37, 45
XDP_MODES = {"generic": 2, "native": 4}
NF_HOOKS = {"prerouting": 0, "input": 1, "forward": 2, "output": 3, "postrouting": 4}

SKB_LOAD_BYTES_RELATIVE, PROBE_READ_KERNEL = 68, 113    # helper functions
FROM_NETWORK_HEADER = 1
NET_OFF = -0x100000         # SKF_NET_OFF, classic BPF's way to say the same
ETHERNET, WINDOW = 14, 64   # size of a header; of the stack that a packet's beginning is copied to
SYN, ACK, TCP = 0x02, 0x10, 6


def call(command, attributes):
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(attributes, max(len(attributes), 128))
    got = libc.syscall(SYSCALL[platform.machine()], command, buffer, len(buffer))
    if got < 0:
        err = ctypes.get_errno()
        raise LabError(f"bpf({command}): {os.strerror(err)}")
    return got


def load(kind, code):
    """A program's descriptor; LabError with the verifier's last word when it will not have it."""
    type_number, attach_type, _ = KINDS[kind]
    text, license_name = ctypes.create_string_buffer(code), ctypes.create_string_buffer(b"GPL")
    log = ctypes.create_string_buffer(65536)
    try:
        return call(PROG_LOAD, struct.pack(
            "=IIQQIIQII16sII", type_number, len(code) // 8, ctypes.addressof(text), ctypes.addressof(license_name),
            1, len(log), ctypes.addressof(log), 0, 0, b"lab_syn", 0, attach_type))
    except LabError as err:
        raise LabError(f"{err}\n{log.value.decode(errors='replace')[-1500:]}") from None


# Assembly.  Registers: r0 result, r1 context, r6 kept context, r7 packet, r10 frame.

def instruction(code, registers=0, offset=0, value=0):
    return struct.pack("=BBhi", code, registers, offset, value)


def from_skb(family):
    """(what comes first, a function that gives the code to load n bytes of the packet into r0)"""
    start = b"".join((
        instruction(0xB7, 0x02, value=0),                               # r2 = offset
        instruction(0xBF, 0xA3), instruction(0x07, 0x03, value=-WINDOW),    # r3 = to the stack
        instruction(0xB7, 0x04, value=headers(family)),
        instruction(0xB7, 0x05, value=FROM_NETWORK_HEADER),
        instruction(0x85, value=SKB_LOAD_BYTES_RELATIVE)))              # zeroes on failure
    return start, from_stack


def from_netfilter(family):
    start = b"".join((
        instruction(0x79, 0x16, 8),                                     # r6 = context->skb
        instruction(0x79, 0x63, member_offset("sk_buff", "head")),      # r3 = skb->head
        instruction(0x69, 0x64, member_offset("sk_buff", "network_header")),
        instruction(0x0F, 0x43),                                        # r3 += r4
        instruction(0xBF, 0xA1), instruction(0x07, 0x01, value=-WINDOW),    # r1 = to the stack
        instruction(0xB7, 0x02, value=headers(family)),
        instruction(0x85, value=PROBE_READ_KERNEL)))
    return start, from_stack


def from_xdp(family):
    need = ETHERNET + headers(family)
    start = b"".join((
        instruction(0x61, 0x17, 0),                     # r7 = context->data
        instruction(0x61, 0x13, 4),                     # r3 = context->data_end
        instruction(0xBF, 0x74), instruction(0x07, 0x04, value=need),
        instruction(0xBD, 0x34, 2),                     # if r7 + need <= r3, skip two
        instruction(0xB7, value=KINDS["xdp"][2]["pass"]), instruction(0x95)))

    def from_packet(offset, size):
        return in_order(instruction(0x69 if size == 2 else 0x71, 0x70, ETHERNET + offset), size)
    return start, from_packet


def headers(family):
    """The bytes that tell which segment it is: an IP header without options, and TCP's."""
    return (40 if family == 6 else 20) + 20


def from_stack(offset, size):
    return in_order(instruction(0x69 if size == 2 else 0x71, 0xA0, offset - WINDOW), size)


def in_order(code, size):
    return code + instruction(0xDC, value=16) if size == 2 else code    # network to host byte order


READERS = {"xdp": from_xdp, "netfilter": from_netfilter}


def syn_filter(kind, port, verdict="drop", family=4, reply=False):
    """A program that gives `verdict` for the SYNs to a port (`reply`: the SYN-ACKs from it), and lets all else pass."""
    start, load_code = READERS.get(kind, from_skb)(family)
    transport = 40 if family == 6 else 20
    tests = (       # where, size, mask, the value it must have
        (0, 1, 0xF0, family << 4),
        (6 if family == 6 else 9, 1, 0xFF, TCP),
        (transport + (0 if reply else 2), 2, 0xFFFF, port),
        (transport + 13, 1, SYN | ACK, SYN | ACK if reply else SYN))
    blocks = [load_code(offset, size) + instruction(0x57, value=mask) for offset, size, mask, _ in tests]
    returned = KINDS[kind][2]
    end = b"".join((instruction(0xB7, value=returned[verdict]), instruction(0x95),
                    instruction(0xB7, value=returned["pass"]), instruction(0x95)))
    body = b""
    for block, test in reversed(list(zip(blocks, tests))):
        after = len(body + end) // 8 - 2                # on to `pass`, over what follows
        body = block + instruction(0x55, 0, after, test[3]) + body
    return load(kind, start + body + end)


def classic_syn_filter(port, verdict="drop"):
    """The same for SO_ATTACH_FILTER on an IPv4 listener, in classic BPF: struct sock_filter[]."""
    def test(code, offset, value, mask, skipped):
        return b"".join(struct.pack("=HBBI", *one) for one in (
            (code, 0, 0, (NET_OFF + offset) & 0xFFFFFFFF), (0x54, 0, 0, mask), (0x15, 0, skipped, value)))
    returned = KINDS["socket"][2]
    return b"".join((test(0x28, 22, port, 0xFFFF, 4), test(0x30, 33, SYN, SYN | ACK, 1),
                     struct.pack("=HBBI", 0x06, 0, 0, returned[verdict]),
                     struct.pack("=HBBI", 0x06, 0, 0, returned["pass"])))


# Attaching.  What a link's descriptor keeps in place goes with it.

def attach_xdp(program, host, device, mode):
    with host:
        return call(LINK_CREATE, struct.pack("=IIII", program, socket.if_nametoindex(device), BPF_XDP, XDP_MODES[mode]))


def attach_tcx(program, host, device, egress=False):
    with host:
        return call(LINK_CREATE, struct.pack("=IIII", program, socket.if_nametoindex(device),
                                             BPF_TCX_EGRESS if egress else BPF_TCX_INGRESS, 0))


def attach_netfilter(program, host, hook, family=4, priority=-7):
    """No other hook may have the same priority (net/netfilter/core.c, nf_hook_entries_grow)."""
    protocol = socket.AF_INET6 if family == 6 else socket.AF_INET     # NFPROTO_* are the same numbers
    with host:
        return call(LINK_CREATE, struct.pack("=IIIIIIiI", program, 0, BPF_NETFILTER, 0, protocol, NF_HOOKS[hook],
                                             priority, 0))


def attach_cgroup(program, directory, egress=False):
    group = os.open(directory, os.O_RDONLY)
    try:
        return call(LINK_CREATE, struct.pack("=IIII", program, group, 1 if egress else 0, 0))
    finally:
        os.close(group)


def attach_socket(sock, program):
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_BPF, program)


def attach_classic(sock, code):
    text = ctypes.create_string_buffer(code)
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("@HP", len(code) // 8, ctypes.addressof(text)))


def index_of(host, device):
    with host:
        return socket.if_nametoindex(device)


RTM_NEWTFILTER, NETLINK_ROUTE = 44, 0
REQUEST, WANT_ACK, EXCLUSIVE, CREATE = 0x1, 0x4, 0x200, 0x400
CLSACT_INGRESS, CLSACT_EGRESS = 0xFFFFFFF2, 0xFFFFFFF3
TCA_KIND, TCA_OPTIONS, TCA_BPF_FD, TCA_BPF_NAME, TCA_BPF_FLAGS, ACT_DIRECT = 1, 2, 6, 7, 8, 1
ETH_ALL = 0x0003


def attach_clsact(program, host, device, egress=False):
    """A filter of the clsact qdisc; its undoing is a function, since no descriptor keeps it."""
    run(host.command("tc", "qdisc", "add", "dev", device, "clsact"))
    options = attribute(TCA_BPF_FD, struct.pack("=I", program)) + attribute(TCA_BPF_NAME, b"lab_syn\0") + attribute(
        TCA_BPF_FLAGS, struct.pack("=I", ACT_DIRECT))
    body = struct.pack("=BxxxiIII", 0, index_of(host, device), 0, CLSACT_EGRESS if egress else CLSACT_INGRESS,
                       1 << 16 | socket.htons(ETH_ALL))
    body += attribute(TCA_KIND, b"bpf\0") + attribute(TCA_OPTIONS, options)
    with host, socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_ROUTE) as sock:
        sock.send(struct.pack("=IHHII", 16 + len(body), RTM_NEWTFILTER, REQUEST | WANT_ACK | EXCLUSIVE | CREATE, 1, 0)
                  + body)
        failed = struct.unpack("=i", sock.recv(4096)[16:20])[0]
    if failed:
        raise LabError(f"tc filter: {os.strerror(-failed)}")
    return lambda: run(host.command("tc", "qdisc", "del", "dev", device, "clsact"))


def attribute(kind, data):
    return struct.pack("=HH", 4 + len(data), kind) + data + b"\0" * (-len(data) % 4)


# The kernel's types (BTF: Documentation/bpf/btf.rst)

BTF_HEADER, BTF_TYPE, BTF_MEMBER = struct.Struct("=HBBIIIII"), struct.Struct("=III"), struct.Struct("=III")
BTF_STRUCT, BTF_UNION = 4, 5
BTF_MORE = {1: 4, 3: 12, 14: 4, 17: 4}                                  # kind -> bytes after the type
BTF_MORE_EACH = {BTF_STRUCT: 12, BTF_UNION: 12, 6: 8, 13: 8, 15: 12, 19: 12}    # kind -> bytes for each of vlen


@functools.cache
def types():
    """(types that a struct's members may be found in, their names' section)"""
    with open("/sys/kernel/btf/vmlinux", "rb") as file:
        data = file.read()
    _, _, _, size, type_off, type_len, name_off, _ = BTF_HEADER.unpack_from(data)
    found, at, end, number = {}, size + type_off, size + type_off + type_len, 0
    while at < end:
        number += 1
        name, info, _ = BTF_TYPE.unpack_from(data, at)
        kind, many = info >> 24 & 0x1F, info & 0xFFFF
        if kind in (BTF_STRUCT, BTF_UNION):
            found[number] = name, info >> 31, at + BTF_TYPE.size, many
        at += BTF_TYPE.size + BTF_MORE.get(kind, 0) + BTF_MORE_EACH.get(kind, 0) * many
    return data, found, size + name_off


@functools.cache
def member_offset(struct_name, member):
    """Of a member in bytes, also when it is within unnamed unions and structs."""
    data, found, names = types()

    def text(at):
        return data[names + at:data.index(b"\0", names + at)].decode()

    def search(number):
        _, has_bits, at, many = found[number]
        for n in range(many):
            name, kind, offset = BTF_MEMBER.unpack_from(data, at + n * BTF_MEMBER.size)
            offset = (offset & 0xFFFFFF if has_bits else offset) // 8
            if name and text(name) == member:
                return offset
            if not name and kind in found and (inner := search(kind)) is not None:
                return offset + inner
        return None

    for number, (name, _, _, _) in found.items():
        if text(name) == struct_name and (offset := search(number)) is not None:
            return offset
    raise LabError(f"no {struct_name}.{member} in this kernel's BTF")
