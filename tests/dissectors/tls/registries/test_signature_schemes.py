from __future__ import annotations

from dissectors.tls.registries.signature_schemes import (
    SIGNATURE_SCHEMES,
    signature_scheme_name,
)


def test_names_are_unique_and_unknown_numbers_are_written() -> None:
    assert len(set(SIGNATURE_SCHEMES.values())) == len(SIGNATURE_SCHEMES)
    assert signature_scheme_name(0x0804) == "rsa_pss_rsae_sha256"
    assert signature_scheme_name(0xABCD) == "0xABCD"
