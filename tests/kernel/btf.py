"""The kernel's own description of its types, from /sys/kernel/btf/vmlinux: enumerations and functions by name.

    btf = Btf()
    btf.enum("skb_drop_reason")             # {"SKB_DROP_REASON_NO_SOCKET": 3, ...}, or None
    btf.arguments("btf_trace_kfree_skb")    # how many, or None

Layout: <linux/btf.h>. ENUM64 and later kinds are stepped over.
"""
import struct

PATH = "/sys/kernel/btf/vmlinux"
INT, PTR, ARRAY, STRUCT, UNION, ENUM, TYPEDEF = 1, 2, 3, 4, 5, 6, 8
FUNC_PROTO, VAR, DATASEC, DECL_TAG, ENUM64 = 13, 14, 15, 17, 19
EXTRA = {INT: 4, ARRAY: 12, VAR: 4, DECL_TAG: 4}                                    # bytes behind a type
EACH = {STRUCT: 12, UNION: 12, ENUM: 8, FUNC_PROTO: 8, DATASEC: 12, ENUM64: 12}     # and for each member


class Btf:
    def __init__(self, path=PATH):
        with open(path, "rb") as file:
            data = file.read()
        magic, _version, _flags, size, types, length, strings, _ = struct.unpack_from("<HBBIIIII", data)
        assert magic == 0xEB9F, f"{path} is no BTF"
        self.data, self.strings = data, size + strings
        self.types = [(0, 0, 0, 0, 0)]      # (kind, members, name, type, where the members are), by number
        at, end = size + types, size + types + length
        while at < end:
            name, info, target = struct.unpack_from("<III", data, at)
            kind, count = info >> 24 & 31, info & 0xFFFF
            self.types.append((kind, count, name, target, at + 12))
            at += 12 + EXTRA.get(kind, 0) + EACH.get(kind, 0) * count

    def text(self, offset):
        start = self.strings + offset
        return self.data[start:self.data.index(b"\0", start)].decode()

    def find(self, kind, name):
        wanted = name.encode() + b"\0"
        for entry in self.types:
            start = self.strings + entry[2]
            if entry[0] == kind and self.data[start:start + len(wanted)] == wanted:
                return entry
        return None

    def enum(self, name):
        """{name: value} of an enumeration."""
        found = self.find(ENUM, name)
        if not found:
            return None
        _kind, count, _name, _type, at = found
        return {self.text(offset): value for offset, value in struct.iter_unpack("<Ii", self.data[at:at + 8 * count])}

    def arguments(self, typedef):
        """Of a tracepoint's function, without the tracer's own first one."""
        found = self.find(TYPEDEF, typedef)
        if not found:
            return None
        pointer = self.types[found[3]]
        assert pointer[0] == PTR, f"{typedef} is no pointer"
        prototype = self.types[pointer[3]]
        assert prototype[0] == FUNC_PROTO, f"{typedef} points to no function"
        return prototype[1] - 1
