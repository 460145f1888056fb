"""What the kernel's own reasons and the firewall's rules prove: each happens for real, and is named, proved and explained."""
import pytest

from expect import KERNEL, NAT
from test_causes import here, run_case


@pytest.mark.parametrize("case", here(KERNEL))
def test_cause(lab, watch, port, case):
    run_case(lab, watch, port, case)


@pytest.mark.parametrize("case", here(NAT))
def test_published(lab, watch, port, case):
    run_case(lab, watch, port, case)
