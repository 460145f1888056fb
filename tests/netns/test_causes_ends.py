"""Full queues and connections' ends: each happens for real, and is named, proved and explained."""
import pytest

from expect import ENDS
from test_causes import here, run_case


@pytest.mark.parametrize("case", here(ENDS))
def test_cause(lab, watch, port, case):
    run_case(lab, watch, port, case)
