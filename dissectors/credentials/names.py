"""Whether a word that a peer sent may be what it stands for: a name, and no secret.

What is shown must be well formed by the grammar of its place, in bytes and in text:
an ASCII blank, a no-break space, a lone CR or a NUL inside a name means that more than
a name was sent. A colon is what user and password are joined by (RFC 3986 §3.2.1).
"""

from __future__ import annotations

import re

# longest user name that is kept, in bytes
MAX_NAME_BYTES = 1024
MASK = "***"

# blanks but the common one, control and format characters, and the colon
_NOT_IN_NAMES = re.compile(
    r"[^\S ]|[\x00-\x1f:\x7f-\x9f\xad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    r"\ufeff]"
)
# what other encodings than UTF-8 have for these
_NOT_IN_BYTES = re.compile(rb"[\x80-\xa0\xad]")


def read_name(raw: bytes | None, *, blanks: bool = True) -> str | None:
    r"""Return a name that may be shown, or `None`.

    Args:
        raw: UTF-8, or another encoding whose bytes are then shown as `\xNN`.
        blanks: the name may hold single blanks, as its end is told by other means
            than a blank.
    """
    if not raw:
        return None
    raw = raw[:MAX_NAME_BYTES]
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        if _NOT_IN_BYTES.search(raw):
            return None
        text = raw.decode("utf-8", "backslashreplace")
    if _NOT_IN_NAMES.search(text):
        return None
    if not blanks:
        # "=" joins a name and its value, and stands where a blank should
        return None if " " in text or "=" in text else text
    return None if "  " in text or text.strip() != text else text
