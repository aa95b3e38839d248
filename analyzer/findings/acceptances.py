"""The file of findings that somebody accepts, why, and until when."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

from analyzer.findings.toml_file import TomlFile
from analyzer.text import near_names

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

_KEYS = ("id", "reason", "until")
_AS = 'write [[accept]], and below it id = "...", reason = "..." and until = 2027-01-31'


class Acceptance(NamedTuple):
    """Why a finding is accepted, and the last day on which it is; `None` for ever."""

    reason: str
    until: dt.date | None


class Accepted(NamedTuple):
    """What is accepted on some day.

    Attributes:
        reasons: why, by `finding_id`.
        notes: what to know of others.
    """

    reasons: dict[str, str]
    notes: list[str]


def read_acceptances(path: Path) -> dict[str, Acceptance]:
    """Read a file of acceptances.

    Returns:
        Each by its `finding_id`.

    Raises:
        LoadError: it can't be read.
        MistakesError: it says what can't be.
    """
    file = TomlFile(path)
    for name in file.content.keys() - {"accept"}:
        file.mistake((name,), f"there is no key {name!r}: {_AS}")
    listed = file.content.get("accept", [])
    if not isinstance(listed, list) or not all(isinstance(e, dict) for e in listed):
        file.mistake(("accept",), f"accept is a list of tables: {_AS}")
        listed = []
    accepted: dict[str, Acceptance] = {}
    for number, entry in enumerate(listed):
        for key, reason in _mistakes(entry, accepted):
            file.mistake(("accept", number, key), reason)
        accepted[str(entry.get("id"))] = Acceptance(
            str(entry.get("reason")), entry.get("until")
        )
    file.finish()
    return accepted


def accept_on(
    day: dt.date,
    acceptances: Mapping[str, Acceptance],
    finding_ids: Collection[str],
) -> Accepted:
    """Say which findings are accepted on some day.

    Args:
        day: which.
        acceptances: what was read.
        finding_ids: the findings that there are.
    """
    accepted = Accepted({}, [])
    for finding_id, (reason, until) in acceptances.items():
        if finding_id not in finding_ids:
            accepted.notes.append(f"the finding {finding_id}, accepted, was not found")
        elif until is not None and until < day:
            accepted.notes.append(
                f"the finding {finding_id} was accepted until {until}: it counts again"
            )
        else:
            last = f" (until {until})" if until is not None else ""
            accepted.reasons[finding_id] = f"{reason}{last}"
    return accepted


def _mistakes(
    entry: Mapping[str, Any], others: Collection[str]
) -> list[tuple[str, str]]:
    """Return what is wrong with an acceptance, by key."""
    wrong = [
        (name, f"there is no key {name!r}{near_names(name, _KEYS)}")
        for name in entry
        if name not in _KEYS
    ]
    finding_id, reason = entry.get("id"), entry.get("reason")
    if not isinstance(finding_id, str) or not finding_id:
        wrong.append(("id", "id is that of a finding, in quotes"))
    elif finding_id in others:
        wrong.append(("id", f"the finding {finding_id!r} is accepted above"))
    if not isinstance(reason, str) or not reason.strip():
        wrong.append(("reason", "reason says, in quotes, why it is accepted"))
    until = entry.get("until")
    is_day = isinstance(until, dt.date) and not isinstance(until, dt.datetime)
    if until is not None and not is_day:
        wrong.append(("until", "until is a day without quotes, such as 2027-01-31"))
    return wrong
