"""TLS protocol versions."""

from __future__ import annotations

import pytest

from dissectors.tls.registries.versions import DEPRECATED, is_tls_1_3, version_name


@pytest.mark.parametrize(
    ("version", "name"),
    [
        (0x0002, "SSLv2"),
        (0x0300, "SSLv3"),
        (0x0301, "TLSv1.0"),
        (0x0302, "TLSv1.1"),
        (0x0303, "TLSv1.2"),
        (0x0304, "TLSv1.3"),
        (0x7F1C, "TLSv1.3"),
        (0x0305, "0x0305"),
    ],
)
def test_version_is_named(version: int, name: str) -> None:
    assert version_name(version) == name


def test_drafts_count_as_tls_1_3() -> None:
    assert is_tls_1_3(0x7F17)
    assert not is_tls_1_3(0x0303)


def test_versions_before_tls_1_2_are_deprecated() -> None:
    assert sorted(DEPRECATED) == ["SSLv2", "SSLv3", "TLSv1.0", "TLSv1.1"]
