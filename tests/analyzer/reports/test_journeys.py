from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pytest

import analyzer
from analyzer.reports import journeys
from tests.support.analyses import analysis_of, decrypted
from tests.support.deliveries import Delivery
from tests.support.traffic import PacketScript, write_pcap

if TYPE_CHECKING:
    from pathlib import Path

    from analyzer import Analysis

RECEIVED = b"Received: from a by b; 1 Jan 2026 00:00:00 +0000\r\n"


def message(hops: int, identifier: bytes = b"<1@example.com>") -> bytes:
    """A message that so many servers have taken already."""
    return RECEIVED * hops + b"Message-ID: " + identifier + b"\r\n\r\nhi\r\n.\r\n"


def relayed(number: int, at_ms: int, content: bytes, reply: str = "250 ok") -> Delivery:
    """A server hands a message on."""
    script = Delivery(number, at_ms=at_ms).sender().recipient("250 ok")
    script.client(b"DATA\r\n").server(b"354 go on\r\n").client(content)
    return script.server(f"{reply}\r\n".encode())


def fetched(number: int, at_ms: int, content: bytes) -> PacketScript:
    """A client fetches a message by POP3."""
    script = PacketScript(110, client_port=50_000 + number, start_ms=at_ms)
    script.server(b"+OK hi\r\n").client(b"USER a\r\n").server(b"+OK\r\n")
    script.client(b"PASS a\r\n").server(b"+OK\r\n").client(b"RETR 1\r\n")
    return script.server(b"+OK\r\n" + content)


def told(analysis: Analysis, *columns: str) -> list[tuple[Any, ...]]:
    """Some columns of the report; what is missing is None."""
    rows = journeys(analysis.messages, analysis.sessions)[list(columns)]
    whole = rows.astype("object").where(rows.notna(), None)
    return [*whole.itertuples(index=False, name=None)]


def hops(
    tmp_path: Path,
    *scripts: PacketScript,
    columns: tuple[str, ...] = ("hop", "delay_s"),
) -> list[tuple[Any, ...]]:
    """What the report tells of connections."""
    analysis = analyzer.analyze(write_pcap(tmp_path / "a.pcap", *scripts))
    return told(analysis, *columns)


def test_message_is_followed_from_submission_to_relay_and_mailbox() -> None:
    office = decrypted("office")

    rows = told(office, "message_id", "hop", "direction", "service", "delay_s")

    photo = [row[1:4] for row in rows if row[0] == "<a81f22d0-phone@example.com>"]
    assert photo == [(1, "submitted", "submissions"), (2, "relayed", "smtp")]
    quotation = [row[1:] for row in rows if row[0] == "<q2291.7f3a@desk.example.com>"]
    assert [row[:3] for row in quotation] == [
        (1, "submitted", "submission"),
        (2, "retrieved", "imaps"),
        (2, "retrieved", "pop3s"),
    ]
    times = office.messages.set_index("message_id")["time"].sort_values()
    first, *later = times.loc["<q2291.7f3a@desk.example.com>"]
    assert [row[3] for row in quotation[1:]] == pytest.approx(
        [(each - first).total_seconds() for each in later], abs=1e-6
    )
    assert len(rows) == len(office.messages)


def test_delays_are_those_between_hops(tmp_path: Path) -> None:
    scripts = [
        fetched(1, 90_000, message(2)),
        relayed(1, 0, message(0)),
        relayed(2, 5000, message(1)),
    ]

    (first, none), (second, delay), (third, until_fetched) = hops(tmp_path, *scripts)

    assert (first, none, second, third) == (1, None, 2, 3)
    assert (delay, until_fetched) == pytest.approx((5, 85), abs=0.01)


def test_one_hop_to_several_servers_is_the_same_hop(tmp_path: Path) -> None:
    scripts = [relayed(1, 0, message(0)), relayed(2, 1000, message(1))]
    scripts.append(relayed(3, 7000, message(1)))

    assert hops(tmp_path, *scripts) == [(1, None), (2, 1), (2, 7)]


def test_clocks_of_captures_differ(tmp_path: Path) -> None:
    scripts = [relayed(1, 60_000, message(0)), relayed(2, 2000, message(1))]
    paths = [
        write_pcap(tmp_path / f"{number}.pcap", script)
        for number, script in enumerate(scripts)
    ]

    rows = told(analyzer.analyze(paths), "hop", "delay_s", "clocks_differ", "capture")

    assert rows == [
        (1, None, False, str(paths[0])),
        (2, None, True, str(paths[1])),
    ]


def test_hop_that_was_refused_is_followed_by_none(tmp_path: Path) -> None:
    scripts = [relayed(1, 0, message(0), "451 later"), relayed(2, 9000, message(0))]
    scripts.append(relayed(3, 10_000, message(1)))

    columns = ("hop", "outcome", "delay_s")
    assert hops(tmp_path, *scripts, columns=columns) == [
        (1, "refused", None),
        (1, "accepted", None),
        (2, "accepted", 1),
    ]


def test_stored_copy_is_no_hop() -> None:
    rows = told(analysis_of("office"), "direction", "hop")

    copies = [hop for direction, hop in rows if direction == "appended"]
    assert copies == [None]


def test_messages_without_an_id_are_not_taken_for_one(tmp_path: Path) -> None:
    nameless = b"Subject: a\r\n\r\nhi\r\n.\r\n"
    scripts = [relayed(1, 0, nameless), relayed(2, 1000, RECEIVED + nameless)]
    scripts.append(relayed(3, 2000, message(0)))

    columns = ("message_id", "hop", "delay_s", "clocks_differ")
    assert hops(tmp_path, *scripts, columns=columns) == [
        ("<1@example.com>", 1, None, False),
        (None, 1, None, False),
        (None, 1, None, False),
    ]


def test_id_that_is_forged_many_times_costs_no_more() -> None:
    analysis = analysis_of("smtp-two-messages")

    many = pa.concat_tables([analysis.tables["messages"]] * 5000).combine_chunks()
    messages = many.to_pandas(types_mapper=pd.ArrowDtype)
    messages["message_id"] = "<same@example.com>"
    begin_s = time.process_time()

    rows = journeys(messages, analysis.sessions)

    assert len(rows) == 10_000
    # the square of that would take minutes
    assert time.process_time() - begin_s < 10


def test_there_are_no_journeys() -> None:
    assert told(analysis_of("negative-http"), "hop") == []
