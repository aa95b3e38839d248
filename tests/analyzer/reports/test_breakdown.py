from __future__ import annotations

from collections import Counter

import pandas as pd
import pytest

from analyzer.reports import (
    Channel,
    by_channel,
    by_failure,
    by_port,
    by_tls_version,
    channel_of,
    failed,
    port_totals,
)
from tests.support.analyses import analysis_of, rows_of


@pytest.mark.parametrize("capture", ["office", "negative-http"])
def test_every_channel_is_counted_even_if_nobody_used_it(capture: str) -> None:
    sessions = analysis_of(capture).sessions

    counts = by_channel(sessions)

    assert counts["channel"].tolist() == [kind.value for kind in Channel]
    told = dict(zip(counts["channel"], counts["sessions"], strict=True))
    assert +Counter(told) == Counter(channel_of(sessions))


def test_ports_of_the_office_add_up() -> None:
    ports = by_port(analysis_of("office").sessions)

    expected = Counter(
        (row["server_port"], row["service"], row["protocol"])
        for row in rows_of("office")
    )
    names = ["server_port", "service", "protocol"]
    keys = ports[names].itertuples(index=False, name=None)
    assert dict(zip(keys, ports["sessions"], strict=True)) == expected
    kinds = ports[[kind.value for kind in Channel]]
    assert kinds.sum(axis="columns").tolist() == ports["sessions"].tolist()
    assert ports["sessions"].is_monotonic_decreasing


def test_newest_tls_version_comes_first_and_old_ones_are_deprecated() -> None:
    sessions = analysis_of("office").sessions
    versions = pd.Series(["TLSv1.1", "TLSv1.3", "SSLv3", "TLSv1.2", "TLSv1.2"])
    # the sixth has none
    some = sessions.iloc[:6].assign(tls_version=versions, tls_cipher="x")

    rows = by_tls_version(some)

    assert rows.to_dict("list") == {
        "tls_version": ["TLSv1.3", "TLSv1.2", "TLSv1.1", "SSLv3"],
        "sessions": [1, 2, 1, 1],
        "deprecated": [False, False, True, True],
    }


def test_failures_are_counted_whatever_their_text() -> None:
    sessions = analysis_of("office").sessions

    rows = by_failure(sessions)

    assert rows.to_dict("list") == {
        "failure": ["login-failed", "recipients-refused"],
        "sessions": [8, 1],
    }
    assert rows["sessions"].sum() == failed(sessions)["sessions"].sum()


def test_totals_per_port_add_up() -> None:
    sessions = analysis_of("office").sessions

    totals = port_totals(sessions).set_index("service")

    for service, rows in sessions.groupby("service"):
        told = totals.loc[service]
        assert told["sessions"] == len(rows)
        assert told["clients"] == rows["client_ip"].nunique()
        assert told["servers"] == rows["server_ip"].nunique()
        assert told["failed"] == rows["failure"].count()
        assert told["bytes"] == (rows["client_bytes"] + rows["server_bytes"]).sum()
    assert totals["messages"].sum() == len(rows_of("office", "messages"))
    assert totals["encrypted"].sum() == 14
