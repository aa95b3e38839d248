"""One finding in one line, for people who watch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analyzer.text import as_line, endpoint, shorten

if TYPE_CHECKING:
    from collections.abc import Mapping

_WIDEST_TEXT = 60


def describe_finding(finding: Mapping[str, Any]) -> str:
    """Say in a line what is wrong, how badly, and whom it concerns.

    Args:
        finding: its row; what is missing is `None`.
    """
    time = finding["last_seen"].strftime("%H:%M:%S")
    about = " ".join(_subject(finding))
    return (
        f"{time}  {finding['severity'].upper():<8}  {finding['title']}"
        f"{': ' if about else ''}{about}  [{finding['rule']}]"
    )


def _subject(finding: Mapping[str, Any]) -> list[str]:
    account, client, server = (
        finding[name] for name in ("account", "client_ip", "server_ip")
    )
    port = finding["server_port"]
    told = [shorten(as_line(account), _WIDEST_TEXT)] if account else []
    if client:
        told.append(client)
    elif finding["session_count"] > 1:
        told.append(f"{finding['session_count']:,} sessions")
    if server:
        told.append(f"> {endpoint(server, port) if port else server}")
    return told
