"""What URLs must not show: passwords, and tokens that grant access.

Servers refer clients to others (`[REFERRAL imap://ann:password@host/]`, RFC 2221),
policies and mails link to pages that need no login. Whatever text of a peer is kept
passes here before it is cut. The cost is linear in the text.
"""

from __future__ import annotations

import re

from dissectors.credentials.names import MASK

# from "://" to the next blank: passwords may hold what belongs into no URL
_URL = re.compile(r"://[^\t-\r ]*+")
# RFC 3986 §3.2: authority = [userinfo "@"] host [":" port]; behind a colon that no port
# follows, there is a password. What is before the "@" of a web page is a token.
_USER = re.compile(
    r"://(?!\[[\w:.%]*+\])[^/?#@:]*?(?::|%3A)(?!\d{0,5}(?:[/?#]|$))"
    r"|(?:(?<=ftp)|(?<=http)|(?<=https))://(?=[^/?#@:]+@)",
    re.IGNORECASE,
)
_PORT = re.compile(r"\d{1,5}(?!\w)")
# RFC 4467 §3: what is behind the access identifier grants access
_URLAUTH = re.compile(r"(;URLAUTH=[^\s:;\"]*:?)[^\s\"]*", re.IGNORECASE)
_BEFORE_NAME = re.compile(r"[?&#;]")
_PARAMETER = re.compile(r"([?&#;])([\w.%-]*+)=[^\t-\r &\"<>]+")
_SECRET_NAME = re.compile(r"token|secret|passw|api_?key|signature", re.IGNORECASE)
_SECRET_ENDING = re.compile(
    r"(?:auth|code|credentials?|jwt|key|otp|pass|pwd|sid|sig|ticket)\Z", re.IGNORECASE
)


def mask_urls(text: str) -> str:
    """Leave out the passwords and tokens of the URLs in a text."""
    if "://" in text:
        text = _URL.sub(_mask_password, text)
    if "=" in text and _BEFORE_NAME.search(text):
        text = _URLAUTH.sub(rf"\1{MASK}", text)
        text = _PARAMETER.sub(_mask_parameter, text)
    return text


def _mask_password(url: re.Match[str]) -> str:
    text, (start, end) = url.string, url.span()
    at = text.rfind("@", start, end)
    for user in _USER.finditer(text, start, end):
        if user.end() <= at:
            return f"{text[start : user.end()]}{MASK}{text[at:end]}"
        if not _PORT.match(text, user.end(), end):
            # it was cut, or has no host
            return f"{text[start : user.end()]}{MASK}"
    return url[0]


def _mask_parameter(parameter: re.Match[str]) -> str:
    before, name = parameter.groups()
    is_secret = _SECRET_NAME.search(name) is not None
    if not is_secret and before != ";":
        # behind a semicolon there are parameters of other grammars, too
        is_secret = _SECRET_ENDING.search(name) is not None
    return f"{before}{name}={MASK}" if is_secret else parameter[0]
