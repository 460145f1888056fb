#!/usr/bin/env python3
"""Every header compiles alone: headers.py ROOT COMPILER [ARGUMENT...]"""

import pathlib
import subprocess
import sys

ROOT = pathlib.Path(sys.argv[1])
COMPILER = sys.argv[2:]
FLAGS = ["-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only",
         f"-I{ROOT / 'src'}", f"-I{ROOT}", "-x", "c", "-"]


def main():
    headers = sorted(path for folder in ("src", "ui") for path in (ROOT / folder).rglob("*.h"))
    failed = 0
    print(f"1..{len(headers)}")
    for number, header in enumerate(headers, 1):
        name = header.relative_to(ROOT)
        # twice: it guards itself too; by its full name, so that none is taken for the other
        text = f'#include "{header}"\n#include "{header}"\nextern int not_empty;\n'
        run = subprocess.run(COMPILER + FLAGS, input=text, text=True, capture_output=True, check=False)
        print(f"{'ok' if run.returncode == 0 else 'not ok'} {number} - {name}")
        if run.returncode != 0:
            failed += 1
            sys.stderr.write(run.stderr)
    return 1 if failed or not headers else 0


if __name__ == "__main__":
    sys.exit(main())
