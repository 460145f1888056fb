#!/usr/bin/env python3
"""embed.py INPUT OUTPUT NAME - writes a C file with INPUT's bytes as `const char NAME[]` and NAME_size."""
import sys

source, target, name = sys.argv[1:4]
with open(source, "rb") as f:
    data = f.read()
with open(target, "w", encoding="ascii") as f:
    f.write("#include <stddef.h>\n\n")
    f.write(f"extern const char {name}[];\nextern const size_t {name}_size;\n\n")
    f.write(f"const char {name}[] = {{\n")
    for i in range(0, len(data), 24):
        f.write("".join(f"{b if b < 128 else b - 256}," for b in data[i:i + 24]) + "\n")
    f.write(f"0}};\nconst size_t {name}_size = {len(data)};\n")
