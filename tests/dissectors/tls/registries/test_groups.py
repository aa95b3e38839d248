from __future__ import annotations

import pytest

from dissectors.tls.registries.groups import GROUPS, group_name, is_post_quantum


def test_names_are_unique_and_unknown_numbers_are_written() -> None:
    assert len(set(GROUPS.values())) == len(GROUPS)
    assert group_name(29) == "x25519"
    assert group_name(0xABCD) == "0xABCD"


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
