"""All protocols that mailtap knows: its own, and those that plug-ins add.

A plug-in is a package with an entry point in the group `mailtap.protocols` that names
its `ProtocolSpec`, as docs/plugins.md says. It is looked for when a protocol is first
asked for, once in a process. One that can't be loaded, or contradicts what is known
already, is left out: `problems` says so, and all else goes on.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import distributions, entry_points
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from dissectors import anomalies as shared
from dissectors.conversation.dissector import MailDissector
from dissectors.imap.spec import SPEC as IMAP
from dissectors.pop3.spec import SPEC as POP3
from dissectors.smtp.spec import SPEC as SMTP
from dissectors.spec import ProtocolSpec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from importlib.metadata import Distribution, EntryPoint

    from dissectors.services import Service

GROUP = "mailtap.protocols"
BUILTIN = (SMTP, IMAP, POP3)


class _Registry(NamedTuple):
    protocols: dict[str, ProtocolSpec]
    problems: tuple[str, ...]


def protocols() -> Mapping[str, ProtocolSpec]:
    """Return all protocols by their names, mailtap's own first."""
    return _registry().protocols


def problems() -> tuple[str, ...]:
    """Say which plug-ins are left out, and why."""
    return _registry().problems


def is_plugin(name: str) -> bool:
    """Return whether a protocol is not one of mailtap's own."""
    return all(name != spec.name for spec in BUILTIN)


@cache
def service_by_port() -> Mapping[int, Service]:
    """Return the services by the ports on which they are expected."""
    return {
        service.port: service
        for spec in protocols().values()
        for service in spec.services
    }


@cache
def ports() -> Mapping[int, str]:
    """Return the mail ports, each with the name of its protocol."""
    return {port: service.protocol for port, service in service_by_port().items()}


@cache
def anomalies() -> Mapping[str, str]:
    """Return all codes of anomalies, and what each means."""
    return known_anomalies(protocols().values())


def known_anomalies(specs: Iterable[ProtocolSpec]) -> dict[str, str]:
    """Return the codes that all protocols share, and those of some."""
    codes = dict(shared.ANOMALIES)
    for spec in specs:
        codes |= spec.anomalies
    return codes


@cache
def _registry() -> _Registry:
    known = {spec.name: spec for spec in BUILTIN}
    entries, left_out = _entries()
    for entry in sorted(entries, key=lambda entry: entry.name):
        try:
            spec = _load(entry)
            _check(spec, known.values())
        except (Exception, SystemExit) as error:  # noqa: BLE001, whoever wrote it
            left_out.append(_describe(entry, error))
        else:
            known[spec.name] = spec
    return _Registry(known, tuple(left_out))


def _entries() -> tuple[list[EntryPoint], list[str]]:
    """Find what plug-ins name, and say what can't be read."""
    try:
        return list(entry_points(group=GROUP)), []
    except Exception:  # noqa: BLE001, one broken package hides all others
        return _readable_entries()


def _readable_entries() -> tuple[list[EntryPoint], list[str]]:
    """Look through the packages one by one, which takes longer."""
    entries: dict[str, list[EntryPoint]] = {}
    left_out = []
    for package in distributions():
        name = _name(package) or f"a package in {package.locate_file('')}"
        # a package hides others of its name behind it on the path
        if name not in entries:
            entries[name] = []
            try:
                entries[name] += package.entry_points.select(group=GROUP)
            except Exception as error:  # noqa: BLE001, whatever is wrong with it
                reason = _reason(error)
                left_out.append(f"any plug-ins of {name} are left out ({reason})")
    return list(chain(*entries.values())), left_out


def _load(entry: EntryPoint) -> ProtocolSpec:
    spec = entry.load()
    if not isinstance(spec, ProtocolSpec):
        raise TypeError(f"{entry.value} is no ProtocolSpec")
    return spec


def _check(spec: ProtocolSpec, known: Iterable[ProtocolSpec]) -> None:
    """See that a protocol takes nothing away from others."""
    mine = {service.port for service in spec.services}
    alpn = set(spec.opening.alpn)
    for other in known:
        if other.name == spec.name:
            raise ValueError(f"there is another protocol {spec.name}")
        if taken := mine & {service.port for service in other.services}:
            raise ValueError(f"port {min(taken)} is that of {other.name}")
        if alpn & set(other.opening.alpn):
            raise ValueError(f"its ALPN is that of {other.name}")
    for service in (None, *spec.services):
        # one that was not made to its end fails here
        MailDissector(spec.new_dialogue(service))


def _describe(entry: EntryPoint, error: BaseException) -> str:
    package = _name(entry.dist) if entry.dist is not None else None
    of_package = f" of {package}" if package else ""
    return f"the protocol {entry.name}{of_package} is left out ({_reason(error)})"


def _name(package: Distribution) -> str | None:
    try:
        return package.name
    except Exception:  # noqa: BLE001, its metadata is broken
        return None


def _reason(error: BaseException) -> str:
    name = type(error).__name__
    try:
        return f"{name}: {error}"
    except Exception:  # noqa: BLE001, whoever wrote it
        return name
