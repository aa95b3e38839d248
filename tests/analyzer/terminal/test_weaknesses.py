from __future__ import annotations

import pytest

from analyzer.reports.tls import weak_tls
from analyzer.sessions.certificate_status import REFUSED
from analyzer.terminal.weaknesses import weakness_label
from dissectors.events import Weakness
from tests.support.analyses import analysis_of


@pytest.mark.parametrize(
    ("weakness", "label"),
    [
        ("old-version=TLSv1.0", "old version TLSv1.0"),
        ("broken-cipher=RC4", "broken cipher suite"),
        ("weak-cipher=3DES", "weak cipher suite"),
        ("no-forward-secrecy", "no forward secrecy"),
        ("weak-group=DH 1024", "weak DH group (1024 bits)"),
        ("weak-group=secp192r1", "weak group (192 bits)"),
        ("weak-signature=rsa_pkcs1_sha1", "weak signature rsa_pkcs1_sha1"),
        ("short-key=RSA 1024", "short RSA key of 1024 bits"),
        (
            "weak-cert-signature=md5WithRSAEncryption",
            "weak signature md5WithRSAEncryption of a certificate",
        ),
        ("cert-name-mismatch", "certificate name mismatch"),
    ],
)
def test_code_becomes_words(weakness: str, label: str) -> None:
    assert weakness_label(weakness) == label


@pytest.mark.parametrize(
    "code", [*Weakness, *(f"cert-{each}" for each in sorted(REFUSED))]
)
def test_every_code_has_words(code: str) -> None:
    assert weakness_label(f"{code}=DH 1") != f"{code}=DH 1"


@pytest.mark.parametrize("text", ["{0.__class__}", "short-key", "other=DH {1}", ""])
def test_what_is_no_code_stays_as_it_is(text: str) -> None:
    assert weakness_label(text) == text


def test_what_controls_a_terminal_is_escaped() -> None:
    assert weakness_label("old-version=\x1b[2J") == "old version \\x1b[2J"


def test_weaknesses_of_a_capture_are_words_for_people() -> None:
    codes = weak_tls(analysis_of("tls10").sessions)["weakness"]

    assert "old-version=TLSv1.0" in list(codes)
    assert "old version TLSv1.0" in [weakness_label(code) for code in codes]
