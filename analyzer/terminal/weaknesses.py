"""What people call that which is weak in TLS."""

from __future__ import annotations

import re

from analyzer.text import escape_controls
from dissectors.events import Weakness

_LABELS: dict[str, str] = {
    Weakness.OLD_VERSION: "old version {0}",
    Weakness.BROKEN_CIPHER: "broken cipher suite",
    Weakness.WEAK_CIPHER: "weak cipher suite",
    Weakness.NO_FORWARD_SECRECY: "no forward secrecy",
    Weakness.WEAK_SIGNATURE: "weak signature {0}",
    Weakness.WEAK_CERT_SIGNATURE: "weak signature {0} of a certificate",
    "cert-expired": "certificate has expired",
    "cert-not-yet-valid": "certificate is not valid yet",
    "cert-self-signed": "certificate is self-signed",
    "cert-invalid": "certificate is invalid",
    "cert-unreadable": "certificate is unreadable",
    "cert-name-mismatch": "certificate name mismatch",
}
# those that tell a kind and a size, such as `DH 1024`
_SIZED_LABELS: dict[str, str] = {
    Weakness.WEAK_GROUP: "weak {0} group ({1} bits)",
    Weakness.SHORT_KEY: "short {0} key of {1} bits",
}
_CURVE_BITS = re.compile(r"sec[pt](\d+)")


def weakness_label(weakness: str) -> str:
    """Return what people call a weakness of a report; tables may hold any text.

    Args:
        weakness: what `analyzer.reports.weak_tls` has.
    """
    code, _, value = weakness.partition("=")
    kind, is_sized, size = value.partition(" ")
    if is_sized and code in _SIZED_LABELS:
        label = _SIZED_LABELS[code].format(kind, size)
    elif code == Weakness.WEAK_GROUP and (curve := _CURVE_BITS.match(value)):
        label = f"weak group ({curve[1]} bits)"
    elif code in _LABELS:
        label = _LABELS[code].format(value)
    else:
        label = weakness
    return escape_controls(label)
