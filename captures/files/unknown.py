"""Tells by its first bytes what a file is that is neither pcap nor pcapng."""

from __future__ import annotations

import string

CONVERT = "Wireshark's editcap can convert it: editcap -F pcapng INPUT OUTPUT.pcapng"
_COPY = "copy it again, as a binary file"
_UNPACK = "unpack it first"
_NOT_NETWORK = "it holds no network traffic"

# (offset, bytes there) -> what it is, and what to do with it
_SIGNATURES = (
    (0, b"snoop\0\0\0", "a snoop capture", CONVERT),
    (0, b"RTSS", "a Microsoft Network Monitor 1 capture", CONVERT),
    (0, b"GMBU", "a Microsoft Network Monitor 2 capture", CONVERT),
    (0, b"TRSNIFF data    \x1a", "a Sniffer capture", CONVERT),
    (0, b"XCP\0", "a NetXRay or Windows Sniffer capture", CONVERT),
    (0, b"ObserverPktBufferVersion=", "a Network Instruments capture", CONVERT),
    (0, b"iptrace 1.0", "an AIX iptrace capture", CONVERT),
    (0, b"iptrace 2.0", "an AIX iptrace capture", CONVERT),
    (0, b"\x7fver", "a Savvius Peek capture", CONVERT),
    (0, b"\x05VNF", "a Visual Networks capture", CONVERT),
    (0, b"\xaa\xaa\xaa\xaa", "a 5View capture", CONVERT),
    (0, b"TR\0d\0", "an HP-UX nettl trace", CONVERT),
    (0, b"\x1c\x00\x01\xac", "an IXIA capture", CONVERT),
    (0, b"\x1c\x00\x01\xab", "an IXIA capture", CONVERT),
    (0, b"\xd4\xc3\xb2\xa1", "only the beginning of a pcap file", _COPY),
    (0, b"\xa1\xb2\xc3\xd4", "only the beginning of a pcap file", _COPY),
    (0, b"\x4d\x3c\xb2\xa1", "only the beginning of a pcap file", _COPY),
    (0, b"\xa1\xb2\x3c\x4d", "only the beginning of a pcap file", _COPY),
    (0, b"\x0a\x0a\x0a", "a pcapng file that was transferred as text", _COPY),
    (0, b"\x0a\x0d\x0a\x0d\x0a", "a pcapng file that was transferred as text", _COPY),
    (0, b"BZh", "a bzip2 file", _UNPACK),
    (0, b"\x04\x22\x4d\x18", "an LZ4 file", _UNPACK),
    (0, b"\x5d\0\0", "an LZMA file", _UNPACK),
    (0, b"\x1f\x9d", "a file made by compress", _UNPACK),
    (0, b"PK\x03\x04", "a ZIP archive", _UNPACK),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", _UNPACK),
    (0, b"Rar!\x1a\x07", "a RAR archive", _UNPACK),
    (257, b"ustar", "a tar archive", _UNPACK),
    (0, b"\x7fELF", "a program", _NOT_NETWORK),
    (0, b"MZ", "a Windows program", _NOT_NETWORK),
    (0, b"%PDF-", "a PDF document", _NOT_NETWORK),
    (0, b"\x89PNG", "an image", _NOT_NETWORK),
    (0, b"\xff\xd8\xff", "an image", _NOT_NETWORK),
    (0, b"GIF8", "an image", _NOT_NETWORK),
    (0, b"PAR1", "a Parquet file", _NOT_NETWORK),
    (0, b"SQLite format 3\0", "an SQLite database", _NOT_NETWORK),
    (0, b"ElfFile\0", "a Windows event log", _NOT_NETWORK),
)

_HTML_BEGINNINGS = (b"<!doctype html", b"<html", b"<head", b"<?xml")
_YEAR_2000 = 946_684_800
_LAST_ERF_TYPE = 48
_TEXT = frozenset(string.printable.encode()) | frozenset(range(0x80, 0x100))


def describe(head: bytes) -> str:
    """Say what begins with `head`, in place of a capture, and what to do with it."""
    for offset, signature, what, advice in _SIGNATURES:
        if head.startswith(signature, offset):
            return f"this is {what}: {advice}"
    if head.lstrip().lower().startswith(_HTML_BEGINNINGS):
        return (
            "this is a web page, not a capture: was a download page saved in "
            "place of the file?"
        )
    if _is_erf(head):
        return f"this looks like an Endace ERF capture: {CONVERT}"
    if _TEXT.issuperset(head):
        return "this is text, not a capture: give it a pcap or pcapng file"
    return (
        "this is no capture format that mailtap knows (pcap, pcapng): if Wireshark "
        f"can open it, {CONVERT}"
    )


def _is_erf(head: bytes) -> bool:
    """Return whether an ERF record may begin here; the format has no magic number."""
    if len(head) < 16:
        return False
    seconds = int.from_bytes(head[4:8], "little")
    record_type = head[8] & 0x7F
    record_length = int.from_bytes(head[10:12], "big")
    wire_length = int.from_bytes(head[14:16], "big")
    return (
        seconds > _YEAR_2000
        and 0 < record_type <= _LAST_ERF_TYPE
        and 16 <= record_length <= wire_length + 64
        and wire_length > 0
    )
