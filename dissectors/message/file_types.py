"""What content is by its first bytes, whatever its sender calls it.

The formats that matter in mail: what can run or hide something that runs, documents,
pictures, archives. Libraries for this either take every ZIP archive for a document of
Office, or miss programs, scripts and compound files; the table is small, and each
entry names what specifies it.
"""

from __future__ import annotations

import re

# as much of the content as is looked at: some entries of a ZIP archive
HEAD_BYTES = 4096

# What content begins with. WHATWG MIME Sniffing §6.1 and §6.2 for pictures, audio and
# archives; the formats' own specifications for the rest.
_SIGNATURES = (
    (b"%PDF-", "application/pdf"),  # ISO 32000
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\0", "image/tiff"),  # TIFF 6.0 §2
    (b"MM\0*", "image/tiff"),
    (b"\0\0\x01\0", "image/vnd.microsoft.icon"),
    (b"{\\rtf", "application/rtf"),  # RTF 1.9.1
    (b"\x7fELF", "application/x-elf"),  # System V gABI
    (b"\xcf\xfa\xed\xfe", "application/x-mach-binary"),
    (b"\xce\xfa\xed\xfe", "application/x-mach-binary"),
    (b"\xca\xfe\xba\xbe", "application/java-vm"),  # JVMS §4.1
    (b"L\0\0\0\x01\x14\x02\0", "application/x-ms-shortcut"),  # MS-SHLLINK §2.1
    # MS-CFB §2.2: documents of Office before 2007, messages of Outlook, installers
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (b"\x78\x9f\x3e\x22", "application/vnd.ms-tnef"),  # MS-OXTNEF §2.1.3.1
    (b"\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d", "application/onenote"),  # MS-ONESTORE §2.3.1
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"\x1f\x8b\x08", "application/gzip"),  # RFC 1952 §2.3.1
    (b"\xfd7zXZ\0", "application/x-xz"),
    (b"\x28\xb5\x2f\xfd", "application/zstd"),  # RFC 8878 §3.1.1
    (b"MSCF\0\0\0\0", "application/vnd.ms-cab-compressed"),  # MS-CAB §2.1
    (b"OggS\0", "application/ogg"),
    (b"\x1aE\xdf\xa3", "video/webm"),
    (b"-----BEGIN PGP MESSAGE", "application/pgp-encrypted"),  # RFC 9580 §6.2
    (b"-----BEGIN PGP SIGNATURE", "application/pgp-signature"),
    (b"BEGIN:VCALENDAR", "text/calendar"),  # RFC 5545 §3.4
    (b"BEGIN:VCARD", "text/vcard"),  # RFC 6350 §3.3
)
# Letters that a text may begin with, too. In these formats numbers follow, such as the
# place of the PE header, with bytes that no text has (WHATWG MIME Sniffing §7.2, binary
# data bytes).
_BINARY_SIGNATURES = (
    (b"MZ", "application/vnd.microsoft.portable-executable"),  # PE format
    (b"BM", "image/bmp"),
    (b"BZh", "application/x-bzip2"),
    (b"ID3", "audio/mpeg"),  # ID3 2.4.0 §3.1
    (b"ITSF", "application/vnd.ms-htmlhelp"),
)
# of a DOS header, the longest of them
_LONGEST_HEADER = 64
_BINARY_DATA = re.compile(rb"[\0-\x08\x0b\x0e-\x1a\x1c-\x1f]")
_SCRIPT = re.compile(rb"#![ \t]*+/")
_FIRST_BYTES = frozenset(
    signature[:1] for signature, _ in _SIGNATURES + _BINARY_SIGNATURES
)

# WHATWG MIME Sniffing §7.1: tags that only a page begins with
_HTML = re.compile(
    rb"[\t\n\f\r ]*+(?:<!DOCTYPE HTML|<(?:HTML|HEAD|SCRIPT|IFRAME|H1|DIV|FONT|TABLE|A"
    rb"|STYLE|TITLE|B|BODY|BR|P)\b|<!--)",
    re.IGNORECASE,
)
_XML = re.compile(rb"[\t\n\f\r ]*+<\?xml")
_SVG = re.compile(rb"<svg[\s>]", re.IGNORECASE)
# WHATWG MIME Sniffing §6.1 and §6.2: RIFF, four bytes of length, and the form
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wave", b"AVI ": "video/avi"}

_ZIP = b"PK\x03\x04"
# ECMA-376 part 2: packages of Office, by where their parts are
_OFFICE = "application/vnd.openxmlformats-officedocument."
_PACKAGES = (
    (b"word/", _OFFICE + "wordprocessingml.document"),
    (b"xl/", _OFFICE + "spreadsheetml.sheet"),
    (b"ppt/", _OFFICE + "presentationml.presentation"),
)
# OpenDocument part 2 §3.3, EPUB OCF §4.3: the first entry, stored, is the type
_STORED_TYPE = re.compile(rb"mimetype(application/[\w.+-]{1,80})(?=PK)")


def detect_type(head: bytes) -> str | None:
    """Tell the media type of content.

    Args:
        head: its first bytes, up to `HEAD_BYTES`.

    Returns:
        The type, or `None` if the bytes tell nothing, as those of plain text.
    """
    is_binary = _BINARY_DATA.search(head, 0, _LONGEST_HEADER) is not None
    if head[:1] in _FIRST_BYTES:
        for signature, media_type in _SIGNATURES:
            if head.startswith(signature):
                return media_type
        for signature, media_type in _BINARY_SIGNATURES:
            if is_binary and head.startswith(signature):
                return media_type
    if head.startswith(_ZIP):
        return _detect_archive(head)
    if is_binary and head.startswith(b"RIFF"):
        return _RIFF.get(head[8:12])
    if is_binary and head[4:8] == b"ftyp":
        # ISO/IEC 14496-12 §4.3
        return "video/mp4"
    return "text/x-script" if _SCRIPT.match(head) else _detect_markup(head)


def _detect_markup(head: bytes) -> str | None:
    if _HTML.match(head):
        return "text/html"
    if _XML.match(head):
        return "image/svg+xml" if _SVG.search(head) else "text/xml"
    return None


def _detect_archive(head: bytes) -> str:
    stored = _STORED_TYPE.match(head, 30)
    if stored is not None:
        return stored[1].decode("ascii")
    if head.startswith(b"META-INF/", 30) or b"META-INF/MANIFEST.MF" in head:
        return "application/java-archive"
    if b"[Content_Types].xml" in head or b"_rels/.rels" in head:
        for folder, media_type in _PACKAGES:
            if folder in head:
                return media_type
    return "application/zip"
