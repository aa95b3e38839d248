"""What reports print, on a terminal or in a pipe."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

from rich.console import Console

if TYPE_CHECKING:
    from collections.abc import Callable


def printed(
    report: Callable[[Console], object], width: int | None = None, **options: Any
) -> str:
    """What a report prints on a terminal of some width, or in a pipe."""
    file = io.StringIO()
    terminal = width is not None
    report(
        Console(
            file=file,
            width=width,
            force_terminal=terminal,
            highlight=False,
            **options,
        )
    )
    return file.getvalue()


def plain(text: str) -> str:
    """Text without colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)
