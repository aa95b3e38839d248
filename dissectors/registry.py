"""All protocols that mailtap knows: its own, and those that plug-ins add.

A plug-in is a package with an entry point in the group `mailtap.protocols` that names
its `ProtocolSpec`, as docs/plugins.md says. It is looked for when a protocol is first
asked for, once in a process. One that can't be loaded, or contradicts what is known
already, is left out: `problems` says so, and all else goes on.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from dissectors import anomalies as shared
from dissectors.conversation.dissector import MailDissector
from dissectors.imap.spec import SPEC as IMAP
from dissectors.plugins import Plugin, load_plugins
from dissectors.pop3.spec import SPEC as POP3
from dissectors.smtp.spec import SPEC as SMTP
from dissectors.spec import ProtocolSpec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

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

    def add(plugin: Plugin) -> None:
        spec = plugin.value
        if not isinstance(spec, ProtocolSpec):
            raise TypeError(f"{plugin.where} is no ProtocolSpec")
        _check(spec, known.values())
        known[spec.name] = spec

    left_out = load_plugins(GROUP, "protocol", add)
    return _Registry(known, left_out)


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
