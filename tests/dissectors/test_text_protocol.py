"""What a plug-in's dissector derives from, by the smallest protocol that needs it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dissectors.conversation.dissector import MailDissector
from dissectors.events import (
    Anomaly,
    Exchange,
    ExchangeKind,
    Side,
    StartTls,
    StartTlsAdvanced,
)
from dissectors.limits import Limits
from dissectors.text_protocol import TextDialogue, TextLine
from tests.support.playbook import (
    CLIENT,
    SERVER,
    Playbook,
    cuts,
    mutations,
    split_at,
    split_bytes,
)

HELLO = (
    bytes.fromhex("160301002f0100002b0303")
    + bytes(32)
    + bytes.fromhex("0000021301010000")
)
KNOWN = (b"SAY", b"SECRET", b"UPGRADE")


class Notes(TextDialogue):
    """SAY is said again, SECRET is not, UPGRADE begins TLS."""

    __slots__ = ("lines",)

    def __init__(self, limits: Limits | None = None) -> None:
        super().__init__(limits or Limits())
        self.lines: list[tuple[Side, TextLine]] = []

    def new_inside(self, *, greeted: bool) -> Notes:
        return Notes(self.limits)

    def is_certain(self, side: Side, text: bytes) -> bool:
        return text.split(b" ")[0] in (KNOWN if side is CLIENT else (b"OK", b"NO"))

    def receive_client_line(self, line: TextLine) -> None:
        self.lines.append((CLIENT, line))
        verb, _, argument = line.text.partition(b" ")
        if verb not in KNOWN or verb == b"SECRET":
            self.withhold_line(line)
            self.send("SECRET" if verb == b"SECRET" else "***", "***")
        else:
            holds = verb == b"UPGRADE"
            self.send(verb.decode(), self.decode(argument), holds_client=holds)

    def receive_server_line(self, line: TextLine) -> None:
        self.lines.append((SERVER, line))
        status, _, text = line.text.partition(b" ")
        exchange = self.answer(self.decode(status), self.decode(text))
        if exchange is not None and exchange.verb == "UPGRADE" and status == b"OK":
            self.report(StartTlsAdvanced(StartTls.ACCEPTED))
            self.start_tls()


def play() -> Playbook:
    return Playbook(Notes)


def answers(talk: Playbook) -> list[tuple[str | None, str | None, str | None]]:
    """Verb, status and text of each exchange, in the order of their ends."""
    return [
        (each.verb, each.status, each.reply_text) for each in talk.events_of(Exchange)
    ]


def lines(limits: Limits, *steps: tuple[Side, bytes]) -> list[tuple[Side, TextLine]]:
    """What a protocol is told, which is the same byte by byte."""
    whole, single = Notes(limits), Notes(limits)
    of_whole, of_single = MailDissector(whole), MailDissector(single)
    for frame, (side, data) in enumerate(steps):
        of_whole.receive_data(side, data, frame, frame)
        for byte in split_bytes(data):
            of_single.receive_data(side, byte, frame, frame)
    assert whole.lines == single.lines
    return whole.lines


def test_answers_are_paired_with_commands_in_order() -> None:
    talk = play().client(b"SAY a\r\nSAY b\r\n").server(b"OK 1\r\nNO 2\r\n")

    assert answers(talk) == [("SAY", "OK", "1"), ("SAY", "NO", "2")]


def test_literals_of_a_line_are_handed_on_with_it() -> None:
    said = lines(Limits(), (CLIENT, b"SAY {3+}\r\na\r\n then {0}\r\n!\r\n"))

    assert said == [(CLIENT, TextLine(b"SAY {3+} then {0}!", [b"a\r\n", b""]))]


def test_literal_over_the_limit_is_passed_over() -> None:
    said = lines(
        Limits(line=20), (CLIENT, b"SAY {20+}\r\n" + b"SAY no\r\n" * 2 + b"....\r\n")
    )

    assert said == [(CLIENT, TextLine(b"SAY {20+}", [None]))]


def test_rest_of_a_line_over_the_limit_is_no_line() -> None:
    talk = Playbook(lambda: Notes(Limits(line=20)))
    talk.client(b"SAY " + b"x" * 99 + b"\r\nSAY b\r\n").server(b"OK 1\r\n")
    talk.client(b"SAY c\r\n").server(b"OK 3\r\n")

    # nobody knows whose the first answer is
    assert answers(talk)[-1] == ("SAY", "OK", "3")
    assert [each.code for each in talk.events_of(Anomaly)] == ["line_too_long"]


def test_answers_to_lost_commands_are_not_those_of_others() -> None:
    talk = play().client(b"SAY a\r\n").gap(CLIENT, 7).client(b"x\r\nSAY b\r\n")
    talk.server(b"OK 1\r\nOK lost\r\nOK 3\r\n").client(b"SAY c\r\n").server(b"OK 4\r\n")

    assert answers(talk) == [
        ("SAY", "OK", "1"),
        ("SAY", None, None),
        (None, "OK", "3"),
        ("SAY", "OK", "4"),
    ]


def test_commands_whose_answers_were_lost_have_none() -> None:
    talk = play().client(b"SAY a\r\nSAY b\r\n").gap(SERVER, 5).server(b"\nOK 2\r\n")
    talk.client(b"SAY c\r\n").server(b"OK 3\r\n")

    assert answers(talk) == [
        ("SAY", None, None),
        ("SAY", None, None),
        ("SAY", "OK", "3"),
    ]


def test_answers_without_commands_are_unsolicited() -> None:
    talk = play().server(b"OK 1\r\nOK 2\r\n").eof()

    kinds = [each.kind for each in talk.events_of(Exchange)]
    assert kinds == [ExchangeKind.UNSOLICITED] * 2


def test_commands_without_answers_are_told_at_the_end() -> None:
    talk = play().client(b"SAY a\r\nSAY b").eof()

    assert answers(talk) == [("SAY", None, None), ("SAY", None, None)]


def test_literal_that_lost_bytes_is_not_whole() -> None:
    notes = Notes()
    dissector = MailDissector(notes)
    dissector.receive_data(CLIENT, b"SAY {6+}\r\nab", 1, 1)
    dissector.receive_gap(CLIENT, 2, 2, 2)
    dissector.receive_data(CLIENT, b"ef\r\n", 3, 3)

    assert notes.lines == [(CLIENT, TextLine(b"SAY {6+}", [b"abef"], is_whole=False))]


def test_client_is_not_read_before_the_answer_says_what_it_speaks() -> None:
    talk = play().client(b"UPGRADE\r\n" + HELLO).server(b"OK go\r\n")

    assert [each.code for each in talk.eof().events_of(Anomaly)] == []
    assert answers(talk) == [("UPGRADE", "OK", "go")]

    refused = play().client(b"UPGRADE\r\nSAY a\r\n").server(b"NO\r\nOK 2\r\n")

    assert answers(refused) == [("UPGRADE", "NO", ""), ("SAY", "OK", "2")]


def test_plaintext_in_the_place_of_tls_is_an_injected_command() -> None:
    talk = play().client(b"UPGRADE\r\nSAY a\r\n").server(b"OK go\r\n")
    codes = [each.code for each in talk.client(HELLO).events_of(Anomaly)]

    assert codes == ["starttls_plaintext_after"]


def test_client_goes_on_without_the_answer_that_was_lost() -> None:
    talk = play().client(b"UPGRADE\r\nSAY a\r\n").gap(SERVER, 9).eof()

    assert answers(talk) == [("UPGRADE", None, None), ("SAY", None, None)]


def test_server_repeats_a_secret_that_is_not_shown() -> None:
    talk = play().client(b"SECRET {8+}\r\nhunter22\r\n")
    talk.server(b"NO what is HUNTER22 (aHVudGVyMjI=)?\r\n")

    ((_, _, told),) = answers(talk)
    assert told is not None
    assert told.startswith("what is *** (***")
    assert "aHVudGVy" not in told


def test_anomaly_that_quotes_the_server_does_not_show_a_secret() -> None:
    class Quoting(Notes):
        def receive_server_line(self, line: TextLine) -> None:
            text = self.decode(line.text)
            self.report_anomaly("notes_odd", SERVER, text)
            self.report(Anomaly("notes_odd", SERVER, -1, 0, 0, text))

    talk = Playbook(Quoting).client(b"SECRET hunter2\r\nSECRET swordfi")
    talk.server(b"what is hunter2, or swordfi?\r\n")

    odd = [each.detail for each in talk.events_of(Anomaly)]
    assert odd == ["what is ***, or ***?"] * 2


class Doubting(Notes):
    def receive_client_line(self, line: TextLine) -> None:
        self.report_anomaly("notes_odd", CLIENT)

    def receive_server_line(self, line: TextLine) -> None:
        self.report_anomaly("notes_odd", SERVER)


@pytest.mark.parametrize("side", [CLIENT, SERVER])
@pytest.mark.parametrize(
    "rest",
    [b"{3}\r\n", b"{3}\r\nab", b"{1}\r\nabc", b"{1}\r\nabc\r\n", b"abc", b"abc\r\n"],
)
def test_anomaly_of_a_line_is_where_it_begins(side: Side, rest: bytes) -> None:
    places = set()
    for pieces in ([rest], split_bytes(rest)):
        notes = MailDissector(Doubting())
        notes.receive_data(side, b"first\r\n", 1, 1)
        odd = [e for each in pieces for e in notes.receive_data(side, each, 2, 2)]
        odd += notes.receive_eof(CLIENT, 3, 3) + notes.receive_eof(SERVER, 4, 4)
        places |= {
            (each.offset, each.time_ns, each.frame)
            for each in odd
            if isinstance(each, Anomaly)
        }

    assert places == {(7, 2, 2)}


def test_secret_in_a_literal_that_breaks_off_is_not_shown() -> None:
    talk = play().client(b"SECRET {9+}\r\nhunter2").gap(CLIENT, 99)
    talk.server(b"NO hunter2\r\n").eof()

    assert "hunter2" not in str(talk.run())


def test_oldest_of_too_many_commands_has_no_answer() -> None:
    talk = Playbook(lambda: Notes(Limits(pending_commands=1)))
    talk.client(b"SAY a\r\nSAY b\r\n").server(b"OK 2\r\n")

    assert answers(talk) == [("SAY", None, None), ("SAY", "OK", "2")]
    assert [each.code for each in talk.events_of(Anomaly)] == [
        "too_many_pending_commands"
    ]


STEPS = (
    play()
    .server(b"OK ready\r\n")
    .client(b"SAY {3+}\r\na\r\n b\r\nSECRET pw1234\r\n")
    .server(b"OK {2}\r\nhi there\r\nNO pw1234\r\n")
    .client(b"UPGRADE\r\nSAY c\r\n")
    .server(b"NO later\r\nOK c\r\n")
    .steps
)


@given(st.data())
def test_damaged_talk_is_the_same_however_it_is_split(data: st.DataObject) -> None:
    steps, places = data.draw(mutations(STEPS)), data.draw(cuts)
    talk = Playbook(Notes)
    talk.steps = steps

    talk.eof().expect_same(split_at(places))


@pytest.mark.parametrize(
    "begun",
    [
        b"SECRET hunter2",
        b"SECRET {9}\r\nhunter2",
        b"SECRET {7}\r\nhunter2",
        b"LOGIN hunter2 {9+}\r\nab",
        b"SECRET {3}\r\nabc {3}\r\ndef {9}\r\nhunter2",
        b"SECRET " + b"{1}\r\na " * 20 + b"{9}\r\nhunter2",
    ],
)
def test_answer_to_a_line_without_end_does_not_repeat_its_secret(begun: bytes) -> None:
    talk = Playbook(Notes).client(b"SAY a\r\n" + begun).server(b"NO not hunter2\r\n")
    assert "hunter2" not in repr(talk.eof().run())


def test_answer_does_not_repeat_what_has_a_gap() -> None:
    talk = Playbook(Notes).client(b"SECRET {13}\r\nhunt").gap(CLIENT, 5)
    talk.client(b"cret\r\n").server(b"NO not hunter2secret\r\n")
    assert "hunter2" not in repr(talk.eof().run())


def test_literals_of_a_line_are_as_few_as_its_limit_allows() -> None:
    notes = Notes(Limits(line=6400))
    dissector = MailDissector(notes)
    dissector.receive_data(CLIENT, b"SAY " + b"{0+}\r\n" * 10_000, 1, 1)
    dissector.receive_data(CLIENT, b"\r\n", 2, 2)
    [(_, line)] = notes.lines
    assert len(line.literals) <= 100
