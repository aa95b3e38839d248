"""Rules about the stream of SMTP: what proves each, and what only looks alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.findings import committed, found, judgements
from tests.support.tls.wire import alpn, client_hello_body, handshake_record
from tests.support.traffic import CLIENT, SERVER, PacketScript

if TYPE_CHECKING:
    from pathlib import Path

GREETING = b"220 mx.example.com ESMTP\r\n"
TWO = b"MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n"
REQUEST = b"POST /x HTTP/1.1\r\nContent-Length: 30\r\n\r\n"


def hello(verb: bytes = b"EHLO", offer: bytes = b"") -> PacketScript:
    dialogue = PacketScript(25).server(GREETING).client(verb + b" a\r\n")
    return dialogue.server(
        (b"250-mx\r\n250 " + offer if offer else b"250 mx") + b"\r\n"
    )


# line ends


def test_client_ends_lines_in_bare_line_feeds(tmp_path: Path) -> None:
    dialogue = (
        PacketScript(25).server(GREETING).client(b"HELO a\n").server(b"250 b\r\n")
    )

    (finding,) = found(tmp_path, "smtp-bare-line-end", dialogue)

    assert judgements([finding]) == [("low", "proven")]
    assert finding["evidence"][0]["seen"] == "LF without CR behind a command"


def test_message_has_bare_line_ends() -> None:
    (finding,) = committed("smtp-smuggling", "smtp-bare-line-end")

    (evidence,) = finding["evidence"]
    assert (evidence["frame"], evidence["offset"]) == (15, 816)
    assert evidence["seen"] == "LF without CR in a message"


def test_gap_hides_half_of_a_line_end(tmp_path: Path) -> None:
    dialogue = hello().client(b"DATA\r\n").server(b"354 go\r\n").client(b"a\r")
    dialogue.lose(CLIENT, 20).client(b"\nb\r\n.\r\n").server(b"250 ok\r\n")

    assert not found(tmp_path, "smtp-bare-line-end", dialogue)


def test_server_of_pop3_has_messages_with_bare_line_ends(tmp_path: Path) -> None:
    dialogue = PacketScript(110).server(b"+OK hi\r\n").client(b"RETR 1\r\n")
    dialogue.server(b"+OK\r\na\nb\r\n.\r\n")

    assert not found(tmp_path, "smtp-bare-line-end", dialogue)


# impatience


def test_client_does_not_wait_for_the_greeting(tmp_path: Path) -> None:
    dialogue = PacketScript(25).client(b"EHLO a\r\n").server(GREETING)

    (finding,) = found(tmp_path, "smtp-early-talker", dialogue)

    (evidence,) = finding["evidence"]
    assert (evidence["frame"], evidence["offset"], evidence["side"]) == (
        *(4, 0),
        "client",
    )


def test_client_answers_the_first_part_of_a_greeting(tmp_path: Path) -> None:
    dialogue = PacketScript(25).server(b"220-mx\r\n").client(b"EHLO a\r\n")

    assert found(tmp_path, "smtp-early-talker", dialogue.server(b"220 mx\r\n"))


def test_client_waits_for_all_of_a_greeting(tmp_path: Path) -> None:
    dialogue = PacketScript(25).server(b"220-mx\r\n").server(b"220 mx\r\n")

    dialogue.client(b"EHLO a\r\n").server(b"250 mx\r\n")

    assert not found(tmp_path, "smtp-early-talker", dialogue)


@pytest.mark.parametrize(
    "header", [b"PROXY TCP4 192.0.2.1 192.0.2.2 50 25\r\n", b"PROXY UNKNOWN\r\n"]
)
def test_client_behind_a_proxy_is_no_early_talker(
    header: bytes, tmp_path: Path
) -> None:
    dialogue = PacketScript(25).client(header + b"EHLO a\r\n").server(GREETING)

    assert not found(tmp_path, "smtp-early-talker", dialogue)


def test_server_lets_clients_talk_early(tmp_path: Path) -> None:
    dialogue = PacketScript(25).client(b"EHLO a\r\n").server(GREETING)
    dialogue.server(b"250-mx\r\n250 PIPE_CONNECT\r\n").close()

    assert not found(tmp_path, "smtp-early-talker", dialogue)


def test_packets_were_captured_out_of_order(tmp_path: Path) -> None:
    dialogue = PacketScript(25).server(GREETING).client(b"EHLO a\r\n")
    greeting, command = dialogue.packets[-2:]
    swapped = [(command, greeting.time_ns), (greeting, command.time_ns)]
    dialogue.packets[-2:] = [each._replace(time_ns=at) for each, at in swapped]
    dialogue.server(b"250 mx\r\n").close()

    assert not found(tmp_path, "smtp-early-talker", dialogue)


def test_client_begins_tls_early(tmp_path: Path) -> None:
    hello = handshake_record(1, client_hello_body(extensions=[]))

    assert not found(tmp_path, "smtp-early-talker", PacketScript(465).client(hello))


@pytest.mark.parametrize("verb", [b"HELO", b"EHLO"])
def test_client_does_not_wait_for_answers(verb: bytes, tmp_path: Path) -> None:
    dialogue = hello(verb, b"SIZE" if verb == b"EHLO" else b"").client(TWO)

    (finding,) = found(
        tmp_path, "smtp-unauthorised-pipelining", dialogue.server(b"250 a\r\n250 b\r\n")
    )

    assert judgements([finding]) == [("low", "proven")]
    assert finding["evidence"][0]["frame"] == 7
    assert finding["evidence"][0]["seen"].startswith("RCPT before the answer")


def test_client_may_pipeline_where_that_is_offered(tmp_path: Path) -> None:
    dialogue = hello(offer=b"PIPELINING").client(TWO).server(b"250 a\r\n250 b\r\n")

    assert not found(tmp_path, "smtp-unauthorised-pipelining", dialogue)


def test_answer_was_not_captured(tmp_path: Path) -> None:
    dialogue = hello(b"HELO").client(TWO[:25]).lose(SERVER, 8).client(TWO[25:])

    dialogue.server(b"250 b\r\n").close()

    assert not found(tmp_path, "smtp-unauthorised-pipelining", dialogue)


def test_command_comes_again(tmp_path: Path) -> None:
    dialogue = hello(b"HELO").client(TWO[:25])
    dialogue.packets.append(dialogue.packets[-1]._replace(time_ns=6_500_000))
    dialogue.server(b"250 a\r\n").client(TWO[25:]).server(b"250 b\r\n").close()

    assert not found(tmp_path, "smtp-unauthorised-pipelining", dialogue)


# other protocols


def test_client_of_http_talks_to_a_mail_server() -> None:
    (finding,) = committed("smtp-http-request", "cross-protocol")

    assert judgements([finding]) == [("medium", "proven")]
    (evidence,) = finding["evidence"]
    assert (evidence["side"], evidence["offset"]) == ("client", 0)


def test_browser_sends_a_request(tmp_path: Path) -> None:
    def answer(text: bytes) -> PacketScript:
        return PacketScript(25).server(GREETING).client(REQUEST).server(text).close()

    ignored = found(tmp_path, "cross-protocol", answer(b"500 what?\r\n"))
    repeated = found(
        tmp_path, "cross-protocol", answer(b"500 unknown: POST /x HTTP/1.1\r\n")
    )

    assert judgements(ignored) == [("medium", "proven")]
    assert judgements(repeated) == [("high", "proven")]
    assert ignored[0]["evidence"][0]["offset"] == 0


def test_browser_does_not_wait_for_the_greeting(tmp_path: Path) -> None:
    dialogue = PacketScript(143).client(REQUEST).server(b"* OK hi\r\n")

    assert found(tmp_path, "cross-protocol", dialogue.server(b"POST BAD what?\r\n"))


def test_message_quotes_a_request(tmp_path: Path) -> None:
    dialogue = hello().client(b"DATA\r\n").server(b"354 go\r\n").client(REQUEST)

    assert not found(tmp_path, "cross-protocol", dialogue.client(b".\r\n").close())


def test_mail_passes_a_proxy_of_http(tmp_path: Path) -> None:
    dialogue = PacketScript(25).client(b"CONNECT mx.example.com:25 HTTP/1.1\r\n\r\n")
    dialogue.server(b"HTTP/1.1 200 OK\r\n\r\n").server(GREETING).client(b"EHLO a\r\n")

    assert not found(tmp_path, "cross-protocol", dialogue.server(b"250 mx\r\n"))


@pytest.mark.parametrize(
    ("protocols", "judged"),
    [
        ((b"h2", b"http/1.1"), [("medium", "proven")]),
        ((b"smtp",), []),
        ((b"imap", b"pop3"), []),
    ],
)
def test_client_asks_for_another_protocol_in_tls(
    protocols: tuple[bytes, ...], judged: list[tuple[str, str]], tmp_path: Path
) -> None:
    asked = client_hello_body(extensions=[alpn(*protocols)])
    dialogue = PacketScript(993).client(handshake_record(1, asked)).close()

    assert judgements(found(tmp_path, "cross-protocol", dialogue)) == judged
