"""Mailbox names."""

from __future__ import annotations

import pytest

from dissectors.imap.mailbox import decode_mailbox


@pytest.mark.parametrize(
    ("name", "decoded"),
    [
        (b"INBOX", "INBOX"),
        # RFC 3501 §5.1.3
        (b"~peter/mail/&U,BTFw-/&ZeVnLIqe-", "~peter/mail/台北/日本語"),
        (b"Entw&APw-rfe", "Entwürfe"),
        (b"Tom &- Jerry", "Tom & Jerry"),
        # a surrogate pair
        (b"&2D3cjA-", "\U0001f48c"),
        # RFC 9051 §5.1: UTF-8
        ("Entwürfe & mehr".encode(), "Entwürfe & mehr"),
    ],
)
def test_name_is_decoded(name: bytes, decoded: str) -> None:
    assert decode_mailbox(name) == decoded


@pytest.mark.parametrize(
    ("name", "decoded"),
    [
        # shifted and not shifted back; plain in a UTF-8 session
        (b"Tom & Jerry", "Tom & Jerry"),
        # base64 of half a character, of an unpaired surrogate, of bad length
        (b"&AA-", "&AA-"),
        (b"&2D0-", "&2D0-"),
        (b"&A-", "&A-"),
        (b"Entw\xfcrfe", "Entw\\xfcrfe"),
        (b"", ""),
    ],
)
def test_name_that_is_not_valid_stays_readable(name: bytes, decoded: str) -> None:
    assert decode_mailbox(name) == decoded
