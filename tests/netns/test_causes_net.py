"""Addresses, routes, the link, TCP itself and the peer: each happens for real, and is named, proved and explained."""
import pytest

from expect import NET
from test_causes import as_client, here, run_case


@pytest.mark.parametrize("case", here(NET))
def test_cause(lab, watch, port, case):
    run_case(lab, watch, port, case)


@pytest.mark.parametrize("case", as_client(NET))
def test_cause_as_client(lab, watch, port, case):
    run_case(lab, watch, port, case)
