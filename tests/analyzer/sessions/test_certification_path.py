"""Chains with every kind of fault, as OpenSSL judges them."""

from __future__ import annotations

import pytest

from tests.support.chains.compare import RULES, compare
from tests.support.chains.faults import FAULTS

_TOGETHER = 100


@pytest.mark.parametrize("number", range(2 * len(FAULTS) + _TOGETHER))
def test_openssl_judges_chain_alike(number: int) -> None:
    found = compare(number)
    assert found.agrees or found.rule in RULES, found
