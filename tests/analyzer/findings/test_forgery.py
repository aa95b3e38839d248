from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.findings.settings import Own, Settings
from tests.support.abuse import ELSEWHERE, OUTSIDE, SERVER, found, login, mail

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.traffic import PacketScript

SAID = Settings(Own(domains=frozenset(("example.com",)), servers=frozenset((SERVER,))))
ANN, BEN = "ann@example.com", "ben@example.com"


def by(author: str, *fields: str) -> bytes:
    return "\r\n".join((f"From: {author}", *fields, "", "hi", "")).encode()


def told(
    folder: Path, *dialogues: PacketScript, settings: Settings = SAID
) -> list[tuple[str, str, str]]:
    findings = found(folder, "sender-forgery", dialogues, settings)
    return [
        (each["severity"], each["confidence"], each["evidence"][0]["seen"])
        for each in findings
    ]


def test_envelope_of_an_own_domain_from_outside_is_likely(tmp_path: Path) -> None:
    assert told(tmp_path, mail(OUTSIDE, BEN)) == [
        ("medium", "likely", f"MAIL FROM, from outside: {BEN}")
    ]


def test_author_of_an_own_domain_from_outside_is_possible(tmp_path: Path) -> None:
    forged = mail(OUTSIDE, content=by(f'"Ben, CEO" <{BEN}>'))

    assert told(tmp_path, forged) == [
        ("medium", "possible", f"From, from outside: {BEN}")
    ]


def test_what_a_list_hands_on_is_low(tmp_path: Path) -> None:
    handed_on = mail(
        OUTSIDE, "list@lists.example.net", content=by(BEN, "List-Id: <a.example.net>")
    )

    assert [severity for severity, *_ in told(tmp_path, handed_on)] == ["low"]


def test_domain_of_accounts_is_possibly_own(tmp_path: Path) -> None:
    seen_login = login(ELSEWHERE, 0, ANN, accepted=True)
    forged = mail(OUTSIDE, BEN, seconds=5)

    assert told(tmp_path, forged, settings=Settings()) == []
    assert told(tmp_path, seen_login, forged, settings=Settings()) == [
        ("medium", "possible", f"MAIL FROM, from outside: {BEN}")
    ]


def test_own_people_are_silent(tmp_path: Path) -> None:
    assert told(tmp_path, mail("10.0.0.5", BEN), settings=Settings()) == []
    assert told(tmp_path, mail(OUTSIDE, ANN, user=ANN, content=by(ANN))) == []


def test_mail_of_others_from_outside_is_silent(tmp_path: Path) -> None:
    forwarded = mail(OUTSIDE, content=by(f'"{ANN}" <ines@example.net>'))

    assert told(tmp_path, forwarded, mail(OUTSIDE, "", seconds=3)) == []


def test_account_that_sends_as_another_account_is_likely(tmp_path: Path) -> None:
    other = login(ELSEWHERE, 0, BEN, accepted=True)
    forged = mail(ELSEWHERE, ANN, seconds=5, user=ANN, port=587, content=by(BEN))

    assert told(tmp_path, other, forged) == [
        ("medium", "likely", f"From {BEN}, logged in as {ANN}")
    ]


def test_account_without_a_domain_is_compared_with_other_accounts(
    tmp_path: Path,
) -> None:
    forged = mail(ELSEWHERE, ANN, seconds=5, user="ann", port=587, content=by(BEN))

    assert told(tmp_path, forged) == []
    other = login(ELSEWHERE, 0, "ben", accepted=True)
    assert len(told(tmp_path, other, forged)) == 1


def test_second_address_of_an_account_is_low(tmp_path: Path) -> None:
    detail = mail(OUTSIDE, "ann+shop@example.com", user=ANN, content=by(ANN))
    second = mail(OUTSIDE, ANN, user=ANN, content=by("ann@example.org"))

    assert told(tmp_path, detail) == []
    assert told(tmp_path, second) == [
        ("low", "possible", f"From ann@example.org, logged in as {ANN}")
    ]


def test_refused_forgery_is_low(tmp_path: Path) -> None:
    refused = mail(OUTSIDE, BEN, answer="550 5.7.1 SPF")

    assert [severity for severity, *_ in told(tmp_path, refused)] == ["low"]
