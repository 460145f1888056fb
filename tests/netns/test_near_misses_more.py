"""What looks like a cause and is another one, or none: a wrong name is worse than an honest `possible`."""
import pytest

import scenarios_ends
import scenarios_net
from expect import MATRIX

NEAR_MISSES = scenarios_ends.NEAR_MISSES | scenarios_net.NEAR_MISSES


def concerns(line, result):
    """Whether a line is about the peer in question: of a bystander the cause may be true."""
    if name_of(result) == (line["peer"], line["addr"], line["port"]):
        return True
    return line["port"] == result["port"] and "/" in line["peer"]


def name_of(result):
    return result["peer"], result["addr"], result["port"]


@pytest.mark.parametrize("name", NEAR_MISSES)
def test_near_miss(lab, watch, port, name):
    scenario, forbidden = NEAR_MISSES[name]
    before = len(watch.lines)
    result = scenario(lab, port)
    try:
        watch.wait_ticks(3)
        for line in watch.lines[before:]:
            if line["type"] not in ("attempt", "reset") or line["cause"] not in forbidden or not concerns(line, result):
                continue
            assert line["confidence"] == "possible", f"{line['cause']} of {name}: {line}"
            MATRIX.add(f"({name})", line)
    finally:
        result["stop"]()
