"""From captures to tables and answers.

>>> import analyzer
>>> analysis = analyzer.analyze("tests/data/pop3-user-pass.pcap")
>>> list(analysis.sessions["service"])
['pop3']
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analyzer.version import __version__

if TYPE_CHECKING:
    from analyzer.runs.pipeline import analyze
    from analyzer.tables.analysis import Analysis

__all__ = ["Analysis", "__version__", "analyze"]


def __getattr__(name: str) -> Any:
    # pandas and pyarrow are imported when an analysis is asked for, not before
    if name in ("Analysis", "analyze"):
        from analyzer.runs import pipeline

        return getattr(pipeline, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
