"""What may happen to a conversation on its way, or by the will of an attacker."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dissectors.events import Side
from tests.support.playbook import Step

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

_DIGITS = re.compile(rb"\d+")
_LINE_ENDS = (b"\r\n", b"\n", b"\r", b"", b"\r\n\r\n", b"\r\n.\r\n", b"\0")
_BLANKS = (
    b"\t",
    b"\0",
    b"\r",
    b"  ",
    b"\x0b",
    b"\x85",
    b"\xa0",
    b"\xc2\xa0",
    b"\xe2\x80\x83",
)
_TOKENS = (
    *(b"EHLO x", b"MAIL FROM:<a@b> SIZE=9", b"RCPT TO:<c@d>", b"DATA", b"BDAT 9 LAST"),
    *(b"RSET", b"STARTTLS", b"AUTH PLAIN AGEAYg==", b"XCLIENT ADDR=1", b"TURN"),
    *(b"XEXCH50 9 2", b"LHLO x", b"250 ok", b"220 go", b"354 go", b"421 no", b"334 "),
    *(b"a COMPRESS DEFLATE", b"a OK done", b"* 1 FETCH (BODY[] {9}", b"* 9 EXISTS"),
    *(b"a FETCH 1:* (ENVELOPE BODY[1]<0.9>)", b"a APPEND x CATENATE (TEXT {3}"),
    *(b"* 1 FETCH (ENVELOPE (((((", b"* 1 FETCH (BODYSTRUCTURE (()()) BODY[2] {9+}"),
    *(
        b"a SELECT x",
        b"a IDLE",
        b"DONE",
        b"* BYE",
        b"+ ",
        b"a LOGIN {3}",
        b"* 1 EXPUNGE",
    ),
    # blanks and digits of text that are none of bytes, and the other way round
    *("RETR \u00a0".encode(), "TOP 1 \u0661".encode(), "* \u00b2 EXISTS".encode()),
    *(b"USER a\xa0b", b"AUTH PLAIN\tAGEAYg==", b"a LOGIN\0b c", b"NOOP x\rQUIT"),
    *("EHLO \u0130\u2003\u00df".encode(), "250-AUTH\u0085PLAIN".encode()),
    *(b"+OK 3 320", b"-ERR [IN-USE]", b"TOP 1 0", b"RETR 1", b"LIST", b"QUIT", b"STLS"),
    *(b"Content-Type: multipart/mixed; boundary=x", b"--x", b"--x--", b"begin 644 a"),
    *(
        b"Subject: =?utf-8?q?=",
        b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00",
        b"\xff\xfe",
    ),
)


def mutate(steps: list[Step], others: list[Step], random: Random) -> list[Step]:
    """Damage a conversation in one to six ways; `others` is another one."""
    steps = list(steps)
    for _ in range(random.randint(1, 6)):
        if not steps:
            break
        random.choice(_MUTATIONS)(steps, random)
    if random.random() < 0.1:
        place = random.randint(0, len(steps))
        steps[place:place] = random.sample(others, min(len(others), 5))
    if random.random() < 0.05:
        side = random.choice(list(Side))
        steps = [step for step in steps if step.side is not side]
    return steps


def _edit(steps: list[Step], random: Random, edit: Callable[[bytes], bytes]) -> None:
    place = random.randrange(len(steps))
    side, content = steps[place].side, steps[place].content
    if isinstance(content, bytes):
        steps[place] = Step(side, edit(content))


def _cut(steps: list[Step], random: Random) -> None:
    _edit(steps, random, lambda data: data[: random.randint(0, len(data))])


def _replace(steps: list[Step], random: Random) -> None:
    def edit(data: bytes) -> bytes:
        start = random.randint(0, len(data))
        end = min(len(data), start + random.randint(0, 8))
        return data[:start] + random.randbytes(end - start) + data[end:]

    _edit(steps, random, edit)


def _insert(steps: list[Step], random: Random) -> None:
    def edit(data: bytes) -> bytes:
        place = random.randint(0, len(data))
        if random.random() < 0.7:
            place = data.rfind(b"\n", 0, place) + 1
        word = random.choice(_TOKENS) + random.choice(_LINE_ENDS)
        return data[:place] + word + data[place:]

    _edit(steps, random, edit)


def _change_number(steps: list[Step], random: Random) -> None:
    number = random.choice((0, 1, 9, 100, 65_536, 2**32, 10**19, 10**30))

    def edit(data: bytes) -> bytes:
        found = list(_DIGITS.finditer(data))
        if not found:
            return data
        match = random.choice(found)
        return data[: match.start()] + b"%d" % number + data[match.end() :]

    _edit(steps, random, edit)


def _change_line_end(steps: list[Step], random: Random) -> None:
    other = random.choice(_LINE_ENDS)
    _edit(
        steps, random, lambda data: data.replace(b"\r\n", other, random.randint(1, 3))
    )


def _change_blank(steps: list[Step], random: Random) -> None:
    other = random.choice(_BLANKS)
    _edit(steps, random, lambda data: data.replace(b" ", other, random.randint(1, 3)))


def _repeat(steps: list[Step], random: Random) -> None:
    place = random.randrange(len(steps))
    times = random.choice((1, 1, 1, 2, 50))
    steps[place:place] = [steps[place]] * times


def _drop(steps: list[Step], random: Random) -> None:
    del steps[random.randrange(len(steps))]


def _swap(steps: list[Step], random: Random) -> None:
    place, other = random.randrange(len(steps)), random.randrange(len(steps))
    steps[place], steps[other] = steps[other], steps[place]


def _gap(steps: list[Step], random: Random) -> None:
    length = random.choice((1, 2, 100, 1460, 10**6, 2**31))
    place = random.randint(0, len(steps))
    steps.insert(place, Step(random.choice(list(Side)), length))


def _end(steps: list[Step], random: Random) -> None:
    place = random.randint(0, len(steps))
    steps.insert(place, Step(random.choice(list(Side)), None))


def _split(steps: list[Step], random: Random) -> None:
    place = random.randrange(len(steps))
    side, content = steps[place].side, steps[place].content
    if isinstance(content, bytes):
        cut = random.randint(0, len(content))
        halves = [Step(side, content[:cut]), Step(side, content[cut:])]
        steps[place : place + 1] = [each for each in halves if each.content]


def _merge(steps: list[Step], random: Random) -> None:
    place = random.randrange(len(steps))
    for first, second in zip(steps[place:], steps[place + 1 :], strict=False):
        if isinstance(first.content, bytes) and isinstance(second.content, bytes):
            joined = Step(first.side, first.content + second.content)
            steps[place : place + 2] = [joined]
        return


_MUTATIONS = (
    _cut,
    _replace,
    _replace,
    _insert,
    _insert,
    _insert,
    _change_number,
    _change_number,
    _change_line_end,
    _change_blank,
    _repeat,
    _drop,
    _swap,
    _gap,
    _end,
    _split,
    _merge,
)
