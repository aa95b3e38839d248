"""What is kept of a content as its bytes pass."""

from __future__ import annotations

import hashlib

from dissectors.message.content import Content


def test_size_hash_and_type_are_told() -> None:
    content = Content()
    content.update(b"%P")
    content.update(b"DF-1.7" + bytes(5000))
    content.finish()
    data = b"%PDF-1.7" + bytes(5000)
    assert content.size_bytes == len(data)
    assert content.sha256() == hashlib.sha256(data).hexdigest()
    assert content.detected_type() == "application/pdf"
    assert content.name is None
