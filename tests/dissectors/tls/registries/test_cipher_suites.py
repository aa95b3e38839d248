from __future__ import annotations

import pytest

from dissectors.tls.registries.cipher_suite_names import CIPHER_SUITES
from dissectors.tls.registries.cipher_suites import (
    CipherSuite,
    cipher_suite,
    cipher_suite_name,
)


@pytest.mark.parametrize(
    ("number", "parts", "forward_secret", "weakness"),
    [
        (0x1302, ("", "AES_256_GCM", "SHA384"), None, None),
        (0x1305, ("", "AES_128_CCM_8", "SHA256"), None, None),
        (0xC0B4, ("", "SHA256", "SHA256"), None, "broken-cipher=NULL"),
        (0xC02F, ("ECDHE_RSA", "AES_128_GCM", "SHA256"), True, None),
        (0xC0AE, ("ECDHE_ECDSA", "AES_128_CCM_8", ""), True, None),
        (0xCCA8, ("ECDHE_RSA", "CHACHA20_POLY1305", "SHA256"), True, None),
        (0x009C, ("RSA", "AES_128_GCM", "SHA256"), False, None),
        (0xC031, ("ECDH_RSA", "AES_128_GCM", "SHA256"), False, None),
        (0x000A, ("RSA", "3DES_EDE_CBC", "SHA"), False, "weak-cipher=3DES"),
        (0x0016, ("DHE_RSA", "3DES_EDE_CBC", "SHA"), True, "weak-cipher=3DES"),
        (0x0005, ("RSA", "RC4_128", "SHA"), False, "broken-cipher=RC4"),
        (0x0009, ("RSA", "DES_CBC", "SHA"), False, "broken-cipher=DES"),
        (0x0003, ("RSA_EXPORT", "RC4_40", "MD5"), False, "broken-cipher=EXPORT"),
        (0x0034, ("DH_anon", "AES_128_CBC", "SHA"), True, "broken-cipher=anon"),
        (0x003B, ("RSA", "NULL", "SHA256"), False, "broken-cipher=NULL"),
    ],
)
def test_name_tells_the_parts(
    number: int,
    parts: tuple[str, str, str],
    forward_secret: bool | None,
    weakness: str | None,
) -> None:
    suite = cipher_suite(number)
    assert (suite.key_exchange, suite.cipher, suite.hash) == parts
    assert suite.forward_secret is forward_secret
    assert suite.weakness == weakness


def test_unknown_suite_tells_nothing() -> None:
    assert cipher_suite(0xABCD) == CipherSuite("0xABCD")
    assert cipher_suite(0x00FF) == CipherSuite("TLS_EMPTY_RENEGOTIATION_INFO_SCSV")
    assert not cipher_suite(0xABCD).is_tls_1_3


@pytest.mark.parametrize("number", CIPHER_SUITES)
def test_every_registered_suite_has_a_cipher(number: int) -> None:
    suite = cipher_suite(number)
    assert bool(suite.cipher) is ("SCSV" not in suite.name)


def test_unknown_suite_keeps_its_number() -> None:
    assert cipher_suite_name(0x0A0A) == "0x0A0A"
    assert cipher_suite_name(0x99) == "TLS_DHE_DSS_WITH_SEED_CBC_SHA"
    assert cipher_suite_name(0xFE) == "0x00FE"
