"""Any keys, at any sizes, in any order: the program neither dies nor leaves a half-drawn screen."""
import os
import random

import pytest
from screen import Terminal
from test_keys import BYTES
from test_screens import RECORDING

NAMED = [*BYTES.values(), "\x02", "\x06", "\x0c", "\x7f", "\x15"]
LETTERS = [chr(c) for c in range(32, 127) if chr(c) not in "q"]
TEXTS = ["port:80 ", "peer:10.0.0.0/8", "cause:loop", "!x", "\xe4\xf6", "\u4e2d\u6587", "\r", "/", "f", "5432"]
SIZES = [(80, 24), (1, 1), (20, 5), (40, 10), (41, 11), (132, 43), (500, 200), (79, 24), (200, 12)]
QUIT = {"\x1b[21~", "q", "\x03", "\x1a"}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("args", [["-r", RECORDING], ["--demo"]], ids=["recording", "demo"])
def test_monkey(args, seed, tmp_path):
    choose = random.Random(seed)
    script = f"cd {tmp_path} && exec \"$0\" \"$@\""
    with Terminal("-c", script, os.path.abspath(Terminal.program()), *args, "-o", "mouse=yes", program="/bin/sh",
                  env={"XDG_CONFIG_HOME": str(tmp_path)}) as terminal:
        terminal.wait_for("WHY")
        for _ in range(400):
            kind = choose.random()
            if kind < 0.02:
                terminal.resize(*choose.choice(SIZES))
            elif kind < 0.04:
                x, y, button = choose.randrange(80), choose.randrange(24), choose.choice([0, 0, 64, 65])
                os.write(terminal.fd, f"\x1b[<{button};{x};{y}M\x1b[<{button};{x};{y}m".encode())
            else:
                key = choose.choice(NAMED if kind < 0.5 else LETTERS if kind < 0.9 else TEXTS)
                if key not in QUIT:
                    os.write(terminal.fd, key.encode())
            terminal.read(0.005)
        terminal.resize(80, 24)
        terminal.press("esc", "esc", "esc", "1")
        terminal.wait_for("LISTENS ON", 10)
        terminal.press("q")
        assert os.waitstatus_to_exitcode(terminal.wait(15)) == 0, terminal.text
