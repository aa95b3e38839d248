"""What extraction would write, in words, before it does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyarrow import compute

from analyzer.text import pluralize

if TYPE_CHECKING:
    import pyarrow as pa


def plan_of(messages: pa.Table) -> str:
    """Say how many messages there are, how large, and how many files they carry.

    Args:
        messages: the table, of the sessions that were chosen.
    """
    size_bytes = compute.sum(messages["size_bytes"]).as_py() or 0
    files = compute.sum(compute.list_value_length(messages["attachments"])).as_py() or 0
    sessions = len(compute.unique(messages["session_id"]))
    return (
        f"{pluralize(len(messages), 'message')} ({size_bytes:,} bytes) of "
        f"{pluralize(sessions, 'session')}, and {pluralize(files, 'attachment')} in "
        "them"
    )
