"""Address lists (RFC 5322 §3.4) of header fields."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dissectors.message.comments import COMMENT

if TYPE_CHECKING:
    from collections.abc import Iterator

# Where an address, or the name of a group, ends. Commas, colons and semicolons in
# quoted strings, comments, angle brackets (routes, §4.4), domain literals
# and encoded words do not count. What is opened and not closed lasts to the end. Next
# to nothing is tried twice, so the cost is linear.
_ENCODED_WORD = rb"=\?[^?\s]++\?[bqBQ]\?[^?\s]*+\?="
_ADDRESS = re.compile(
    rb'((?:[^][,:;"(<=]++|"(?:[^"\\]|\\.)*+"?|%b|<[^>]*+>?|\[[^],]*+|\]|%b|=)*+)'
    rb"([,:;]?)" % (COMMENT, _ENCODED_WORD),
    re.DOTALL,
)
_SPECIAL = re.compile(rb"[,:;(]")
_ONLY_COMMENTS = re.compile(rb"\s*+(?:%b\s*+)*+" % COMMENT, re.DOTALL)


def split_addresses(body: bytes) -> Iterator[bytes]:
    """Split an unfolded address list, without the names of groups.

    group = display-name ":" [group-list] ";" CFWS. Outlook's users also put a
    semicolon between addresses.
    """
    if body and not _SPECIAL.search(body):
        yield body
        return
    position = 0
    while position < len(body):
        match = _ADDRESS.match(body, position)
        assert match is not None  # the pattern matches nothing, too
        position = match.end()
        if match[2] != b":" and not _ONLY_COMMENTS.fullmatch(match[1]):
            yield match[1].strip()


def without_groups(body: bytes) -> bytes:
    """Leave the addresses of an unfolded address list as they are, without groups.

    Without the semicolon that ends a group, a colon is likely one of a name.
    """
    return b", ".join(split_addresses(body)) if b";" in body else body
