"""Which parts of a message are files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dissectors.credentials.urls import mask_urls
from dissectors.events import Attachment
from dissectors.message.header import kept_text

if TYPE_CHECKING:
    from dissectors.limits import Limits

# what belongs to the other parts, though it is no text
_ABOUT_OTHERS = frozenset(
    (
        b"application/pgp-encrypted",  # RFC 3156 §4
        b"application/pgp-signature",  # RFC 3156 §5
        b"application/pkcs7-signature",  # RFC 8551 §3.5.3
        b"application/x-pkcs7-signature",
        b"message/delivery-status",  # RFC 3464 §2.1
        b"message/disposition-notification",  # RFC 8098 §3.1
        b"message/feedback-report",  # RFC 5965 §2
        b"message/global-delivery-status",  # RFC 6533 §3
        b"message/global-disposition-notification",
    )
)

# what detection makes of texts, beside `text/...`
_TEXTS = frozenset(
    ("image/svg+xml", "application/pgp-encrypted", "application/pgp-signature")
)


def new_attachment(
    name: str | None, media_type: bytes, part: str, limits: Limits
) -> Attachment:
    """Return a file of which nothing more is known yet.

    Args:
        name: its name, which may hold the password of a URL.
        media_type: in lower case.
        part: its place in the message.
        limits: what to keep of texts.
    """
    longest = kept_text(limits)
    return Attachment(
        mask_urls(name)[:longest] if name else None,
        media_type[:longest].decode("ascii"),
        size_bytes=0,
        sha256=None,
        part=part,
    )


def is_file(media_type: bytes, disposition: bytes, *, has_name: bool) -> bool:
    """Tell whether a part that is no multipart is a file: an attachment.

    That is what has a name or is said to be one (RFC 2183 §2.8: by any disposition but
    `inline`), and also everything else but text and what only belongs to other parts.

    Args:
        media_type: in lower case.
        disposition: the value of Content-Disposition in lower case; empty without.
        has_name: a file name was given.
    """
    if has_name or disposition not in (b"", b"inline"):
        return True
    return not (media_type.startswith(b"text/") or media_type in _ABOUT_OTHERS)


def is_no_text(detected_type: str | None) -> bool:
    """Tell by its first bytes whether what is said to be a text is something else."""
    if detected_type is None or detected_type in _TEXTS:
        return False
    return not detected_type.startswith("text/")
