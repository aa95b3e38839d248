"""Rules about STARTTLS: what proves each, and what only looks alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import analyzer
from analyzer.findings.registry import rules
from tests.support.findings import committed, findings_of, found, judgements
from tests.support.starttls import NO_OFFER, OFFER, agree, begin_tls, hello
from tests.support.tls.mail import play
from tests.support.tls.openssl import Settings
from tests.support.tls.wire import (
    APPLICATION_DATA,
    CHANGE_CIPHER_SPEC,
    CLIENT_HELLO,
    CLIENT_HELLO_1_3,
    SERVER_HELLO_1_3,
)
from tests.support.traffic import CLIENT, SERVER, PacketScript, write_pcap

if TYPE_CHECKING:
    from pathlib import Path

    from dissectors.events import Side


class OnLoopback(PacketScript):
    """A client of its own host."""

    client_ip = server_ip = "127.0.0.1"


def test_server_refuses() -> None:
    (finding,) = committed("smtp-starttls-refused", "starttls-refused")

    assert judgements([finding]) == [("medium", "proven")]
    assert finding["evidence"][0]["seen"].startswith("STARTTLS: 454 4.7.0 TLS not")


def test_server_refuses_what_it_never_offered(tmp_path: Path) -> None:
    dialogue = hello(NO_OFFER).client(b"STARTTLS\r\n").server(b"502 what?\r\n").close()

    assert judgements(found(tmp_path, "starttls-refused", dialogue)) == [
        ("low", "proven")
    ]


def test_server_that_agrees_in_the_end_does_not_refuse(tmp_path: Path) -> None:
    dialogue = hello().client(b"STARTTLS\r\n").server(b"454 later\r\n")
    dialogue.client(b"STARTTLS\r\n").server(b"220 go\r\n")

    assert not found(tmp_path, "starttls-refused", begin_tls(dialogue).close())


def test_command_is_put_behind_starttls() -> None:
    (finding,) = committed("smtp-starttls-injected", "starttls-command-injection")

    assert judgements([finding]) == [("high", "proven")]
    (evidence,) = finding["evidence"]
    assert (evidence["frame"], evidence["side"], evidence["offset"]) == (
        *(9, "client"),
        len(b"EHLO mx.example.net\r\nSTARTTLS\r\n"),
    )
    assert evidence["seen"].startswith("NOOP behind STARTTLS")


def test_command_comes_before_tls_though_after_the_go_ahead(tmp_path: Path) -> None:
    dialogue = begin_tls(agree().client(b"MAIL FROM:<eve@example.net>\r\n"))

    assert found(tmp_path, "starttls-command-injection", dialogue.close())


def test_reply_that_was_inserted_between_real_machines_is_proven() -> None:
    (finding,) = committed(
        "smtp-starttls-response-injected", "starttls-response-injection"
    )

    assert judgements([finding]) == [("high", "proven")]
    (evidence,) = finding["evidence"]
    # the go-ahead and what was inserted are one packet
    assert (evidence["frame"], evidence["side"]) == (10, "server")
    assert committed("smtp-submission-starttls-tls13", finding["rule"]) == []


IMAP = [
    b"* OK [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n",
    b"a STARTTLS\r\n",
    b"a OK go\r\n",
]
POP3 = [b"+OK hi\r\n", b"STLS\r\n", b"+OK go\r\n"]


@pytest.mark.parametrize(
    ("port", "lines", "injected"),
    [(143, IMAP, b"b NOOP\r\n"), (110, POP3, b"USER ann\r\n")],
)
def test_lines_are_put_between_in_every_protocol(
    port: int, lines: list[bytes], injected: bytes, tmp_path: Path
) -> None:
    greeting, command, agreement = lines
    asked = PacketScript(port).server(greeting).client(command).client(injected)
    answered = PacketScript(port).server(greeting).client(command)

    (by_client,) = found(
        tmp_path, "starttls-command-injection", begin_tls(asked.server(agreement))
    )
    (by_server,) = found(
        tmp_path,
        "starttls-response-injection",
        begin_tls(answered.server(agreement + b"* BYE\r\n")),
    )

    places = [each["evidence"][0]["offset"] for each in (by_client, by_server)]
    assert places == [len(command), len(greeting + agreement)]


def judged_with_keys(
    folder: Path, dialogue: PacketScript, *inside: tuple[Side, bytes]
) -> list[tuple[str, str]]:
    wire = play(Settings(), [*inside])
    for side, data in wire.steps:
        dialogue.send(side, data)
    keys = folder / "keys"
    keys.write_bytes(wire.key_log)
    analysis = analyzer.analyze(write_pcap(folder / "a.pcap", dialogue), key_log=keys)
    rule = rules()["starttls-command-injection"]
    return judgements(findings_of(analysis, rules=[rule]))


def test_server_answers_inside_tls_what_was_put_before_it(tmp_path: Path) -> None:
    def judged(*inside: tuple[Side, bytes]) -> list[tuple[str, str]]:
        dialogue = hello().client(b"STARTTLS\r\nRSET\r\n").server(b"220 go\r\n")
        return judged_with_keys(tmp_path, dialogue, *inside)

    asked = (CLIENT, b"EHLO a\r\n"), (SERVER, b"250 a\r\n")

    assert judged((SERVER, b"250 reset\r\n"), *asked) == [("critical", "proven")]
    assert judged(*asked) == [("high", "proven")]


def test_server_of_imap_does_so(tmp_path: Path) -> None:
    dialogue = PacketScript(143).server(IMAP[0]).client(IMAP[1] + b"b NOOP\r\n")

    judged = judged_with_keys(
        tmp_path,
        dialogue.server(IMAP[2]),
        (SERVER, b"b OK done\r\n"),
        (CLIENT, b"c LOGOUT\r\n"),
    )

    assert judged == [("critical", "proven")]


def test_client_begins_tls_too_early(tmp_path: Path) -> None:
    dialogue = hello().client(b"STARTTLS\r\n" + CLIENT_HELLO_1_3).server(b"220 go\r\n")
    dialogue.server(SERVER_HELLO_1_3 + CHANGE_CIPHER_SPEC + APPLICATION_DATA)

    assert not found(tmp_path, "starttls-command-injection", dialogue.close())


def test_client_sends_commands_behind_a_starttls_that_is_refused(
    tmp_path: Path,
) -> None:
    dialogue = hello().client(b"STARTTLS\r\nQUIT\r\n").server(b"454 no\r\n221 bye\r\n")

    assert not found(tmp_path, "starttls-command-injection", dialogue.close())


def test_reply_is_put_behind_the_go_ahead(tmp_path: Path) -> None:
    dialogue = hello().client(b"STARTTLS\r\n").server(b"220 go\r\n" + NO_OFFER)

    (finding,) = found(tmp_path, "starttls-response-injection", begin_tls(dialogue))

    assert judgements([finding]) == [("high", "proven")]
    (evidence,) = finding["evidence"]
    sent = b"220 mx ESMTP\r\n" + OFFER + b"220 go\r\n"
    assert (evidence["frame"], evidence["offset"]) == (8, len(sent))


def test_reply_comes_before_the_servers_hello(tmp_path: Path) -> None:
    dialogue = agree().server(NO_OFFER)

    assert found(tmp_path, "starttls-response-injection", begin_tls(dialogue))


def test_server_gives_up_waiting_for_tls(tmp_path: Path) -> None:
    dialogue = agree().wait(60_000).server(b"421 timeout\r\n").close()

    assert not found(tmp_path, "starttls-response-injection", dialogue)


def test_server_says_that_tls_failed(tmp_path: Path) -> None:
    dialogue = agree().client(CLIENT_HELLO).server(b"454 TLS failed\r\n").close()

    assert not found(tmp_path, "starttls-response-injection", dialogue)


def test_server_greets_with_preauth() -> None:
    (finding,) = committed("imap-courier-preauth", "imap-preauth")

    assert judgements([finding]) == [("high", "likely")]
    assert finding["evidence"][0]["frame"] == 4


def test_preauth_on_loopback_is_how_tunnels_work(tmp_path: Path) -> None:
    def preauth(dialogue: PacketScript) -> PacketScript:
        return dialogue.server(b"* PREAUTH hi\r\n").client(b"a LOGOUT\r\n").close()

    assert judgements(found(tmp_path, "imap-preauth", preauth(PacketScript(143)))) == [
        ("medium", "likely")
    ]
    assert not found(tmp_path, "imap-preauth", preauth(OnLoopback(143)))
