"""The file of settings: read, and written with the defaults."""

from __future__ import annotations

import math
import re
from ipaddress import ip_address, ip_network
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from analyzer.findings.levels import Severity
from analyzer.findings.rule import SHARE, unit_of
from analyzer.findings.settings import Own, RuleSettings, Settings
from analyzer.findings.toml_file import TomlFile
from analyzer.text import near_names

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from pathlib import Path

    from analyzer.findings.rule import Rule
    from analyzer.findings.settings import Network
    from analyzer.findings.toml_file import Key

_DOMAIN = re.compile(r"[\w-]+(\.[\w-]+)*")
_SEVERITIES = ", ".join(Severity)
_OWN = """\
# What mailtap judges by: `mailtap config > mailtap.toml` writes this file, and
# `--config mailtap.toml` reads it. What is left out is as it is here.

[own]
# What is one's own. While all of these are empty, it is inferred: hosts with private
# addresses, servers that accept logins, and the domains of those who log in there.

# such as "192.0.2.0/24"
networks = []
# for which one's own servers take mail, such as "example.com"
domains = []
# addresses of one's own mail servers, such as "192.0.2.25"
servers = []
"""


def read_settings(path: Path, rules: Mapping[str, Rule]) -> Settings:
    """Read a file of settings.

    Args:
        path: its name.
        rules: all rules, by their IDs.

    Raises:
        LoadError: it can't be read.
        MistakesError: it says what can't be.
    """
    file = _SettingsFile(path)
    tables = file.table((), file.content, ("own", "rules"))
    own = file.own(tables.get("own", {}))
    settings = file.rules(tables.get("rules", {}), rules)
    file.finish()
    return Settings(own, settings)


class _SettingsFile(TomlFile):
    def table(self, key: Key, value: Any, known: Collection[str]) -> dict[str, Any]:
        """Return a table without the keys that there are not."""
        if not isinstance(value, dict):
            header = ".".join(map(str, key))
            self.mistake(key, f"{header} is a table: write [{header}]")
            return {}
        for name in value.keys() - {*known}:
            what = "rule" if key == ("rules",) else "key"
            hint = near_names(name, known) or _among(known)
            self.mistake((*key, name), f"there is no {what} {name!r}{hint}")
        return {name: each for name, each in value.items() if name in known}

    def own(self, value: Any) -> Own:
        own = self.table(("own",), value, ("networks", "domains", "servers"))
        return Own(
            tuple(self._each(own, "networks", _network)),
            frozenset(self._each(own, "domains", _domain)),
            frozenset(self._each(own, "servers", _server)),
        )

    def rules(self, value: Any, rules: Mapping[str, Rule]) -> dict[str, RuleSettings]:
        return {
            rule_id: self._rule(("rules", rule_id), each, rules[rule_id])
            for rule_id, each in self.table(("rules",), value, rules).items()
        }

    def _each(
        self, own: Mapping[str, Any], name: str, parse: Callable[[str], Any]
    ) -> Iterator[Any]:
        values = own.get(name, [])
        key = ("own", name)
        if not isinstance(values, list):
            self.mistake(key, f'{name} is a list of texts, as in {name} = ["..."]')
            return
        for value in values:
            try:
                if not isinstance(value, str):
                    raise ValueError(f"{value!r} is no text: write it in quotes")
                yield parse(value)
            except ValueError as error:
                self.mistake(key, str(error), value=value)

    def _rule(self, key: Key, value: Any, rule: Rule) -> RuleSettings:
        usual = RuleSettings()
        said = self.table(key, value, ("enabled", "severity", *rule.thresholds))
        enabled = said.pop("enabled", usual.enabled)
        if not isinstance(enabled, bool):
            self.mistake((*key, "enabled"), "enabled is true or false, without quotes")
        severity = said.pop("severity", usual.severity)
        if severity is not None and severity not in (*Severity,):
            hint = f"{severity!r} is no severity: it is one of {_SEVERITIES}"
            self.mistake((*key, "severity"), hint)
            severity = None
        for name, number in said.items():
            is_share = unit_of(name) == SHARE
            if not _is_threshold(number, 1 if is_share else math.inf):
                kind = "from 0 to 1" if is_share else "zero or more"
                usually = f"such as {rule.thresholds[name]:g}"
                why = f"{name} is a number, {kind}, {usually}"
                self.mistake((*key, name), why)
        return RuleSettings(
            bool(enabled), None if severity is None else Severity(severity), said
        )


def write_defaults(rules: Mapping[str, Rule]) -> str:
    """Return a file of settings that changes nothing, with comments."""
    return "\n".join([_OWN, *map(_defaults, rules.values())])


def _defaults(rule: Rule) -> str:
    lines = [
        *(f"# {line}" for line in wrap(f"{rule.title}. {rule.proof}", 86)),
        f"[rules.{rule.id}]",
        "enabled = true",
        # findings of one rule may differ in it
        f'# severity = "{rule.severity}"',
        *(f"{name} = {number:g}" for name, number in rule.thresholds.items()),
    ]
    return "".join(f"{line}\n" for line in lines)


def _network(text: str) -> Network:
    try:
        return ip_network(text)
    except ValueError:
        pass
    try:
        hint = f": did you mean {ip_network(text, strict=False)}?"
    except ValueError:
        hint = ": write one as 192.0.2.0/24 or 2001:db8::/32"
    raise ValueError(f"{text!r} is no network{hint}")


def _domain(text: str) -> str:
    if not _DOMAIN.fullmatch(text):
        raise ValueError(f"{text!r} is no domain: write one as example.com")
    return text.lower()


def _server(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError as error:
        raise ValueError(
            f"{text!r} is no address: write one as 192.0.2.25 or 2001:db8::25"
        ) from error


def _is_threshold(value: Any, most: float) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and math.isfinite(value) and 0 <= value <= most


def _among(known: Collection[str]) -> str:
    """Name what there is, if that is not too much."""
    return f": it is one of {', '.join(known)}" if len(known) < 10 else ""
