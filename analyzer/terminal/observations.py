"""What traffic did with each protocol, in words that stand beside its profile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from analyzer.reports import Channel
from analyzer.terminal.format import as_duration, as_size
from analyzer.text import pluralize
from dissectors import registry
from dissectors.services import Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    # a row of `reports.protocol_use`, or of `reports.by_port`
    Row = Mapping[Any, Any]

NOT_SEEN = "not seen"
HIDDEN = "hidden by TLS"
# SMTP, say, has no folders
NOTHING = "-"

# who scans for servers tries many
_MAX_PORTS = 6


def observations(use: Row, ports: Sequence[Row]) -> dict[str, list[str]]:
    """Say what was seen of a protocol.

    Args:
        use: how it was used.
        ports: on which ports, the busiest first.

    Returns:
        Some short texts for each attribute of `Profile`.
    """
    if not use["sessions"]:
        return {name: [NOT_SEEN] for name in (*_OUTSIDE, *_INSIDE, "ports")}
    inside = {name: describe(use) or [NOTHING] for name, describe in _INSIDE.items()}
    if use["hidden"] == use["sessions"]:
        inside = {name: [HIDDEN] for name in _INSIDE}
    outside = {name: describe(use) for name, describe in _OUTSIDE.items()}
    return {**inside, **outside, "ports": _ports(ports, use["protocol"])}


def _messages(use: Row) -> list[str]:
    messages = _counts(
        use,
        messages_submitted="submitted",
        messages_relayed="relayed",
        messages_retrieved="retrieved",
        headers_fetched="as header only",
        parts_fetched="as parts",
        messages_appended="stored",
    )
    is_mail = not registry.is_plugin(use["protocol"])
    return messages or (["no message"] if is_mail else [])


def _volume(use: Row) -> list[str]:
    return [
        f"{as_size(use['client_bytes'])} to servers",
        f"{as_size(use['server_bytes'])} to clients",
    ]


def _storage(use: Row) -> list[str]:
    protocol = use["protocol"]
    deleted = f"{use['messages_deleted']:,} deleted"
    if protocol == Protocol.IMAP:
        moves = _counts(use, messages_copied="copied", messages_moved="moved")
        return [deleted, *moves]
    if protocol != Protocol.POP3:
        return []
    left: Any = use["messages_left"]
    known = [f"{left:,} left on the server"] if pd.notna(left) else []
    sessions = _session_counts(
        use, kept_all="kept all", deleted_some="deleted some", deleted_all="deleted all"
    )
    return [*known, deleted, *sessions]


def _synchronisation(use: Row) -> list[str]:
    protocol = use["protocol"]
    if protocol == Protocol.POP3:
        counts = _session_counts(use, uidl_sessions="asked what is new")
        return counts or ["nobody asked what is new"]
    if protocol != Protocol.IMAP:
        return []
    sessions = _session_counts(
        use,
        synchronised_complete="learned all",
        synchronised_new="learned some",
        synchronised_none="learned nothing",
    )
    changed = use["flags_changed"]
    flags = [f"flags of {changed:,} changed"] if changed else []
    return [*sessions, *flags] or ["nothing synchronised"]


def _devices(use: Row) -> list[str]:
    accounts, roaming = use["accounts"], use["roaming_accounts"]
    if not accounts:
        return ["no account known"]
    texts = [pluralize(accounts, "account")]
    if not roaming:
        texts.append(("each " if accounts > 1 else "") + "from one address")
    elif accounts == 1:
        texts.append(f"from {use['most_devices']:,} addresses")
    else:
        texts.append(f"{roaming:,} from up to {use['most_devices']:,} addresses")
    return texts


def _folders(use: Row) -> list[str]:
    if use["protocol"] != Protocol.IMAP:
        return []
    return _counts(
        use,
        mailboxes="opened",
        mailboxes_listed="listed",
        mailboxes_changed="changed",
    ) or ["none"]


def _connection(use: Row) -> list[str]:
    texts = [f"{as_duration(use['longest_s'])} (longest)"]
    if use["sessions"] > 1:
        texts.insert(0, f"{as_duration(use['median_s'])} (median)")
    if use["idle_sessions"]:
        sessions = pluralize(use["idle_sessions"], "session")
        texts.append(f"{sessions} idle for {as_duration(use['idle_s'])}")
    return texts


def _channels(use: Row) -> list[str]:
    known = use["sessions"] - use["unknown"]
    return [
        *([f"{use['encrypted']:,} of {known:,} encrypted"] if known else []),
        *_counts(
            use,
            failed_tls="failed to be",
            unknown="unknown",
            exposing_logins="showed a password or token",
        ),
    ]


def _ports(ports: Sequence[Row], protocol: str) -> list[str]:
    names = {
        Channel.IMPLICIT.value: "TLS",
        Channel.STARTTLS.value: _upgrade(protocol),
        Channel.MIDSTREAM.value: "TLS, start not seen",
        Channel.PLAINTEXT.value: "in plaintext",
        Channel.FAILED.value: "failed",
        Channel.UNKNOWN.value: "unknown",
    }
    lines = [
        f"{port['server_port']}: {', '.join(_counts(port, **names))}"
        for port in ports[:_MAX_PORTS]
    ]
    if len(ports) > _MAX_PORTS:
        lines.append(f"and {pluralize(len(ports) - _MAX_PORTS, 'more port')}")
    return lines


def _upgrade(protocol: str) -> str:
    spec = registry.protocols().get(protocol)
    return spec.upgrade if spec is not None else "STARTTLS"


def _counts(row: Row, **names: str) -> list[str]:
    """Return the counts that are not zero, each with what is counted."""
    return [f"{row[column]:,} {name}" for column, name in names.items() if row[column]]


def _session_counts(row: Row, **names: str) -> list[str]:
    """Return the same for numbers of sessions."""
    return [
        f"{pluralize(row[column], 'session')} {name}"
        for column, name in names.items()
        if row[column]
    ]


_INSIDE: dict[str, Callable[[Row], list[str]]] = {
    "purpose": _messages,
    "storage": _storage,
    "synchronisation": _synchronisation,
    "devices": _devices,
    "folders": _folders,
}
# what TLS does not hide
_OUTSIDE: dict[str, Callable[[Row], list[str]]] = {
    "direction": _volume,
    "network": _connection,
    "security": _channels,
}
