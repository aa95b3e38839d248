"""What servers refused, of dialogues made by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import analyzer
from analyzer.findings.facts import Facts
from analyzer.findings.refused_mail import refused_mail
from analyzer.findings.settings import Own
from tests.support.deliveries import Delivery
from tests.support.traffic import PacketScript, write_pcap

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd


def refused(folder: Path, *scripts: PacketScript) -> pd.DataFrame:
    analysis = analyzer.analyze(write_pcap(folder / "a.pcap", *scripts))
    return refused_mail(Facts(analysis.tables, Own()))


def test_what_follows_from_a_refusal_is_none(tmp_path: Path) -> None:
    delivery = Delivery().sender("550 5.7.23 SPF").recipient("503 5.5.1 need MAIL")

    (refusal,) = refused(tmp_path, delivery).to_dict("records")

    assert (refusal["answered"], refusal["why"]) == ("MAIL", "sender-authentication")


def test_sender_who_is_accepted_later_was_not_refused(tmp_path: Path) -> None:
    login = "530 5.7.0 Authentication required"

    assert refused(tmp_path, Delivery().sender(login).sender()).empty
    (refusal,) = refused(tmp_path, Delivery().sender().sender(login)).to_dict("records")
    assert refusal["why"] == "login-required"


def test_client_that_tries_helo_was_not_refused(tmp_path: Path) -> None:
    script = PacketScript(25).server(b"220 hi\r\n")
    script.client(b"EHLO a\r\n").server(b"500 no\r\n")
    script.client(b"HELO a\r\n").server(b"250 hi\r\n")

    assert refused(tmp_path, script).empty


def test_envelope_is_that_of_the_refused_recipient(tmp_path: Path) -> None:
    first = Delivery().sender().recipient("250 ok", "ines").message("250 ok")
    first.sender().recipient("450 later", "tom")
    again = Delivery(1, at_ms=60_000).sender().recipient("250 ok", "tom")

    (refusal,) = refused(tmp_path, first, again).to_dict("records")

    assert refusal["sender"] == "from:<ann@example.net>"
    assert refusal["recipient"] == "TO:<tom@example.com>"
    assert 59 < refusal["waited_s"] < 61
