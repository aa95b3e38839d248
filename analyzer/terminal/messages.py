"""Messages, their journeys and their files as lists for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
from rich.text import Text

from analyzer.terminal.format import as_duration, as_table, fit_output
from analyzer.text import endpoint, pluralize, shorten, some_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

# of a cell that takes several lines
_WIDEST_TEXT = 120


def print_messages(rows: pd.DataFrame, console: Console, limit: int) -> None:
    """Print messages.

    Args:
        rows: as `analyzer.reports.message_list` lists them.
        console: where to.
        limit: how many are shown.
    """
    few = rows.head(limit)
    senders = few["from"].fillna(few["mail_from"])
    has_envelope = few["rcpt_to"].list.len() > 0
    recipients = few["rcpt_to"].where(has_envelope, few["to"])
    shown = pd.DataFrame(
        {
            "time": few["time"],
            "from": senders.map(_text, na_action="ignore"),
            "to": recipients.map(_some),
            "subject": few["subject"].map(_text, na_action="ignore"),
            "size_bytes": few["size_bytes"],
            "direction": few["direction"],
            "outcome": few["outcome"],
            "attachments": few["attachments"].map(_some),
            "server": _servers(few),
            "session_id": few["session_id"],
        }
    )
    left_out = ("server", "direction", "time", "attachments", "outcome")
    _print_table("Messages", shown, len(rows), console, left_out)
    _remark_incomplete(console, few)


def print_journeys(rows: pd.DataFrame, console: Console, limit: int) -> None:
    """Print the transfers of messages, with what they have in common told once.

    Args:
        rows: as `analyzer.reports.journeys` lists them.
        console: where to.
        limit: how many are shown.
    """
    few = rows.head(limit)
    is_same = (few["message_id"] == few["message_id"].shift()).fillna(value=False)
    shown = pd.DataFrame(
        {
            "message_id": _once(few["message_id"].fillna("none"), is_same),
            "subject": _once(few["subject"], is_same),
            "hop": few["hop"],
            "time": few["time"],
            "after": _delays(few),
            "direction": few["direction"],
            "client_ip": few["client_ip"],
            "server": _servers(few),
            "outcome": few["outcome"],
            "session_id": few["session_id"],
        }
    )
    left_out = ("subject", "outcome", "client_ip", "time", "server")
    _print_table("Journeys of messages", shown, len(rows), console, left_out)
    _remark_incomplete(console, few)
    if without := int(few["message_id"].isna().sum()):
        transfers = pluralize(without, "transfer")
        _remark(console, f"{transfers} without a Message-ID: nothing tells what of")
    if few["clocks_differ"].any():
        told = "over before the hop that it must come after"
        _remark(console, f"clocks differ: {told}")
    if len(few["capture"].unique()) > 1:
        _remark(console, "delays between captures are only as right as their clocks")


def print_attachments(rows: pd.DataFrame, console: Console, limit: int) -> None:
    """Print files.

    Args:
        rows: as `analyzer.reports.attachment_list` lists them.
        console: where to.
        limit: how many are shown.
    """
    few = rows.head(limit)
    shown = pd.DataFrame(
        {
            "name": few["name"].map(_text, na_action="ignore"),
            "type": few["type"],
            "detected_type": few["detected_type"],
            "size_bytes": few["size_bytes"],
            "messages": few["messages"],
            "sha256": few["sha256"],
            "message_id": few["message_ids"].map(_first),
            "session_id": few["session_ids"].map(_first),
        }
    )
    left_out = ("message_id", "type", "session_id", "detected_type")
    _print_table("Attachments", shown, len(rows), console, left_out)
    if missing := int(few["sha256"].isna().sum()):
        files = pluralize(missing, "file")
        _remark(console, f"{files} without SHA-256: some of the content is missing")


def _print_table(
    title: str,
    shown: pd.DataFrame,
    count: int,
    console: Console,
    left_out: Sequence[str],
) -> None:
    fit_output(console)
    if not count:
        console.print(f"No {title.lower()} crossed in plaintext, or were decrypted.")
        return
    console.print(
        as_table(title, shown, console.width, optional=left_out, limit=len(shown))
    )
    if count > len(shown):
        more = f"and {count - len(shown):,} more"
        _remark(console, f"{more}: --limit shows as many as you ask for")


def _remark_incomplete(console: Console, few: pd.DataFrame) -> None:
    if incomplete := int(few["incomplete"].fillna(value=False).sum()):
        messages = pluralize(incomplete, "message")
        _remark(console, f"{messages} not captured, or not sent, to the end")


def _remark(console: Console, text: str) -> None:
    console.print(Text(text, "yellow"))


def _text(value: str) -> str:
    return shorten(value, _WIDEST_TEXT)


def _some(values: Sequence[str]) -> str | None:
    return some_of([*map(_text, values)]) if len(values) else None


def _first(values: Sequence[str]) -> str | None:
    return values[0] if len(values) else None


def _servers(rows: pd.DataFrame) -> pd.Series[Any]:
    servers = zip(rows["server_ip"], rows["server_port"], strict=True)
    texts = [None if pd.isna(ip) else endpoint(ip, port) for ip, port in servers]
    return pd.Series(texts, rows.index, dtype="object")


def _once(values: pd.Series[Any], is_same: pd.Series[bool]) -> pd.Series[Any]:
    return values.map(_text, na_action="ignore").astype("object").mask(is_same, "")


def _delays(rows: pd.DataFrame) -> pd.Series[str]:
    texts = rows["delay_s"].map(as_duration, na_action="ignore").astype("object")
    return texts.mask(rows["clocks_differ"], "clocks differ")
