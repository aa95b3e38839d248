"""The interfaces of this machine, and who may watch them."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from captures.live.capture import NO_RIGHTS, Engine
from captures.live.interfaces import (
    InterfaceState,
    down_hint,
    link_name,
    link_type,
    may_open_sockets,
    state_of,
    unsupported,
)


@dataclass(frozen=True, slots=True)
class Interface:
    """An interface of this machine.

    Attributes:
        name: what it is called.
        index: its number.
        is_up: whether it is switched on.
        link: its link layer.
        addresses: its IP addresses.
        engines: what could watch it now.
        problem: why nothing could, and what to do.
    """

    name: str
    index: int
    is_up: bool
    link: str
    addresses: tuple[str, ...]
    engines: tuple[Engine, ...]
    problem: str | None


def list_interfaces() -> list[Interface]:
    """List all interfaces, and whether this process may watch them."""
    from captures.live.dumpcap import may_dumpcap_capture

    # Scapy warns on import about routes and addresses of this machine
    logging.getLogger("scapy").setLevel(logging.CRITICAL)
    import scapy.arch.linux  # noqa: F401  # it finds the interfaces
    from scapy.config import conf

    allowed = {
        Engine.SOCKET: may_open_sockets(),
        Engine.DUMPCAP: may_dumpcap_capture(),
    }
    engines = tuple(engine for engine, is_allowed in allowed.items() if is_allowed)
    conf.ifaces.reload()
    interfaces = sorted(
        conf.ifaces.values(), key=lambda interface: int(interface.index)
    )
    return [
        _describe(
            interface.name,
            interface.index,
            interface.type,
            tuple(address for family in (4, 6) for address in interface.ips[family]),
            engines,
        )
        for interface in interfaces
    ]


def _describe(
    name: str,
    index: int,
    hardware: int,
    addresses: tuple[str, ...],
    engines: tuple[Engine, ...],
) -> Interface:
    is_up = state_of(name) is InterfaceState.UP
    is_unknown = link_type(hardware) is None
    problem = None
    if not is_up:
        engines, problem = (), down_hint(name)
    elif not engines:
        problem = NO_RIGHTS
    elif is_unknown and Engine.DUMPCAP in engines:
        engines = (Engine.DUMPCAP,)
    elif is_unknown:
        engines, problem = (), unsupported(hardware)
    return Interface(
        name,
        index,
        is_up=is_up,
        link=link_name(hardware),
        addresses=addresses,
        engines=engines,
        problem=problem,
    )
