"""What hellos and the server's key exchange tell."""

from __future__ import annotations

import pytest

from dissectors.events import EarlyData, TlsHandshakeSeen
from dissectors.limits import DEFAULT_LIMITS
from dissectors.tls.handshake import facts
from dissectors.tls.handshake.hello import (
    ServerHello,
    read_client_hello,
    read_server_hello,
)
from dissectors.tls.handshake.structs import MalformedStructError
from tests.support.tls.wire import (
    client_hello_body,
    server_hello_body,
    supported_versions,
    uint16s,
    vector,
)

X25519MLKEM768 = 4588


def test_offer_is_named_without_grease() -> None:
    offer = read_client_hello(
        client_hello_body(
            suites=(0x0A0A, 0x1301, 0xC02F),
            extensions=[
                supported_versions(0x2A2A, 0x0304, 0x0303),
                (10, vector(2, uint16s(0x3A3A, X25519MLKEM768, 29))),
                (13, vector(2, uint16s(0x0403))),
                (16, vector(2, vector(1, b"imap") + vector(1, b"\xff"))),
                (42, b""),
                (0xFE0D, b"x"),
            ],
        )
    )
    seen = TlsHandshakeSeen()
    facts.note_client_hello(seen, offer, DEFAULT_LIMITS)
    assert seen.offer.versions == ("TLSv1.3", "TLSv1.2")
    assert seen.offer.ciphers[0] == "TLS_AES_128_GCM_SHA256"
    assert len(seen.offer.ciphers) == 2
    assert seen.offer.groups == ("X25519MLKEM768", "x25519")
    assert seen.offer.signatures == ("ecdsa_secp256r1_sha256",)
    assert seen.offer.alpn == ("imap", "\\xff")
    assert seen.offer.grease
    assert seen.offer.ech
    assert seen.early_data is EarlyData.OFFERED


def test_choice_of_tls_1_3_names_its_group() -> None:
    share = uint16s(X25519MLKEM768) + vector(2, b"key")
    body = server_hello_body(suite=0x1302, extensions=[(43, b"\3\4"), (51, share)])
    seen = TlsHandshakeSeen()
    facts.note_server_hello(seen, read_server_hello(body))
    assert (seen.key_exchange.group, seen.key_exchange.post_quantum) == (
        "X25519MLKEM768",
        True,
    )
    assert seen.key_exchange.forward_secret
    assert seen.choice.weaknesses == seen.key_exchange.weaknesses == ()


def test_old_secret_alone_is_not_forward_secret() -> None:
    """RFC 8446 §4.2.9: psk_ke."""
    body = server_hello_body(suite=0x1302, extensions=[(43, b"\3\4"), (41, b"\0\0")])
    seen = TlsHandshakeSeen()
    facts.note_server_hello(seen, read_server_hello(body))
    assert seen.key_exchange.forward_secret is False
    assert seen.key_exchange.weaknesses == ("no-forward-secrecy",)


def test_weak_choices_are_named() -> None:
    seen = TlsHandshakeSeen()
    facts.note_server_hello(seen, read_server_hello(server_hello_body(0x0301, 0x0005)))
    assert seen.choice.weaknesses == ("old-version=TLSv1.0", "broken-cipher=RC4")
    assert seen.key_exchange.weaknesses == ("no-forward-secrecy",)


@pytest.mark.parametrize(
    ("suite", "parameters", "group"),
    [
        (0xC02F, b"\3" + uint16s(23) + vector(1, bytes(65)), "secp256r1"),
        (0x009E, vector(2, b"\xff" * 256) + vector(2, b"\2") * 2, "DH 2048"),
        (0x00AA, vector(2, b"hint") + vector(2, b"\x7f") + vector(2, b"") * 2, "DH 7"),
    ],
)
def test_key_exchange_names_group_and_signature(
    suite: int, parameters: bytes, group: str
) -> None:
    seen = TlsHandshakeSeen()
    body = parameters + uint16s(0x0201) + vector(2, b"signature")
    facts.note_server_key_exchange(seen, body, ServerHello(0x0303, suite))
    assert (seen.key_exchange.group, seen.key_exchange.signature) == (
        group,
        "rsa_pkcs1_sha1",
    )
    assert "weak-signature=rsa_pkcs1_sha1" in seen.key_exchange.weaknesses
    assert ("weak-group=DH 7" in seen.key_exchange.weaknesses) is (group == "DH 7")


def test_key_exchange_that_is_too_short() -> None:
    with pytest.raises(MalformedStructError):
        facts.note_server_key_exchange(
            TlsHandshakeSeen(), b"\3", ServerHello(0x0303, 0xC02F)
        )
