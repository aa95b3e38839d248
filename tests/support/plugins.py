"""A protocol of a plug-in, and plug-ins that are installed for a test."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING
from unittest import mock

from dissectors import Pop3Dialogue, registry
from dissectors import plugins as loading
from dissectors.detection import openings
from dissectors.services import Security, Service
from dissectors.spec import Opening, Profile, ProtocolSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dissectors.conversation.dialogue import Dialogue

_CACHED = (
    registry._registry,
    registry.service_by_port,
    registry.ports,
    registry.anomalies,
    openings.server_beginnings,
    openings.client_beginnings,
    openings.speech,
    openings.protocol_by_alpn,
    openings.alpn_pattern,
)


class _Entry:
    """An entry point of a package that is not there."""

    dist = None
    value = "telepathy:SPEC"

    def __init__(self, name: str, result: object) -> None:
        self.name = name
        self._result = result

    def load(self) -> object:
        if isinstance(self._result, BaseException):
            raise self._result
        return self._result


@contextmanager
def plugins() -> Iterator[Callable[..., None]]:
    """Let a test install plug-ins: the objects that their entry points name."""

    def install(*results: object) -> None:
        forget()
        entries[:] = [_Entry(f"plugin{at}", each) for at, each in enumerate(results)]

    def entry_points(*, group: str) -> list[_Entry]:
        return entries if group == registry.GROUP else []

    entries: list[_Entry] = []
    with mock.patch.object(loading, "entry_points", entry_points):
        forget()
        yield install
    forget()


def forget() -> None:
    """Have the plug-ins looked for again."""
    for each in _CACHED:
        each.cache_clear()


def echo(
    name: str = "echo",
    port: int = 7,
    alpn: tuple[bytes, ...] = (),
    make: Callable[[Service | None], Dialogue] | None = None,
) -> ProtocolSpec:
    """A protocol that greets with ECHO and is read like POP3."""
    return ProtocolSpec(
        name=name,
        services=(Service(name, name, port, Security.STARTTLS),),
        opening=Opening(
            server=re.compile(rb"ECHO(?:[ \r\n]|$)"),
            client=re.compile(rb"SAY(?:[ \r\n]|$)"),
            server_beginnings=(b"ECHO",),
            client_beginnings=(b"SAY ",),
            alpn=alpn,
        ),
        make=make or (lambda _service: Pop3Dialogue()),
        profile=Profile(*["repeats what is said"] * 8),
        anomalies={f"{name}_mismatch": "the server says something else"},
    )


ECHO = echo()
