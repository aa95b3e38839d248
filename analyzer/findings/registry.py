"""All rules: those that come with mailtap, and those of other packages.

A package adds rules by an entry point in the group `mailtap.rules`, which names a
`Rule` or several, as docs/own-rules.md says. They are looked for when rules are first
asked for, once in a process. What can't be loaded is left out: `problems` says so.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from analyzer.findings import (
    abuse,
    certificates,
    completeness,
    delays,
    delivery,
    plaintext,
    reachability,
    smtp,
    starttls,
    tls,
)
from analyzer.findings.levels import Confidence, Mender, Severity
from analyzer.findings.rule import Rule
from dissectors.plugins import load_plugins

if TYPE_CHECKING:
    from dissectors.plugins import Plugin

BUILTIN: tuple[Rule, ...] = (
    *plaintext.RULES,
    *abuse.RULES,
    *starttls.RULES,
    *smtp.RULES,
    *delivery.RULES,
    *tls.RULES,
    *certificates.RULES,
    *delays.RULES,
    *reachability.RULES,
    *completeness.RULES,
)


GROUP = "mailtap.rules"
_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_ABOUT = {"client_ip", "server_ip", "server_port", "account"}


class _Registry(NamedTuple):
    rules: dict[str, Rule]
    packages: dict[str, str]
    problems: tuple[str, ...]


def rules() -> dict[str, Rule]:
    """Return all rules by their IDs, mailtap's own first."""
    return {rule.id: rule for rule in BUILTIN} | _plugins().rules


def problems() -> tuple[str, ...]:
    """Say which plug-ins are left out, and why."""
    return _plugins().problems


def package_of(rule_id: str) -> str | None:
    """Return the package that adds a rule; `None` for mailtap's own."""
    return _plugins().packages.get(rule_id)


@cache
def _plugins() -> _Registry:
    known = {rule.id: rule for rule in BUILTIN}
    added: dict[str, Rule] = {}
    packages: dict[str, str] = {}

    def add(plugin: Plugin) -> None:
        value = plugin.value
        found = (value,) if isinstance(value, Rule) else tuple(value)
        new: dict[str, Rule] = {}
        for rule in found:
            if not isinstance(rule, Rule):
                raise TypeError(f"{plugin.where} is neither a Rule nor several of them")
            _check(rule)
            if rule.id in {**known, **added, **new}:
                raise ValueError(f"there is another rule {rule.id}")
            new[rule.id] = rule
        added.update(new)
        packages.update(dict.fromkeys(new, plugin.package or "a package"))

    return _Registry(added, packages, load_plugins(GROUP, "rule", add))


def _check(rule: Rule) -> None:
    """See that a rule is complete, before anything relies on that."""
    if not _ID.fullmatch(rule.id):
        raise ValueError(f"{rule.id!r} is no ID: small letters, digits and hyphens")
    # what is no member of these raises
    Severity(rule.severity)
    Confidence(rule.confidence)
    Mender(rule.mender)
    if not rule.per or not _ABOUT.issuperset(rule.per):
        raise ValueError(f"{rule.id} may be about {', '.join(sorted(_ABOUT))}")
    if not callable(rule.find):
        raise TypeError(f"find of {rule.id} is no function")
