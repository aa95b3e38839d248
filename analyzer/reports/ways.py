"""Which protected ways a server offers beside plaintext, and what was seen of them.

A way is STARTTLS on the same port, or TLS on another port of the server for the same
protocol. RFC 8314 §3 prefers ports that begin with TLS.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from analyzer.reports.exposure import is_relay
from analyzer.reports.verdicts import NONE_SEEN, REFUSED, STARTTLS, UNKNOWN
from analyzer.sessions.role import Role
from analyzer.text import pluralize

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pandas as pd

# who runs a server may open as many ports as there are
_MAX_PORTS = 5
_PLACE = ["server_ip", "server_port", "protocol"]


@dataclass(frozen=True, slots=True)
class Ways:
    """The protected ways of a port.

    Attributes:
        is_implicit: the port itself begins with TLS.
        steps: sessions on the port, by how far STARTTLS went (`starttls`).
        ports: other ports, and how many sessions used TLS there.
        more_ports: how many more there are.
    """

    is_implicit: bool = False
    steps: Mapping[str, int] = field(default_factory=dict)
    ports: Mapping[int, int] = field(default_factory=dict)
    more_ports: int = 0

    @property
    def starttls(self) -> int:
        """How many sessions were offered STARTTLS."""
        return self.steps.get("offered", 0) + self.steps.get("accepted", 0)

    @property
    def offered(self) -> str:
        """The ways in words, or why there is none."""
        if self.is_implicit:
            return "TLS"
        ways = [STARTTLS] if self.starttls else []
        ways += [f"port {port}" for port in self.ports]
        if self.more_ports:
            ways.append(pluralize(self.more_ports, "more port"))
        if ways:
            return ", ".join(ways)
        if "refused" in self.steps:
            return REFUSED
        # what was captured in part proves no absence
        return NONE_SEEN if "not-offered" in self.steps else UNKNOWN

    def seen_by(self, client_offers: int) -> str:
        """Say what was seen of the ways.

        Args:
            client_offers: sessions in which a client itself was offered STARTTLS.
        """
        parts = []
        if self.starttls:
            offers = {"it": client_offers, "others": self.starttls - client_offers}
            told = [
                f"to {whom} in {pluralize(count, 'session')}"
                for whom, count in offers.items()
                if count
            ]
            parts.append(f"STARTTLS offered {' and '.join(told)}")
        else:
            parts += [
                f"STARTTLS {step.replace('-', ' ')} in {pluralize(count, 'session')}"
                for step, count in self.steps.items()
                if step in ("refused", "not-offered")
            ]
        parts += [
            f"TLS on port {port} in {pluralize(count, 'session')}"
            for port, count in self.ports.items()
        ]
        if self.is_implicit:
            parts.append("TLS on this port")
        return "; ".join(parts) or "nothing"


def ways(facts: pd.DataFrame, ports: pd.DataFrame) -> Iterator[Ways]:
    """Yield the ways of each port.

    Args:
        facts: of all sessions (`exposure`).
        ports: `server_ip`, `server_port`, `protocol`, `role`, and `implicit`, how many
            sessions began with TLS there.
    """
    steps: defaultdict[tuple[Any, ...], dict[str, int]] = defaultdict(dict)
    for *place, step, count in _counts(facts, [*_PLACE, "step"]):
        steps[tuple(place)][step] = count
    # relay on port 25 is no way for those who submit
    encrypted = facts[facts["encrypted"] & ~is_relay(facts)]
    others: defaultdict[tuple[Any, ...], dict[int, int]] = defaultdict(dict)
    for address, number, protocol, count in _counts(encrypted, _PLACE):
        others[address, protocol][number] = count
    first = {
        server: dict(list(numbers.items())[: _MAX_PORTS + 1])
        for server, numbers in others.items()
    }
    for port in ports.to_dict("records"):
        server = port["server_ip"], port["protocol"]
        known, number = others.get(server, {}), port["server_port"]
        shown = {each: n for each, n in first.get(server, {}).items() if each != number}
        if port["role"] == Role.RELAY:
            known, shown = {}, {}
        shown = dict(list(shown.items())[:_MAX_PORTS])
        yield Ways(
            bool(port["implicit"]),
            steps.get((port["server_ip"], number, port["protocol"]), {}),
            shown,
            len(known) - (number in known) - len(shown),
        )


def _counts(rows: pd.DataFrame, by: list[str]) -> Iterator[tuple[Any, ...]]:
    counts = rows.groupby(by).size().reset_index(name="count")
    return counts.itertuples(index=False, name=None)
