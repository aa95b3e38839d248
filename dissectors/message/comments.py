"""Comments (RFC 5322 §3.2.2), which may stand in most header fields."""

from __future__ import annotations

import re

# Nested once; what is not closed lasts to the end. Nothing is tried more than twice,
# so the cost is linear.
_TEXT = rb"[^()\\]|\\."
COMMENT = rb"\((?:%b|\((?:%b)*+\))*+\)?" % (_TEXT, _TEXT)
_COMMENT = re.compile(COMMENT, re.DOTALL)


def without_comments(body: bytes) -> bytes:
    """Remove the comments from a field body that holds no quoted string."""
    return _COMMENT.sub(b"", body) if b"(" in body else body
