"""Structures are read within their bounds, and to their end."""

from __future__ import annotations

import pytest

from dissectors.tls.handshake.structs import (
    MalformedStructError,
    StructReader,
    read_uint16s,
)


def test_reader_reads_numbers_and_vectors() -> None:
    reader = StructReader(b"\1\0\2\2ab\0\1c")
    assert reader.uint(1) == 1
    assert reader.uint(2) == 2
    assert reader.vector(1) == b"ab"
    assert reader.vector(2) == b"c"
    reader.finish()


def test_reader_knows_its_end() -> None:
    assert StructReader(b"").at_end
    assert not StructReader(b"x").at_end


@pytest.mark.parametrize("data", [b"", b"\0", b"\0\2", b"\0\2a"])
def test_vector_longer_than_its_block_is_malformed(data: bytes) -> None:
    with pytest.raises(MalformedStructError, match="bytes wanted"):
        StructReader(data).vector(2)


def test_bytes_behind_the_end_are_malformed() -> None:
    reader = StructReader(b"\0\0x")
    reader.vector(2)
    with pytest.raises(MalformedStructError, match="1 bytes too many"):
        reader.finish()


def test_extensions_before_a_broken_one_are_read() -> None:
    extensions = StructReader(b"\0\1\0\1a\0\2\0\5b").extensions()
    assert next(extensions) == (1, b"a")
    with pytest.raises(MalformedStructError):
        next(extensions)


def test_numbers_must_be_whole() -> None:
    assert read_uint16s(b"\0\1\1\0") == (1, 256)
    with pytest.raises(MalformedStructError):
        read_uint16s(b"\0\1\1")
