from __future__ import annotations

import pytest

from dissectors.tls.registries.groups import (
    GROUPS,
    SIGNATURE_SCHEMES,
    group_name,
    is_post_quantum,
    signature_scheme_name,
)


def test_names_are_unique_and_unknown_numbers_are_written() -> None:
    for names in (GROUPS, SIGNATURE_SCHEMES):
        assert len(set(names.values())) == len(names)
    assert group_name(29) == "x25519"
    assert group_name(0xABCD) == "0xABCD"
    assert signature_scheme_name(0x0804) == "rsa_pss_rsae_sha256"
    assert signature_scheme_name(0xABCD) == "0xABCD"


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (4588, True),
        (4587, True),
        (0x6399, True),
        (512, True),
        (29, False),
        (256, False),
    ],
)
def test_post_quantum_groups(number: int, *, expected: bool) -> None:
    assert is_post_quantum(group_name(number)) is expected
