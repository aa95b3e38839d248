"""The mail ports of a run, and their protocols."""

from __future__ import annotations

import operator
from contextlib import suppress
from typing import TYPE_CHECKING

from dissectors import registry

if TYPE_CHECKING:
    from collections.abc import Mapping


def mail_ports(ports: Mapping[int, str] | None) -> Mapping[int, str]:
    """Return these ports, or those of all protocols.

    Raises:
        ValueError: there is no such port or no such protocol.
    """
    if ports is None:
        return registry.ports()
    for port, name in ports.items():
        if not _is_port(port):
            raise ValueError(f"ports: {port!r} is no number from 1 to 65535")
        if name not in registry.protocols():
            known = ", ".join(registry.protocols())
            raise ValueError(f"ports: port {port} is said to be {name!r}, not {known}")
    return ports


def _is_port(value: object) -> bool:
    """Return whether an integer, perhaps one of numpy, may be a port."""
    with suppress(TypeError):
        return 0 < operator.index(value) < 65_536  # type: ignore[arg-type]
    return False
