"""Messages as a list, and the files that were attached to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa
from pyarrow import compute

if TYPE_CHECKING:
    from typing import Any

# of one file; a mailing may go to millions
_MAX_IDS = 100
_OF_MESSAGES = [
    *("time", "direction", "mail_from", "rcpt_to", "from", "to", "subject"),
    *("size_bytes", "outcome", "incomplete", "attachments", "mailbox", "message_id"),
    *("session_id", "capture", "frame"),
]
_OF_SESSIONS = ["session_id", "service", "client_ip", "server_ip", "server_port"]
MESSAGE_COLUMNS = (*_OF_MESSAGES, *_OF_SESSIONS[1:])
ATTACHMENT_COLUMNS = (
    *("name", "names", "type", "detected_type", "size_bytes", "sha256", "messages"),
    *("sessions", "senders", "first_seen", "last_seen"),
    *("message_ids", "session_ids"),
)
_OF_FILES = ["name", "type", "detected_type", "size_bytes", "sha256"]
_NAMES = pa.list_(pa.string())


def message_list(messages: pd.DataFrame, sessions: pd.DataFrame) -> pd.DataFrame:
    """List messages in the order of their time.

    Returns:
        One row per message, or part of one: its `time`, `direction`, envelope
        (`mail_from`, `rcpt_to`), header fields (`from`, `to`, `subject`,
        `message_id`), `size_bytes`, `outcome`, whether it is `incomplete`, the names of
        its `attachments` (their type where they have none), its `mailbox`,
        `session_id`, `capture` and `frame`; and of its session `service`, `client_ip`,
        `server_ip` and `server_port`.
    """
    rows = messages[_OF_MESSAGES].assign(attachments=_names(messages["attachments"]))
    rows = rows.merge(sessions[_OF_SESSIONS], on="session_id", how="left")
    return rows.sort_values(["time", "session_id", "frame"]).reset_index(drop=True)


def attachment_list(messages: pd.DataFrame) -> pd.DataFrame:
    """List the files that messages carried, each once, however often it was sent.

    Files are the same if their SHA-256 is; one without, as some of it is missing, is
    like no other.

    Returns:
        One row per file, those in most messages first, and of these the largest: the
        `name`, declared `type` and `detected_type` (by content) that it had first; how
        many `names` it had; its `size_bytes` and `sha256` (null if some of it is
        missing); the number of `messages`, of `sessions` and of `senders`; when it was
        `first_seen` and `last_seen`; and the `message_ids` and `session_ids`, 100 of
        each at most.
    """
    files = _files(messages).sort_values(["time", "session_id"], kind="stable")
    alone = "#" + files.index.to_series().astype("string")
    files["file"] = files["sha256"].astype("string").fillna(alone)
    grouped = files.groupby("file", sort=False)
    rows = pd.DataFrame(
        {
            "name": grouped["name"].first(),
            "names": grouped["name"].nunique(),
            "type": grouped["type"].first(),
            "detected_type": grouped["detected_type"].first(),
            "size_bytes": grouped["size_bytes"].max(),
            "sha256": grouped["sha256"].first(),
            "messages": grouped["message"].nunique(),
            "sessions": grouped["session_id"].nunique(),
            "senders": grouped["sender"].nunique(),
            "first_seen": grouped["time"].min(),
            "last_seen": grouped["time"].max(),
            "message_ids": _first(files, "message_id"),
            "session_ids": _first(files, "session_id"),
        }
    )
    most_first = ["messages", "size_bytes"]
    ordered = rows.sort_values(most_first, ascending=False, kind="stable")
    return ordered.reset_index(drop=True)


def _files(messages: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each attachment of each message."""
    lists = _lists(messages["attachments"])
    parents = compute.list_parent_indices(lists).to_numpy()
    files = pa.Table.from_struct_array(compute.list_flatten(lists)).select(_OF_FILES)
    rows: pd.DataFrame = files.to_pandas(types_mapper=pd.ArrowDtype)
    sender = messages["mail_from"].fillna(messages["from"])
    carriers = (
        messages[["session_id", "message_id", "time"]]
        .assign(sender=sender)
        .iloc[parents]
    )
    return rows.join(carriers.reset_index(drop=True)).assign(message=parents)


def _first(files: pd.DataFrame, of: str) -> pd.Series[Any]:
    """List the first distinct values of each file."""
    pairs = files.loc[files[of].notna(), ["file", of]].drop_duplicates()
    pairs = pairs[pairs.groupby("file").cumcount() < _MAX_IDS]
    lists = pairs.groupby("file")[of].agg(list).to_dict()
    names = files["file"].drop_duplicates()
    return pd.Series(
        [lists.get(name, []) for name in names], names, dtype=pd.ArrowDtype(_NAMES)
    )


def _names(attachments: pd.Series[Any]) -> pd.Series[Any]:
    """Return the names of each list of attachments."""
    names = [
        [file["name"] or file["type"] for file in files]
        for files in _lists(attachments).to_pylist()
    ]
    return pd.Series(names, attachments.index, dtype=pd.ArrowDtype(_NAMES))


def _lists(attachments: pd.Series[Any]) -> pa.ListArray:
    column = attachments.array.__arrow_array__()
    return column.combine_chunks()
