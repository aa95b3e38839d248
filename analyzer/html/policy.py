"""The page's Content Security Policy (CSP Level 3).

Nothing is loaded from anywhere. Scripts and styles are those of mailtap alone, named
by their hashes, so that markup from the traffic would do nothing even if some got
into the page.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# Plotly makes a style element without text, and then adds rules to it by script;
# and it brings one for its maps
_EMPTY_STYLE = ""
_ADDED_STYLE = re.compile(r"""\.textContent='([^'\\]*)'""")


def styles_added_by(script: str) -> list[str]:
    """Return the texts of the style elements that Plotly adds to a page."""
    return [_EMPTY_STYLE, *_ADDED_STYLE.findall(script)]


def content_security_policy(scripts: Iterable[str], styles: Iterable[str]) -> str:
    """Return the policy for a page with just these inline scripts and styles."""
    directives = {
        "default-src": "'none'",
        "script-src": _hashes(scripts),
        "style-src": _hashes(styles),
        "connect-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in directives.items())


def _hashes(texts: Iterable[str]) -> str:
    return " ".join(map(_hash, texts))


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
