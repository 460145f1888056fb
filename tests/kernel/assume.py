"""What a test assumes of the kernel, read from its docstring:

    The assumption in one sentence.

    Kernel: functions it comes from
    Causes: ids of the catalogue that rest on it, or "all"
"""
import functools
import inspect
import os
import re
from dataclasses import dataclass

CATALOGUE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../src/engine/causes.h")


@dataclass
class Assumption:
    sentence: str
    kernel: str
    causes: tuple

    def __str__(self):
        return f"{self.sentence}\n    kernel: {self.kernel}\n    causes: {', '.join(self.causes)}"

    def broken(self):
        return (f"ASSUMPTION BROKEN: {self.sentence}\n"
                f"causes that rest on it: {', '.join(self.causes)}\n"
                f"look at: {self.kernel}")


@functools.cache
def catalogue():
    """The ids in src/engine/causes.h."""
    with open(CATALOGUE) as file:
        return set(re.findall(r'CAUSE\(\w+, "([a-z0-9-]+)"', file.read())) - {"none", "unknown"}


def assumption(function):
    """The Assumption of a test function; ValueError when its docstring does not state one."""
    text = inspect.cleandoc(function.__doc__ or "")
    found = re.fullmatch(r"(.+?)\n\nKernel: (.+?)\nCauses: (.+)", text, re.DOTALL)
    if not found:
        raise ValueError(f"{function.__name__}: the docstring does not state an assumption, Kernel: and Causes:")
    sentence, kernel, causes = (" ".join(part.split()) for part in found.groups())
    causes = tuple(causes.split(", "))
    unknown = set(causes) - catalogue() - {"all"}
    if unknown:
        raise ValueError(f"{function.__name__}: not in the catalogue: {', '.join(sorted(unknown))}")
    return Assumption(sentence, kernel, causes)
