"""Types of content by its first bytes."""

from __future__ import annotations

import gzip
import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dissectors.message.file_types import HEAD_BYTES, detect_type

OFFICE = "application/vnd.openxmlformats-officedocument."


def archive(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as written:
        for name in names:
            written.writestr(name, "application/vnd.oasis.opendocument.text")
    return buffer.getvalue()[:HEAD_BYTES]


@pytest.mark.parametrize(
    ("head", "media_type"),
    [
        (b"MZ\x90\0\3\0\0\0", "application/vnd.microsoft.portable-executable"),
        (b"\x7fELF\2\1\1\0", "application/x-elf"),
        (b"%PDF-1.7\n", "application/pdf"),
        (b"{\\rtf1\\ansi", "application/rtf"),
        (bytes.fromhex("d0cf11e0a1b11ae1"), "application/x-ole-storage"),
        (bytes.fromhex("4c0000000114020000000000"), "application/x-ms-shortcut"),
        (bytes.fromhex("789f3e22"), "application/vnd.ms-tnef"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "image/png"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\x24\0\0\0WEBPVP8 ", "image/webp"),
        (b"\0\0\0\x18ftypmp42", "video/mp4"),
        (gzip.compress(b"x", mtime=0), "application/gzip"),
        (b"Rar!\x1a\x07\1\0", "application/vnd.rar"),
        (b"7z\xbc\xaf\x27\x1c\0\4", "application/x-7z-compressed"),
        (archive("a.txt"), "application/zip"),
        (archive("META-INF/MANIFEST.MF", "A.class"), "application/java-archive"),
        (archive("mimetype"), "application/vnd.oasis.opendocument.text"),
        (
            archive("[Content_Types].xml", "word/document.xml"),
            OFFICE + "wordprocessingml.document",
        ),
        (
            archive("[Content_Types].xml", "xl/workbook.xml"),
            OFFICE + "spreadsheetml.sheet",
        ),
        (
            archive("_rels/.rels", "ppt/presentation.xml"),
            OFFICE + "presentationml.presentation",
        ),
        (archive("[Content_Types].xml", "other/x"), "application/zip"),
        (b"\r\n <!doctype html><html>", "text/html"),
        (b"<script>x</script>", "text/html"),
        (b"<?xml version='1.0'?><a/>", "text/xml"),
        (b'<?xml version="1.0"?>\n<svg xmlns="x">', "image/svg+xml"),
        (b"#!/bin/sh\n", "text/x-script"),
        (b"BEGIN:VCALENDAR\r\n", "text/calendar"),
        (b"-----BEGIN PGP MESSAGE-----\n", "application/pgp-encrypted"),
        (b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD", None),
        (b"Hello, this is text.\n", None),
        (b"<abbr> no page", None),
        (b"RIFF\0\0\0\0ELSE", None),
        (b"BM\x46\0\0\0\0\0\0\0\x36", "image/bmp"),
        (b"BZh91AY&SY\x5f\x3f\x03\x9d", "application/x-bzip2"),
        (b"ID3\3\0\0\0\0\0\x21", "audio/mpeg"),
        (b"#! /usr/bin/env python3\n", "text/x-script"),
        (b"", None),
    ],
)
def test_first_bytes_tell_the_type(head: bytes, media_type: str | None) -> None:
    assert detect_type(head) == media_type


@pytest.mark.parametrize(
    "text",
    [
        b"MZ",
        b"MZ is how programs begin.\r\n" * 9,
        b"BM meets at noon.",
        b"BZh is no archive",
        b"ID3 tags are missing",
        b"ITSF, the federation",
        b"RIFF of the WEBP kind",
        b"The ftyp box",
        b"#!important",
        "MZ über alles".encode("latin-1"),
    ],
)
def test_text_that_begins_like_a_file_is_none(text: bytes) -> None:
    assert detect_type(text) is None


@given(st.binary(max_size=200))
def test_any_bytes_have_a_type_or_none(head: bytes) -> None:
    assert detect_type(head) is None or "/" in str(detect_type(head))
