"""What a rule is."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import pandas as pd

    from analyzer.findings.facts import Facts
    from analyzer.findings.levels import Confidence, Mender, Severity
    from analyzer.findings.settings import Settings


# what a finding is about, unless its rule says otherwise
CLIENT_AT_SERVER = ("client_ip", "server_ip", "server_port", "account")
CLIENT = ("client_ip",)
SERVER = ("server_ip", "server_port")
CLIENT_AT_PORT = ("client_ip", *SERVER)
SHARE = "share"
# names of thresholds end with their unit
_UNITS = {
    "bytes_per_s": "bytes per second",
    "s": "seconds",
    "seconds": "seconds",
    "days": "days",
    "share": SHARE,
}


def by_theme(rules: Iterable[Rule]) -> dict[str, list[Rule]]:
    """Return rules by what they belong to, in their order."""
    themes: dict[str, list[Rule]] = {}
    for rule in rules:
        themes.setdefault(rule.theme, []).append(rule)
    return themes


def unit_of(threshold: str) -> str:
    """Return the unit of a threshold, by its name; `count` for a number of something.

    A share is a part of the whole, from 0 to 1.
    """
    for ending, unit in _UNITS.items():
        if f"_{threshold}".endswith(f"_{ending}"):
            return unit
    return "count"


@dataclass(frozen=True, slots=True)
class Kind:
    """One of several kinds of what a rule finds, each of which is a finding of its own.

    Attributes:
        title: what is wrong, in place of what the rule says.
        mender: who can mend it.
        remedy: how.
    """

    title: str
    mender: Mender
    remedy: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that may be wrong.

    Attributes:
        id: its name; stable.
        theme: what it belongs to, such as `plaintext`.
        title: what is wrong, in a few words.
        severity: how badly, unless what `find` returns says otherwise.
        confidence: how surely, unless what `find` returns says otherwise.
        mender: who can mend it.
        remedy: how, in one or two sentences.
        proof: what it takes as proof, and what it is careful about.
        find: returns what it sees (`Facts.hits`): a row for each time.
        references: RFC, CVE or paper.
        per: what one finding is about: any of `client_ip`, `server_ip`,
            `server_port`, `account`, or another column of `sessions`.
        thresholds: numbers that users may set, by name.
        kinds: what it tells apart, by the `kind` that its hits tell.
        rests_on_absence: it finds that something was not sent. A session of which
            something was not captured makes that possible, and no more.
    """

    id: str
    theme: str
    title: str
    severity: Severity
    confidence: Confidence
    mender: Mender
    remedy: str
    proof: str
    find: Callable[[Facts], pd.DataFrame]
    references: tuple[str, ...] = ()
    per: tuple[str, ...] = CLIENT_AT_SERVER
    thresholds: Mapping[str, float] = field(
        default_factory=lambda: MappingProxyType({})
    )
    kinds: Mapping[str, Kind] = field(default_factory=lambda: MappingProxyType({}))
    rests_on_absence: bool = False

    def thresholds_in(self, settings: Settings) -> dict[str, float]:
        """Return its thresholds, as they are set."""
        return {**self.thresholds, **settings.of(self.id).thresholds}
