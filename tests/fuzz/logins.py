"""Login dialogues of all kinds, damaged at random, each with a secret of its own.

The secret is a password or a token wherever the client gives it: what it is must be
known from the bytes before it. So nothing is lost but with a gap, and a server repeats
only what was captured.
"""

from __future__ import annotations

import base64
import functools
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from dissectors.events import Side
from tests.support.playbook import Step

if TYPE_CHECKING:
    from collections.abc import Callable

CLIENT, SERVER = Side
PORTS = {"smtp": (25, 587), "imap": (143,), "pop3": (110,)}

# what stands where a blank should, and what a line ends with
_BLANKS = ("  ", "\t", " \t", "\u00a0", "\u2003", "\0", "\r", "\x0b", "\xa0", ":", "=")
_ENDS = (b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r\r\n", b" \r\n", b"\t\r\n", b"\0\r\n")
_BEFORE = (b" ", b"\t", b"a ", b"a1 ", b"\0", b"* ", b"NOOP x\r")
_BEHIND = (b" ", b"\t", b" x", b"\0", b"=", b"\r", b" LAST")
_GREETINGS = {
    "smtp": (b"220 mx ESMTP\r\n", b"220-mx\r\n220 x\r\n"),
    "imap": (b"* OK IMAP4rev1 hi\r\n", b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] x\r\n"),
    "pop3": (b"+OK pop\r\n", b"+OK <1.2@pop>\r\n"),
}
_REFUSALS = {
    "smtp": (b"535 5.7.8 no", b"500 what", b"503 no", b"250 ok", b"235 ok", b"501-x"),
    "imap": (b"a NO no", b"a BAD what", b"* BAD what", b"a OK in", b"* BYE x", b"b NO"),
    "pop3": (b"-ERR no", b"-ERR [AUTH] no", b"+OK in", b"+OK", b"-ERR"),
}
_CHALLENGES = {
    "smtp": (b"334 VXNlcm5hbWU6", b"334 UGFzc3dvcmQ6", b"334 ", b"334 S2VubndvcnQ6"),
    "imap": (b"+ VXNlcm5hbWU6", b"+ UGFzc3dvcmQ6", b"+ ", b"+"),
    "pop3": (b"+ VXNlcm5hbWU6", b"+ UGFzc3dvcmQ6", b"+ ", b"+"),
}
_HARMLESS = {
    "smtp": (
        b"EHLO h",
        b"NOOP",
        b"RSET",
        b"MAIL FROM:<a@b>",
        b"DATA",
        b"QUIT",
        b"STARTTLS",
    ),
    "imap": (b"c NOOP", b"c SELECT INBOX", b"c CAPABILITY", b"DONE", b"c LOGOUT"),
    "pop3": (b"STAT", b"NOOP", b"CAPA", b"LIST", b"QUIT", b"RETR 1", b"STLS"),
}


class Login(NamedTuple):
    """A dialogue in which a secret crosses.

    Attributes:
        protocol: which dissector listens.
        steps: what each packet added.
        secret: must be in nothing that is told of it.
    """

    protocol: str
    steps: list[Step]
    secret: str


def login(number: int) -> Login:
    """The dialogue of a seed."""
    random = Random(number)
    secret = f"zq{random.choice(('Pw', 'p.W', 'P-w'))}{number:07d}Secret"
    protocol = random.choice(tuple(PORTS))
    spoken = protocol if random.random() < 0.8 else random.choice(tuple(PORTS))
    lines = [
        _damage(_encode(line), random) if random.random() < 0.3 else _encode(line)
        for line in random.choice(_FORMS[spoken])(secret, random)
    ]
    steps = _talk(protocol, lines, secret, random)
    for _ in range(random.choice((0, 0, 1, 1, 2, 3))):
        random.choice(_MUTATIONS)(steps, random)
    return Login(protocol, _only_true_echoes(steps, secret), secret)


def _encode(line: str) -> bytes:
    """Bytes of a line: those beyond ASCII are UTF-8, some are not."""
    return line.replace("\xa0", "\udca0").encode("utf-8", "surrogateescape")


def b64(text: str) -> str:
    """Base64 of a text."""
    return base64.b64encode(text.encode()).decode()


def _plain(secret: str, random: Random) -> str:
    user = random.choice(("alice", "alice@example.com", ""))
    return b64(f"{random.choice(('', '', user))}\0{user}\0{secret}")


def _sasl_lines(secret: str, random: Random) -> list[str]:
    """A mechanism, and what the client sends in it, as base64."""
    forms = (
        ["PLAIN", _plain(secret, random)],
        ["LOGIN", b64("alice"), b64(secret)],
        ["XOAUTH2", b64(f"user=alice\x01auth=Bearer {secret}\x01\x01")],
        ["XOAUTH2", b64(f"user=alice auth=Bearer {secret}")],
        ["OAUTHBEARER", b64(f"n,a=alice,\x01auth=Bearer {secret}\x01\x01")],
        ["CRAM-MD5", b64(f"alice {secret}")],
        ["DIGEST-MD5", b64(f'username="alice",password="{secret}"')],
        ["SCRAM-SHA-256", b64(f"n,,n=alice,r={secret}"), b64(f"c=biws,r={secret}")],
        ["EXTERNAL", b64(secret)],
        ["ANONYMOUS", b64(secret)],
        ["X-FOO", b64(secret)],
        ["NTLM", b64("NTLMSSP\0\1"), b64(f"NTLMSSP\0\3\0\0\0{secret:\0<80}")],
        [b64(secret)],
        [secret, secret],
        ["PLAIN", secret],
        ["LOGIN", "alice", secret],
        ["PLAIN", _plain(secret, random).rstrip("=")],
        ["PLAIN", "!" + _plain(secret, random) + "*"],
    )
    return list(random.choice(forms))


def _in_lines(verb: str) -> Callable[[str, Random], list[str]]:
    """AUTH or AUTHENTICATE, with an initial response or without."""

    def form(secret: str, random: Random) -> list[str]:
        mechanism, *responses = _sasl_lines(secret, random)
        if responses and random.random() < 0.5:
            return [f"{verb} {mechanism} {responses[0]}", *responses[1:]]
        return [f"{verb} {mechanism}", *responses]

    return form


def _fixed(*lines: str) -> Callable[[str, Random], list[str]]:
    return lambda secret, _random: [line.replace("$", secret) for line in lines]


_FORMS: dict[str, tuple[Callable[[str, Random], list[str]], ...]] = {
    "smtp": (
        *[_in_lines("AUTH")] * 6,
        _fixed("AUTH=PLAIN $"),
        _fixed("AUTH $"),
        _fixed("NOOP $"),
        _fixed("HELP $"),
        _fixed("EHLO alice:$@h"),
        _fixed("MAIL FROM:<a@b> PASS=$"),
        _fixed("MAIL FROM:<a@b> AUTH=$"),
        _fixed("MAIL FROM:<alice:$@h>"),
        _fixed("RCPT TO:<a@b> $"),
        _fixed("BURL imap://h/;UID=1;urlauth=submit+a:internal:$ LAST"),
        _fixed("X-LINK2STATE LAST CHUNK={$}"),
        _fixed("XCLIENT PASS=$"),
        _fixed("PASSWORD $"),
        _fixed("$"),
        _fixed("X-EXPS LOGIN", "$"),
        _fixed("STARTTLS", "AUTH PLAIN $"),
        _fixed("DATA $"),
    ),
    "pop3": (
        *[_in_lines("AUTH")] * 4,
        *[_fixed("USER alice", "PASS $")] * 3,
        _fixed("USER alice", "PASS", "$"),
        _fixed("USER alice:$"),
        _fixed("USER alice $"),
        _fixed("APOP alice $"),
        _fixed("XAUTH alice $"),
        _fixed("USER alice", "PASSWORD $"),
        _fixed("USER alice", "pass-$"),
        _fixed("RETR $"),
        _fixed("TOP 1 $"),
        _fixed("XTND $"),
        _fixed("$"),
    ),
    "imap": (
        *[_in_lines("a AUTHENTICATE")] * 4,
        *[_fixed("a LOGIN alice $")] * 2,
        _fixed('a LOGIN "alice" "$"'),
        _fixed("a LOGIN {5}", 'alice "$"'),
        _fixed("a LOGIN {5+}", "alice {20}", "$"),
        _fixed("a LOGIN alice {20+}", "$"),
        _fixed("a LOGIN alice {0+}", "", "b $"),
        _fixed("LOGIN alice $"),
        _fixed('a LOGIN "alice $'),
        _fixed('a LOGIN "alice $"'),
        _fixed("a LOGIN alice:$"),
        _fixed("a LOGINX alice $"),
        _fixed("alice $"),
        _fixed("a $"),
        _fixed("a NOOP $"),
        _fixed('a SELECT "imap://alice:$@h/INBOX"'),
        _fixed('a GENURLAUTH "imap://h/;urlauth=alice:$" INTERNAL'),
        _fixed('a ID ("name" "x" "password" "$")'),
        _fixed('a SETMETADATA "" (/private/x "$")'),
        _fixed("a UID FETCH $ (FLAGS)"),
    ),
}


def _damage(line: bytes, random: Random) -> bytes:
    """Write a line as nobody should: other blanks, other case, something before."""
    kind = random.randrange(5)
    if kind == 0:
        return line.replace(b" ", _encode(random.choice(_BLANKS)), random.randint(1, 2))
    if kind == 1:
        verb, blank, rest = line.partition(b" ")
        return _change_case(verb, random) + blank + rest if rest else line
    if kind == 2:
        return random.choice(_BEFORE) + line
    if kind == 3:
        return line + random.choice(_BEHIND)
    # without its tag, or its verb
    return line.split(b" ", 1)[-1]


def _change_case(verb: bytes, random: Random) -> bytes:
    return random.choice((verb.lower(), verb.title(), verb.swapcase()))


def _talk(protocol: str, lines: list[bytes], secret: str, random: Random) -> list[Step]:
    steps = []
    if random.random() < 0.85:
        steps.append(Step(SERVER, random.choice(_GREETINGS[protocol])))
    if protocol == "smtp" and random.random() < 0.6:
        offer = b"250-mx\r\n250-XFROB\r\n250 AUTH PLAIN LOGIN XOAUTH2 X-BAR\r\n"
        steps += [Step(CLIENT, b"EHLO h\r\n"), Step(SERVER, offer)]
    for place, line in enumerate(lines):
        steps.append(Step(CLIENT, line + random.choice(_ENDS)))
        is_last = place == len(lines) - 1
        answers = _REFUSALS if is_last or random.random() < 0.4 else _CHALLENGES
        answer = random.choice(answers[protocol])
        if random.random() < 0.35:
            answer += b" " + _repeat(line, secret, random)
        steps.append(Step(SERVER, answer + b"\r\n"))
        if random.random() < 0.2:
            steps.append(Step(CLIENT, random.choice(_HARMLESS[protocol]) + b"\r\n"))
            steps.append(Step(SERVER, random.choice(_REFUSALS[protocol]) + b"\r\n"))
    if random.random() < 0.2:
        # one more, bare
        steps.append(Step(CLIENT, secret.encode() + b"\r\n"))
    if random.random() < 0.3:
        said = random.choice(_REFUSALS[protocol]) + b" "
        said += _repeat(secret.encode(), secret, random)
        steps.append(Step(SERVER, said + b"\r\n"))
    return steps


def _repeat(line: bytes, secret: str, random: Random) -> bytes:
    """What servers make of what they did not understand."""
    before = b"." * random.randrange(3)
    return random.choice(
        (
            line,
            line.upper(),
            line.lower(),
            b"'" + secret.encode() + b"'",
            b"[" + secret.upper().encode() + b"]",
            secret.swapcase().encode(),
            base64.b64encode(before + secret.encode() + b"..."),
            base64.b64encode(secret.encode()),
            b"x" * random.choice((0, 1000, 1015)) + b" " + secret.encode(),
            b"a\r\n" + line,
        )
    )


# what happens to it on the way


def _lose(steps: list[Step], random: Random) -> None:
    """Some of a packet is not captured."""
    place = random.randrange(len(steps))
    side, content = steps[place].side, steps[place].content
    if not isinstance(content, bytes):
        return
    start = random.randint(0, len(content))
    end = random.choice((start, len(content), random.randint(start, len(content))))
    kept = [Step(side, content[:start]), Step(side, end - start)]
    kept.append(Step(side, content[end:]))
    steps[place : place + 1] = [step for step in kept if step.content]


def _leave_a_side_out(steps: list[Step], random: Random) -> None:
    side = random.choice((SERVER, SERVER, CLIENT))
    steps[:] = [step for step in steps if step.side is not side] or steps


def _split(steps: list[Step], random: Random) -> None:
    place = random.randrange(len(steps))
    side, content = steps[place].side, steps[place].content
    if isinstance(content, bytes):
        cut = random.randint(0, len(content))
        halves = (content[:cut], content[cut:])
        steps[place : place + 1] = [Step(side, each) for each in halves if each]


def _pipeline(steps: list[Step], random: Random) -> None:
    """The client does not wait for the server: all from some step on in one packet."""
    place = random.randrange(len(steps))
    rest = steps[place:]
    first = [step for step in rest if step.side is CLIENT]
    steps[place:] = first + [step for step in rest if step.side is SERVER]


def _begin_later(steps: list[Step], random: Random) -> None:
    del steps[: random.randrange(len(steps))]


def _end(steps: list[Step], random: Random) -> None:
    side = random.choice((CLIENT, SERVER))
    steps.append(Step(side, None))


def _cut_the_end(steps: list[Step], _random: Random) -> None:
    """The client's last line has no end."""
    for place in range(len(steps) - 1, -1, -1):
        side, content = steps[place].side, steps[place].content
        if side is CLIENT and isinstance(content, bytes) and content.strip():
            steps[place] = Step(side, content.rstrip(b"\r\n"))
            return


_MUTATIONS = (
    _lose,
    _lose,
    _leave_a_side_out,
    _split,
    _split,
    _pipeline,
    _begin_later,
    _end,
    _cut_the_end,
)


def _only_true_echoes(steps: list[Step], secret: str) -> list[Step]:
    """Leave out what servers repeat of what was not captured: nobody can know it."""
    said = heard = b""
    kept = []
    for step in steps:
        content = step.content
        seen = content.lower() if isinstance(content, bytes) else b"\n?\n"
        if step.side is CLIENT:
            said += seen
        elif not _has(said, secret):
            if _has(heard + seen, secret):
                continue
            heard += seen
        kept.append(step)
    return kept or [Step(CLIENT, b"x")]


def _has(text: bytes, secret: str) -> bool:
    return any(word in text for word in spellings(secret))


@functools.lru_cache(maxsize=4)
def spellings(secret: str) -> tuple[bytes, ...]:
    """A secret and its base64, wherever in a group of three bytes it begins."""
    raw = secret.encode()
    found = [raw.lower()]
    for before in range(3):
        encoded = base64.b64encode(b"." * before + raw).rstrip(b"=")
        whole = len(encoded) - bool((before + len(raw)) % 3)
        found.append(encoded[(0, 2, 3)[before] : whole].lower())
    return tuple(found)
