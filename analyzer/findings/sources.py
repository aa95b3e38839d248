"""Who does something: a host, which in IPv6 changes its address as it likes.

A host has a whole IPv6 /64 (RFC 4291 §2.5.1), and may use another address of it for
each connection (RFC 8981): those who guess do.
"""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from analyzer.findings.facts import Facts

    Numbers = npt.NDArray[np.int64]

_V4, _V6 = 32, 64


def client_sources(facts: Facts) -> Numbers:
    """Return a number for each session: the same if one host may be its client."""
    return _networks(facts, v4=_V4, v6=_V6)


def client_networks(facts: Facts) -> Numbers:
    """Return a number for the network from which each session's client is seen."""
    return _networks(facts, v4=24, v6=48)


def _networks(facts: Facts, *, v4: int, v6: int) -> Numbers:
    """Return a number for the network of each session's client; 0 if unknown."""
    networks = facts.addresses("client_ip").networks(v4=v4, v6=v6)
    return facts.spread("client_ip", networks, unknown=0)


def source_names(facts: Facts, rows: pd.DataFrame) -> pd.Series[Any]:
    """Name the sources of some rows: by their address, or network if they change it.

    Args:
        facts: the sessions.
        rows: of any of the tables.
    """
    clients = facts.of_session(rows, "client_ip")
    source = facts.once(client_sources)[rows["session"].to_numpy()]
    pairs = pd.DataFrame({"client": clients, "source": source}, index=rows.index)
    pairs = pairs.drop_duplicates()
    changing = pairs[pairs["source"].duplicated(keep=False)]
    firsts = changing.dropna().drop_duplicates("source")
    networks = {
        number: str(ip_network(f"{client}/{_V6}", strict=False))
        for client, number in firsts.itertuples(index=False)
    }
    named = pd.Series(source, rows.index).map(networks)
    return clients.astype("object").where(named.isna(), named)
