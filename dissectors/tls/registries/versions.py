"""TLS protocol versions."""

from __future__ import annotations

TLS_1_0 = 0x0301
TLS_1_1 = 0x0302
TLS_1_2 = 0x0303
TLS_1_3 = 0x0304

_NAMES = {
    0x0002: "SSLv2",
    0x0300: "SSLv3",
    TLS_1_0: "TLSv1.0",
    TLS_1_1: "TLSv1.1",
    TLS_1_2: "TLSv1.2",
    TLS_1_3: "TLSv1.3",
}

VERSIONS = tuple(_NAMES.values())
"""Their names, the oldest first."""

# RFC 6176, RFC 7568 and RFC 8996 say not to use them
DEPRECATED = frozenset(name for number, name in _NAMES.items() if number < TLS_1_2)


def is_tls_1_3(version: int) -> bool:
    """Tell TLS 1.3, or one of its drafts (0x7F and the draft's number)."""
    return version == TLS_1_3 or version >> 8 == 0x7F


def version_name(version: int) -> str:
    """Name a protocol version; `0xABCD` if it is unknown."""
    if is_tls_1_3(version):
        version = TLS_1_3
    return _NAMES.get(version) or f"0x{version:04X}"
