"""Commands and replies in their order, as tshark decodes the same captures.

tshark 4.0 differs in some ways, all of which are known; each is a rule here, with its
reason, and what no rule explains is a failure.
"""

from __future__ import annotations

import re
import subprocess
from collections import defaultdict
from itertools import groupby
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.analyses import CAPTURES, rows_of

if TYPE_CHECKING:
    from pathlib import Path

Row = dict[str, Any]

# ports of the test captures that tshark does not know
DECODE_AS = ("24,smtp", "2525,smtp", "2526,smtp", "10025,smtp", "10143,imap")
FIELDS = (
    "ip.src",
    "ipv6.src",
    "ip.dst",
    "ipv6.dst",
    "tcp.srcport",
    "tcp.dstport",
    "smtp.req.command",
    "smtp.response.code",
    "imap.request",
    "imap.response",
    "pop.request.command",
    "pop.response.indicator",
)
# what separates the values of a field that a packet has several times
UNIT = "\x1f"
# how the clients of the test captures number their commands
TAG = re.compile(r"[A-Za-z]{0,5}[0-9]+|\.")
STATUSES = {"OK", "NO", "BAD"}

# What a capture lacks: tshark reads what there is of a line that the snap length cut,
# mailtap reads whole lines only. Where packets are missing, tshark puts together what
# is on either side of the hole.
CUT = {"smtp-snaplen", "smtp-capture-loss"}
# Without the server's side, what follows DATA is read when it is clear that no reply
# will come, and then in one go.
READ_LATE = {"one-direction-client"}

# Each line of a reply is a packet of its own, and a reply to tshark.
SPREAD = {"lmtp-aiosmtpd", "smtp-aiosmtpd"}
# tshark shows chunks as fragments of messages, and no command; it does not know XCLIENT
UNSHOWN = {None, "BDAT", "XCLIENT"}
# tshark does not inflate COMPRESS=DEFLATE.
COMPRESSED = {"imap-compress"}

Sides = frozenset[tuple[str, int]]
Dialogue = dict[str, list[str]]


def tshark_dialogues(path: Path) -> dict[Sides, list[Dialogue]]:
    """What tshark shows, by the two ends; a port may be used again."""
    decode_as = [part for each in DECODE_AS for part in ("-d", f"tcp.port=={each}")]
    fields = [part for name in ("tcp.stream", *FIELDS) for part in ("-e", name)]
    command = ["tshark", "-n", "-r", str(path), "-Y", "tcp.len > 0", *decode_as]
    output = subprocess.run(
        [*command, "-T", "fields", "-E", f"aggregator={UNIT}", *fields],
        capture_output=True,
        check=True,
        text=True,
        timeout=60,
    ).stdout
    streams: dict[str, tuple[Sides, Dialogue]] = {}
    for line in output.splitlines():
        stream, *values = line.split("\t")
        packet = {
            name: value.split(UNIT) if value else []
            for name, value in zip(FIELDS, values, strict=True)
        }
        # the innermost addresses, as there may be a tunnel
        source = (packet["ip.src"] + packet["ipv6.src"])[-1]
        target = (packet["ip.dst"] + packet["ipv6.dst"])[-1]
        ports = (int(packet["tcp.srcport"][0]), int(packet["tcp.dstport"][0]))
        sides = frozenset({(source, ports[0]), (target, ports[1])})
        _, dialogue = streams.setdefault(stream, (sides, defaultdict(list)))
        for name in FIELDS[6:]:
            dialogue[name] += packet[name]
    found: dict[Sides, list[Dialogue]] = defaultdict(list)
    for sides, dialogue in streams.values():
        found[sides].append(dialogue)
    return found


def in_order_of_replies(exchanges: list[Row]) -> list[Row]:
    answered = [each for each in exchanges if each["reply_frame"]]
    return sorted(answered, key=lambda each: each["reply_frame"])


# SMTP


def smtp_of_tshark(dialogue: Dialogue) -> tuple[list[str], list[str]]:
    verbs = [verb.upper() for verb in dialogue["smtp.req.command"]]
    return verbs, dialogue["smtp.response.code"]


def smtp_of_mailtap(session: Row, exchanges: list[Row]) -> tuple[list[str], list[str]]:
    """Our verbs and codes, as tshark would show them."""
    verbs: list[str] = []
    ends_of_data = {
        each["request_frame"] for each in exchanges if each["kind"] == "message"
    }
    in_chunks = {each["request_frame"] for each in exchanges if each["verb"] == "BDAT"}
    for each in exchanges:
        verb, frame = each["verb"], each["request_frame"]
        if frame in in_chunks and verb == "MAIL":
            # an envelope in the packet of its first chunk is data to tshark, and so
            # is all that follows
            break
        if frame in ends_of_data and verb != "BDAT":
            # tshark takes what follows the end of data in a packet for data
            continue
        if verb in UNSHOWN:
            continue
        # tshark shows the first four letters of commands that it does not know
        verbs.append("STAR" if verb == "STARTTLS" else verb)
    codes = [str(code) for code in session["reply_codes"] or []]
    return verbs, codes


def without_repetition(codes: list[str]) -> list[str]:
    return [code for code, _ in groupby(codes)]


# IMAP


def imap_of_tshark(dialogue: Dialogue) -> tuple[list[str], list[str]]:
    """Without what tshark reads in literals, and in continuation requests."""
    # tshark knows no literals: each line of one is a command to it, with its second
    # word for a verb
    lines = [line.split(" ") for line in dialogue["imap.request"]]
    commands = [words for words in lines if TAG.fullmatch(words[0])]
    verbs = [words[2 if words[1].upper() == "UID" else 1] for words in commands]
    statuses = []
    for line in dialogue["imap.response"]:
        tag, _, text = line.partition(" ")
        status = text.split(" ")[0].upper()
        # the word behind "+" is a status to tshark
        if tag not in ("*", "+") and status in STATUSES:
            statuses.append(status)
    return [verb.upper() for verb in verbs], statuses


def imap_of_mailtap(exchanges: list[Row]) -> tuple[list[str], list[str]]:
    """Without the prefix UID, which is none of tshark's commands, and greetings."""
    verbs = [each["verb"].removeprefix("UID ") for each in exchanges if each["verb"]]
    replies = in_order_of_replies(exchanges)
    return verbs, [each["status"] for each in replies if each["status"] in STATUSES]


# POP3


def pop3_of_tshark(dialogue: Dialogue) -> tuple[list[str], list[str]]:
    verbs = [verb.upper() for verb in dialogue["pop.request.command"]]
    return verbs, dialogue["pop.response.indicator"]


def pop3_of_mailtap(exchanges: list[Row]) -> tuple[list[str], list[str]]:
    verbs = [each["verb"] for each in exchanges if each["verb"]]
    return verbs, [each["status"] for each in in_order_of_replies(exchanges)]


@pytest.mark.parametrize("name", sorted(CAPTURES.keys() - CUT - READ_LATE - COMPRESSED))
def test_commands_and_replies_are_those_of_tshark(name: str) -> None:
    theirs = tshark_dialogues(CAPTURES[name])
    exchanges = rows_of(name, "exchanges")
    for session in rows_of(name):
        own = [e for e in exchanges if e["session_id"] == session["session_id"]]
        client = (session["client_ip"], session["client_port"])
        server = (session["server_ip"], session["server_port"])
        dialogue = theirs[frozenset({client, server})].pop(0)
        match session["protocol"]:
            case "smtp":
                shown, told = smtp_of_tshark(dialogue), smtp_of_mailtap(session, own)
            case "imap":
                shown, told = imap_of_tshark(dialogue), imap_of_mailtap(own)
            case _:
                shown, told = pop3_of_tshark(dialogue), pop3_of_mailtap(own)
        if name in SPREAD:
            shown, told = (
                (verbs, without_repetition(codes)) for verbs, codes in (shown, told)
            )
        assert told == shown
