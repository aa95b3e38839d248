"""The registry of cipher suites."""

from __future__ import annotations

import pytest

from dissectors.tls.registries.cipher_suite_names import CIPHER_SUITES


@pytest.mark.parametrize(
    ("code_point", "name"),
    [
        (0x0000, "TLS_NULL_WITH_NULL_NULL"),
        (0x002F, "TLS_RSA_WITH_AES_128_CBC_SHA"),
        (0x00FF, "TLS_EMPTY_RENEGOTIATION_INFO_SCSV"),
        (0x1301, "TLS_AES_128_GCM_SHA256"),
        (0x5600, "TLS_FALLBACK_SCSV"),
        (0xC02F, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
        (0xCCA8, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"),
        (0xC103, "TLS_GOSTR341112_256_WITH_KUZNYECHIK_MGM_L"),
    ],
)
def test_suite_is_named_as_registered(code_point: int, name: str) -> None:
    assert CIPHER_SUITES[code_point] == name


def test_names_are_unique() -> None:
    assert len(set(CIPHER_SUITES.values())) == len(CIPHER_SUITES)
    assert list(CIPHER_SUITES) == sorted(CIPHER_SUITES)
