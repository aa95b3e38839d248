"""A progress bar on standard error."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.runs.pipeline import OnProgress


@contextmanager
def progress_bar() -> Iterator[OnProgress]:
    """Show how far reading is; call the result with the bytes done and in all."""
    columns = (
        TextColumn("Reading"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    # without a thread: the analysis may fork
    bar = Progress(*columns, console=console, transient=True, auto_refresh=False)
    with bar as progress:
        task = progress.add_task("", total=None)
        yield lambda done, total: progress.update(
            task, completed=done, total=total, refresh=True
        )
