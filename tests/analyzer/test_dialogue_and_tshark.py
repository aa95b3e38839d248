"""What was said in each connection, in order, held against what tshark decodes.

A difference must be explained by a rule, and each rule says what tshark does there.
"""

from __future__ import annotations

import operator
from collections import defaultdict
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests.support.analyses import CAPTURES, rows_of
from tests.support.tshark import decode_each

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.support.tshark import Packet

# the two names that tshark has for a packet that others overtook
LATE = ("tcp.analysis.out_of_order", "tcp.analysis.retransmission")
FIELDS = (
    *("tcp.stream", "tcp.srcport", "tcp.dstport"),
    *LATE,
    *("ip.src", "ipv6.src", "ip.dst", "ipv6.dst"),
    *("smtp.req.command", "smtp.response.code"),
    *("imap.request", "imap.response"),
    *("pop.request.command", "pop.response.indicator"),
)
# RFC 9051 §7.1: what a tagged response can say
IMAP_STATUS = {"OK", "NO", "BAD"}

Ends = frozenset[tuple[str, int]]


class Word(NamedTuple):
    """A verb or the status of a reply, and the frame that completed it."""

    text: str
    frame: int


class Talk(NamedTuple):
    """What was said on a connection, each side by itself.

    Attributes:
        ends: addresses and ports of both sides.
        senders: by frame, from which port its payload came.
        overtaken: the frames that came after later ones of their stream.
    """

    ends: Ends
    verbs: list[Word]
    replies: list[Word]
    senders: dict[int, int]
    overtaken: set[int]


class Session(NamedTuple):
    """What the tables say of a connection."""

    row: dict[str, Any]
    exchanges: list[dict[str, Any]]
    gaps: list[tuple[str, int]]
    dialogue: Talk


class Difference(NamedTuple):
    """A word that only one of both has."""

    session: Session
    side: str
    teller: str
    word: Word

    def __str__(self) -> str:
        row = self.session.row
        return (
            f"{row['capture'].rpartition('/')[2]}, {row['protocol']} of client port "
            f"{row['client_port']}: only {self.teller} has {self.word} in the "
            f"{self.side}"
        )


# --- the rules: each docstring is the reason ---


def is_chunk(each: Difference) -> bool:
    """Tshark shows BDAT (RFC 3030) as the head of a chunk, not as a command."""
    return each.teller == "mailtap" and each.word.text == "BDAT"


def is_behind_a_message(each: Difference) -> bool:
    """Tshark looks for no command in the packet that ends a message."""
    ends = {
        exchange["request_frame"]
        for exchange in each.session.exchanges
        if exchange["kind"] == "message" or exchange["verb"] == "BDAT"
    }
    return (
        each.session.row["protocol"] == "smtp"
        and (each.teller, each.side) == ("mailtap", "verbs")
        and each.word.frame in ends
    )


def is_in_a_literal(each: Difference) -> bool:
    """Tshark takes the lines of a client's literal (RFC 9051 §4.3) for commands."""
    return (
        each.session.row["protocol"] == "imap"
        and (each.teller, each.side) == ("tshark", "verbs")
        and any(
            exchange["request_frame"] < each.word.frame < exchange["reply_frame"]
            and "{" in exchange["argument"]
            for exchange in each.session.exchanges
            if exchange["verb"] in {"LOGIN", "APPEND"}
        )
    )


def is_behind_a_gap(each: Difference) -> bool:
    """Tshark waits for what a capture has lost, and takes cut lines for whole."""
    speaker = "client" if each.side == "verbs" else "server"
    return any(
        side == speaker and frame <= each.word.frame
        for side, frame in each.session.gaps
    )


def is_challenge(each: Difference) -> bool:
    """A challenge (RFC 4954 §4) belongs to the exchange that its AUTH began."""
    return each.word.text == "334" and any(
        exchange["verb"] == "AUTH"
        and exchange["request_frame"] < each.word.frame
        and (exchange["reply_frame"] or each.word.frame) >= each.word.frame
        for exchange in each.session.exchanges
    )


def is_compressed(each: Difference) -> bool:
    """Tshark does not inflate COMPRESS=DEFLATE (RFC 4978)."""
    return each.teller == "mailtap" and any(
        exchange["reply_frame"] < each.word.frame
        for exchange in each.session.exchanges
        if exchange["verb"] == "COMPRESS" and exchange["status"] == "OK"
    )


def is_unknown(each: Difference) -> bool:
    """Tshark does not know XCLIENT."""
    return each.teller == "mailtap" and each.word.text == "XCLIENT"


def is_with_a_chunk(each: Difference) -> bool:
    """Tshark takes an envelope in the packet of its chunk, and the rest, for data."""
    chunks = {e["request_frame"] for e in each.session.exchanges if e["verb"] == "BDAT"}
    begun = [
        e["request_frame"]
        for e in each.session.exchanges
        if e["verb"] == "MAIL" and e["request_frame"] in chunks
    ]
    is_missing = (each.teller, each.side) == ("mailtap", "verbs")
    return is_missing and bool(begun) and each.word.frame >= begun[0]


def is_spread(each: Difference) -> bool:
    """Tshark takes each packet of a reply of several lines for a reply."""
    answered = [e for e in each.session.exchanges if e["reply_frame"] is not None]
    frame = each.word.frame
    return (
        (each.teller, each.side) == ("tshark", "replies")
        and all(exchange["reply_frame"] != frame for exchange in answered)
        and any(
            str(exchange["reply_code"]) == each.word.text
            and (exchange["request_frame"] or 0) < frame < exchange["reply_frame"]
            for exchange in answered
        )
    )


RULES: tuple[Callable[[Difference], bool], ...] = (
    is_chunk,
    is_behind_a_message,
    is_in_a_literal,
    is_behind_a_gap,
    is_challenge,
    is_compressed,
    is_unknown,
    is_with_a_chunk,
    is_spread,
)


# --- the rules for frames where both have the same words ---


def is_filled(_session: Session, told: Talk, _ours: Word, theirs: Word) -> bool:
    """Tshark names the packet that came late, mailtap that of the last byte."""
    return theirs.frame in told.overtaken


FRAME_RULES = (is_filled,)


# --- what tshark tells ---


def ends_of(packet: Packet) -> Ends:
    """Both ends of a packet; of several IP headers, the last is the mail's."""
    return frozenset(
        (
            (packet[f"ipv6.{side}"] or packet[f"ip.{side}"])[-1],
            int(packet[f"tcp.{side}port"][0]),
        )
        for side in ("src", "dst")
    )


def verbs_in(packet: Packet, tags: dict[str, str]) -> Iterator[str]:
    """The verbs in a packet; notes which tag of IMAP stands for which."""
    for command in packet["smtp.req.command"]:
        # tshark tells the first four letters
        yield {"STAR": "STARTTLS"}.get(command.upper(), command.upper())
    for command in packet["pop.request.command"]:
        yield command.upper()
    for line in packet["imap.request"]:
        tag, *words = line.upper().split(" ")
        if words:
            tags[tag] = " ".join(words[: 1 + (words[0] == "UID")])
            yield tags[tag]


def replies_in(packet: Packet, tags: dict[str, str]) -> Iterator[str]:
    """The replies in a packet; those of IMAP with the verb that had their tag."""
    yield from packet["smtp.response.code"]
    yield from packet["pop.response.indicator"]
    for line in packet["imap.response"]:
        tag, *words = line.split(" ", 2)
        if tag not in {"*", "+"} and words[:1] and words[0] in IMAP_STATUS:
            yield f"{words[0]} {tags.get(tag.upper(), '')}"


def silence(ends: Ends) -> Talk:
    """A connection on which nothing was said."""
    return Talk(ends, [], [], {}, set())


def told_by_tshark(packets: list[Packet]) -> list[Talk]:
    """The connections in order of their first packets with payload."""
    found: dict[str, Talk] = {}
    tags: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for packet in packets:
        [stream], frame = packet["tcp.stream"], int(packet["frame.number"][0])
        dialogue = found.setdefault(stream, silence(ends_of(packet)))
        dialogue.senders[frame] = int(packet["tcp.srcport"][0])
        if any(packet[each] for each in LATE):
            dialogue.overtaken.add(frame)
        verbs = verbs_in(packet, tags[stream])
        dialogue.verbs.extend(Word(verb, frame) for verb in verbs)
        replies = replies_in(packet, tags[stream])
        dialogue.replies.extend(Word(reply, frame) for reply in replies)
    return list(found.values())


# --- what the tables tell ---


def reply_of(exchange: dict[str, Any]) -> str | None:
    """The answer of an exchange as tshark tells it; no untagged one of IMAP."""
    status: str | None = exchange["status"]
    if exchange["reply_code"] is not None:
        return str(exchange["reply_code"])
    if status in IMAP_STATUS:
        return f"{status} {exchange['verb'] or ''}"
    return None if status is None or status.startswith("*") else status


def told_by_mailtap(name: str) -> list[Session]:
    """The sessions in the order of their first frames."""
    exchanges, gaps = defaultdict(list), defaultdict(list)
    for exchange in rows_of(name, "exchanges"):
        exchanges[exchange["session_id"]].append(exchange)
    for anomaly in rows_of(name, "anomalies"):
        if anomaly["code"] == "stream_gap":
            gaps[anomaly["session_id"]].append((anomaly["side"], anomaly["frame"]))
    return [
        Session(
            row,
            exchanges[row["session_id"]],
            gaps[row["session_id"]],
            dialogue_of(row, exchanges[row["session_id"]]),
        )
        for row in sorted(rows_of(name), key=operator.itemgetter("first_frame"))
    ]


def dialogue_of(row: dict[str, Any], exchanges: list[dict[str, Any]]) -> Talk:
    """What both sides said; answers of IMAP can come in another order."""
    verbs = [
        Word(each["verb"], each["request_frame"])
        for each in exchanges
        if each["verb"] is not None
    ]
    replies = [
        Word(reply, each["reply_frame"])
        for each in exchanges
        if (reply := reply_of(each)) is not None
    ]
    ends = ((row[f"{end}_ip"], row[f"{end}_port"]) for end in ("client", "server"))
    return silence(frozenset(ends))._replace(
        verbs=verbs, replies=sorted(replies, key=operator.attrgetter("frame"))
    )


# --- both ---


def texts(words: Sequence[Word]) -> list[str]:
    return [word.text for word in words]


def differences(session: Session, told: Talk) -> Iterator[Difference]:
    """What only one of both tells, or both in another order."""
    for side in ("verbs", "replies"):
        theirs: Sequence[Word] = getattr(told, side)
        ours: Sequence[Word] = getattr(session.dialogue, side)
        matcher = SequenceMatcher(None, texts(theirs), texts(ours), autojunk=False)
        for what, start, end, our_start, our_end in matcher.get_opcodes():
            if what == "equal":
                continue
            for word in theirs[start:end]:
                yield Difference(session, side, "tshark", word)
            for word in ours[our_start:our_end]:
                yield Difference(session, side, "mailtap", word)


def pairs(name: str, packets: list[Packet]) -> Iterator[tuple[Session, Talk]]:
    """The sessions of a capture, each with tshark's view of its connection."""
    streams = told_by_tshark(packets)
    for session in told_by_mailtap(name):
        for dialogue in streams:
            if dialogue.ends == session.dialogue.ends:
                streams.remove(dialogue)
                yield session, dialogue
                break
        else:
            yield session, silence(session.dialogue.ends)
    left = [each for each in streams if each.verbs or each.replies]
    assert not left, f"{name}: connections that are no sessions: {left}"


@pytest.fixture(scope="module")
def all_pairs() -> list[tuple[Session, Talk]]:
    decoded = decode_each(CAPTURES, FIELDS)
    return [pair for name, packets in decoded.items() for pair in pairs(name, packets)]


def test_both_sides_say_what_tshark_hears(
    all_pairs: list[tuple[Session, Talk]],
) -> None:
    used = set()
    unexplained = []
    for session, told in all_pairs:
        for each in differences(session, told):
            rules = [rule for rule in RULES if rule(each)]
            used.update(rules)
            if not rules:
                unexplained.append(str(each))

    assert unexplained == []
    # a rule that explains nothing would only hide a mistake
    assert used == set(RULES)
    # so that silence proves nothing
    verbs = [word for session, _ in all_pairs for word in session.dialogue.verbs]
    assert len(verbs) > 400


def test_row_has_all_reply_codes_in_order(
    all_pairs: list[tuple[Session, Talk]],
) -> None:
    compared = 0
    for session, told in all_pairs:
        if session.row["protocol"] == "smtp" and not session.gaps:
            codes = [str(code) for code in session.row["reply_codes"]]
            whole = [
                word
                for word in told.replies
                if not is_spread(Difference(session, "replies", "tshark", word))
            ]
            assert codes == texts(whole), session.row
            compared += len(codes)

    assert compared > 300


def test_frames_are_those_that_tshark_names(
    all_pairs: list[tuple[Session, Talk]],
) -> None:
    """Where both agree on everything that a side said."""
    used = set()
    unexplained = []
    compared = 0
    for session, told in all_pairs:
        for side in ("verbs", "replies"):
            ours, theirs = getattr(session.dialogue, side), getattr(told, side)
            if texts(ours) != texts(theirs):
                continue
            compared += len(ours)
            for each in zip(ours, theirs, strict=True):
                if each[0].frame != each[1].frame:
                    rules = [rule for rule in FRAME_RULES if rule(session, told, *each)]
                    used.update(rules)
                    if not rules:
                        unexplained.append((session.row["capture"], *each))

    assert unexplained == []
    assert used == set(FRAME_RULES)
    assert compared > 700
