"""Text to show, and how that from the traffic becomes safe.

Whoever sends mail decides what subjects, names and banners hold. Characters that
control a terminal, or change the order in which text is shown, are escaped.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# C0 and C1 controls and DEL; line and paragraph separators; what changes the
# direction of text (Unicode Bidirectional Algorithm, UAX #9); lone surrogates
UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)


def escape_controls(text: str) -> str:
    r"""Replace what could control a terminal by `\x1b`, `\u202e` and the like."""
    return UNSAFE.sub(_escape, text)


def as_line(text: str) -> str:
    """Put text of the traffic on one line: a reply of several lines, say."""
    return escape_controls(text.replace("\n", " "))


def pluralize(count: int, noun: str) -> str:
    """Return a number of things in words."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def pluralize_of(count: int, in_all: int | None, noun: str) -> str:
    """Return a number of things in words, and if it is known how many there are."""
    if in_all is None:
        return pluralize(count, noun)
    return f"{count:,} of {pluralize(in_all, noun)}"


def some_of(names: Sequence[str], most: int = 3) -> str:
    """Name the first of some, and count the rest."""
    named = ", ".join(names[:most])
    more = len(names) - most
    return f"{named} (and {more:,} more)" if more > 0 else named


def shorten(text: str, width: int) -> str:
    """Cut a text that is wider, and say so."""
    if len(text) <= width:
        return text
    return text[: width - 1] + "\N{HORIZONTAL ELLIPSIS}"


def endpoint(address: str, port: int) -> str:
    """Return an address and a port as in a URL (RFC 3986 §3.2.2)."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def near_names(name: str, known: Iterable[str]) -> str:
    """Return ": did you mean ...?" if a name that is known is like this one."""
    near = get_close_matches(name, known, n=2)
    return f": did you mean {' or '.join(near)}?" if near else ""


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
