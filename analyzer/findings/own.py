"""What is one's own: hosts, servers and domains, as users said or as it is inferred.

Where nothing was said, hosts with private addresses are one's own, and servers that
accepted a login; but not those of others into which one's own users log in. Domains are
then those of the accounts that logged in there, each for its server alone.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import compute

from analyzer.findings.levels import Confidence
from analyzer.tables.columns import number
from dissectors.events import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from analyzer.findings.facts import Facts

    Flags = npt.NDArray[np.bool_]

# RFC 1918 §3, RFC 6598 §7, RFC 4193 §3.1; and loopback and link-local addresses (RFC
# 6890 §2.2). Those of documentation (RFC 5737, RFC 3849) are not private.
_PRIVATE = (
    r"^(?:10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\."
    r"|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|127\.|169\.254\."
    r"|f[cd][0-9a-f]{2}:|fe[89ab][0-9a-f]:|::1$)"
)
# RFC 1035 §2.3.4 allows more; names of that many labels below one's own are rare
_MOST_LABELS = 10


class Ownership:
    """Tells what is one's own.

    Args:
        facts: the tables, and what users said.

    Attributes:
        confidence: of findings that rest on which hosts are one's own.
    """

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        said = facts.own
        self._networks, self._servers = said.networks, said.servers
        is_said = bool(said.networks or said.servers)
        self.confidence = Confidence.LIKELY if is_said else Confidence.POSSIBLE

    @cached_property
    def clients(self) -> Flags:
        """For each session whether the client is one's own."""
        return self._hosts("client_ip")

    @cached_property
    def servers(self) -> Flags:
        """For each session whether the server is one's own."""
        return self._hosts("server_ip")

    @cached_property
    def login_servers(self) -> frozenset[str]:
        """The addresses of one's own servers that accepted a login."""
        places = self._accepted["session"].to_numpy()
        addresses = self._facts.of_session(self._accepted, "server_ip")
        return frozenset(addresses[self.servers[places]].dropna())

    @cached_property
    def users(self) -> Flags:
        """For each session whether its client logged in at that server, ever."""
        clients, servers = (
            self._facts.codes(name)[0] for name in ("client_ip", "server_ip")
        )
        pairs = number(clients, servers)
        flags: Flags = np.isin(pairs, pairs[self._accepted["session"].to_numpy()])
        return flags

    @property
    def domains_are_said(self) -> bool:
        """Whether users named their domains."""
        return bool(self._facts.own.domains)

    @property
    def domains(self) -> frozenset[str]:
        """One's own domains, in lower case; empty if nothing is known of them."""
        return frozenset(domain for _, domain in self._domains)

    def has_domain(
        self, domains: pd.Series[Any], sessions: npt.NDArray[np.int64]
    ) -> Flags:
        """Return which domains are one's own, or below one of them.

        Where users named none, that is so for a server into which somebody of the
        domain logged in, and for no other: whoever has a server may let anybody in.

        Args:
            domains: some.
            sessions: places of the sessions in which they are named.
        """
        servers, known = self._servers_of(sessions), self._domains
        knowing = [server for server, _ in known]
        flags: Flags = np.isin(servers, knowing) & domains.notna().to_numpy(bool)
        servers, domains = servers[flags], domains[flags]
        _, firsts, numbers = np.unique(
            number(servers, domains), return_index=True, return_inverse=True
        )
        own = [
            any((server, parent) in known for parent in _parents(domain))
            for server, domain in zip(
                servers[firsts].tolist(), domains.iloc[firsts], strict=True
            )
        ]
        flags[flags] = np.array(own, bool)[numbers]
        return flags

    @cached_property
    def _domains(self) -> frozenset[tuple[int, str]]:
        """One's own domains, each with the number of the server that knows it."""
        if self.domains_are_said:
            return frozenset((0, domain) for domain in self._facts.own.domains)
        places = self._accepted["session"].to_numpy()
        domains = domain_of(self._accepted["user"])
        is_own = self.servers[places] & domains.notna().to_numpy()
        servers = self._servers_of(places[is_own]).tolist()
        return frozenset(zip(servers, domains[is_own], strict=True))

    def _servers_of(self, sessions: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return a number for the server of each session, if that matters."""
        servers, _ = self._facts.codes("server_ip")
        return np.zeros_like(sessions) if self.domains_are_said else servers[sessions]

    @cached_property
    def _accepted(self) -> pd.DataFrame:
        logins = self._facts.logins
        return logins.where(logins["result"] == Outcome.SUCCESS, "user")

    def _hosts(self, column: str) -> Flags:
        _, addresses = self._facts.codes(column)
        own = is_private(addresses)
        if self._networks:
            own = self._facts.addresses(column).are_in(self._networks)
        named = self._servers or (frozenset() if self._networks else self._inferred)
        own |= addresses.isin(sorted(named))
        return self._facts.spread(column, own, unknown=False)

    @cached_property
    def _inferred(self) -> frozenset[str]:
        """Servers into which others than one's own hosts log in."""
        clients = self._facts.of_session(self._accepted, "client_ip")
        servers = self._facts.of_session(self._accepted, "server_ip")
        from_outside = ~is_private(clients)
        return frozenset(servers[from_outside].dropna())


def is_private(addresses: Iterable[str]) -> Flags:
    """Return which addresses are private; false for null."""
    texts = pa.array(addresses, pa.string(), from_pandas=True)
    found = compute.match_substring_regex(texts, _PRIVATE)
    flags: Flags = pd.Series(found.to_pylist(), dtype="boolean").to_numpy(
        bool, na_value=False
    )
    return flags


def domain_of(addresses: pd.Series[Any]) -> pd.Series[Any]:
    """Return the domains of addresses, in lower case; null without one."""
    texts = pa.array(addresses, pa.string(), from_pandas=True)
    found = compute.extract_regex(texts, r"@(?P<domain>[^@\s>]+)>?\s*$")
    domains = compute.utf8_lower(compute.struct_field(found, "domain"))
    return pd.Series(domains, index=addresses.index, dtype=pd.ArrowDtype(pa.string()))


def _parents(domain: str) -> list[str]:
    labels = domain.rsplit(".", _MOST_LABELS)
    return [domain, *(".".join(labels[place:]) for place in range(1, len(labels)))]
