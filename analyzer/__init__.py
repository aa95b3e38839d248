"""From captures to tables and answers.

>>> import analyzer
>>> analysis = analyzer.analyze("tests/data/pop3-user-pass.pcap")
>>> list(analysis.sessions["service"])
['pop3']
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analyzer.errors import ExportError, LoadError

if TYPE_CHECKING:
    from analyzer.analysis import Analysis, analyze, load

__all__ = [
    "Analysis",
    "ExportError",
    "LoadError",
    "__version__",
    "analyze",
    "load",
]

# read by all rooms, and by setuptools without an import
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # pandas and pyarrow are imported when an analysis is asked for, not before
    if name in ("Analysis", "analyze", "load"):
        from analyzer import analysis

        return getattr(analysis, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
