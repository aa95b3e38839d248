"""mailtap: every SMTP, IMAP and POP3 session of a network capture, as tables.

>>> import mailtap
>>> mailtap.analyze("tests/data/pop3-user-pass.pcap")
<Analysis of tests/data/pop3-user-pass.pcap: 1 session, 0 problems>

What is here comes from the packages `analyzer` and `captures`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import analyzer
from analyzer import ExportError, LoadError, __version__

if TYPE_CHECKING:
    from analyzer import Analysis, analyze, load
    from captures import CaptureError

__all__ = [
    "Analysis",
    "CaptureError",
    "ExportError",
    "LoadError",
    "__version__",
    "analyze",
    "load",
]


def __getattr__(name: str) -> Any:
    # heavy libraries are imported when they are needed, as in `analyzer`
    if name == "CaptureError":
        from captures import CaptureError

        return CaptureError
    if name in __all__:
        return getattr(analyzer, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
