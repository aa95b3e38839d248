"""States of a mail dialogue, and what either side may send in them."""

from __future__ import annotations

from tests.support.playbook import CLIENT, SERVER, Step

Content = bytes | int | None
Steps = list[Step]

HELLO = bytes.fromhex("160301000501000001") + b"\0"
# what can come in any protocol
ANYTHING: dict[str, Content] = {
    "nothing": b"",
    "empty line": b"\r\n",
    "words": b"some words\r\n",
    "octets": b"\x00\xff\x80\r\n",
    "no line end": b"QUIT",
    "lone dot": b".\r\n",
    "TLS": HELLO,
    "gap": 7,
    "end": None,
}


def steps(*said: tuple[object, bytes]) -> Steps:
    return [Step(side, data) for side, data in said]  # type: ignore[arg-type]


def then(before: Steps, *said: bytes) -> Steps:
    """The client and the server go on in turns."""
    sides = (CLIENT, SERVER) * len(said)
    more = zip(sides, said, strict=False)
    return [*before, *[Step(side, data) for side, data in more if data]]


SMTP_GREETED = steps((SERVER, b"220 x\r\n"))
SMTP_HELLO = then(SMTP_GREETED, b"EHLO x\r\n", b"250 x\r\n")
SMTP_MAIL = then(SMTP_HELLO, b"MAIL FROM:<a@b>\r\n", b"250 ok\r\n")
SMTP_RCPT = then(SMTP_MAIL, b"RCPT TO:<c@d>\r\n", b"250 ok\r\n")
SMTP_STATES = {
    "start": [],
    "greeted": SMTP_GREETED,
    "introduced": SMTP_HELLO,
    "mail given": SMTP_MAIL,
    "recipient given": SMTP_RCPT,
    "data asked for": then(SMTP_RCPT, b"DATA\r\n"),
    "in mail data": then(SMTP_RCPT, b"DATA\r\n", b"354 go\r\n", b"Subject: x\r\n"),
    "in a chunk": then(SMTP_RCPT, b"BDAT 9\r\nabc"),
    "between chunks": then(SMTP_RCPT, b"BDAT 3\r\nabc", b"250 ok\r\n"),
    "message sent": then(SMTP_RCPT, b"BDAT 3 LAST\r\nabc"),
    "login begun": then(SMTP_HELLO, b"AUTH LOGIN\r\n"),
    "challenged": then(SMTP_HELLO, b"AUTH LOGIN\r\n", b"334 VXNlcg==\r\n"),
    "TLS asked for": then(SMTP_HELLO, b"STARTTLS\r\n"),
    "TLS agreed on": then(SMTP_HELLO, b"STARTTLS\r\n", b"220 go\r\n"),
    "in TLS": then(SMTP_HELLO, b"STARTTLS\r\n", b"220 go\r\n", HELLO),
    "octets asked for": then(SMTP_MAIL, b"XEXCH50 5 2\r\n", b"354 go\r\n", b"12"),
    "reversed": then(SMTP_HELLO, b"TURN\r\n", b"250 ok\r\n"),
    "behind a gap": [*SMTP_RCPT, Step(CLIENT, 9), Step(SERVER, 9)],
}
SMTP_LINES = {
    CLIENT: {
        "command": b"NOOP\r\n",
        "hello": b"EHLO y\r\n",
        "reset": b"RSET\r\n",
        "mail": b"MAIL FROM:<e@f> SIZE=1\r\n",
        "recipient": b"RCPT TO:<g@h>\r\n",
        "data": b"DATA\r\n",
        "last chunk": b"BDAT 2 LAST\r\nxy",
        "login": b"AUTH PLAIN AGEAYg==\r\n",
        "cancel": b"*\r\n",
        "TLS wanted": b"STARTTLS\r\n",
        "quit": b"QUIT\r\n",
    },
    SERVER: {
        "220": b"220 x\r\n",
        "250": b"250 ok\r\n",
        "half a reply": b"250-ok\r\n",
        "334": b"334 UGFzcw==\r\n",
        "354": b"354 go\r\n",
        "421": b"421 bye\r\n",
        "535": b"535 no\r\n",
        "235": b"235 ok\r\n",
    },
}

IMAP_GREETED = steps((SERVER, b"* OK x\r\n"))
IMAP_IN = then(IMAP_GREETED, b"a LOGIN b c\r\n", b"a OK in\r\n")
IMAP_SELECTED = then(IMAP_IN, b"a SELECT x\r\n", b"* 2 EXISTS\r\na OK ok\r\n")
IMAP_STATES = {
    "start": [],
    "not authenticated": IMAP_GREETED,
    "login literal announced": then(IMAP_GREETED, b"a LOGIN {3}\r\n"),
    "login begun": then(IMAP_GREETED, b"a AUTHENTICATE PLAIN\r\n", b"+ \r\n"),
    "authenticated": IMAP_IN,
    "selected": IMAP_SELECTED,
    "command sent": then(IMAP_SELECTED, b"t FETCH 1 (FLAGS)\r\n"),
    "fetching": then(
        IMAP_SELECTED, b"t FETCH 1 BODY[]\r\n", b"* 1 FETCH (BODY[] {9}\r\nab"
    ),
    "appending": then(IMAP_IN, b"t APPEND x {9}\r\n", b"+ go\r\n", b"ab"),
    "idling": then(IMAP_SELECTED, b"t IDLE\r\n", b"+ idling\r\n"),
    "TLS asked for": then(IMAP_GREETED, b"t STARTTLS\r\n"),
    "TLS agreed on": then(IMAP_GREETED, b"t STARTTLS\r\n", b"t OK go\r\n"),
    "compression asked for": then(IMAP_IN, b"t COMPRESS DEFLATE\r\n"),
    "compressed": then(IMAP_IN, b"t COMPRESS DEFLATE\r\n", b"t OK go\r\n"),
    "logout": then(IMAP_IN, b"t LOGOUT\r\n", b"* BYE x\r\nt OK ok\r\n"),
    "behind a gap": [*IMAP_SELECTED, Step(CLIENT, 9), Step(SERVER, 9)],
}
IMAP_LINES = {
    CLIENT: {
        "command": b"c NOOP\r\n",
        "login": b"c LOGIN d e\r\n",
        "select": b"c SELECT y\r\n",
        "fetch": b"c FETCH 1 BODY[]\r\n",
        "append": b"c APPEND z {1+}\r\nx\r\n",
        "unknown": b"c X-NEW y\r\n",
        "done": b"DONE\r\n",
        "cancel": b"*\r\n",
        "TLS wanted": b"c STARTTLS\r\n",
        "logout": b"c LOGOUT\r\n",
    },
    SERVER: {
        "tagged OK": b"t OK ok\r\n",
        "tagged NO": b"t NO no\r\n",
        "other tag": b"q OK ok\r\n",
        "untagged OK": b"* OK [CAPABILITY IMAP4rev1] x\r\n",
        "bye": b"* BYE x\r\n",
        "exists": b"* 3 EXISTS\r\n",
        "expunge": b"* 1 EXPUNGE\r\n",
        "message": b"* 1 FETCH (BODY[] {1}\r\nx)\r\n",
        "envelope": b'* 1 FETCH (ENVELOPE (NIL "x"))\r\n',
        "continue": b"+ go\r\n",
    },
}

POP3_GREETED = steps((SERVER, b"+OK x\r\n"))
POP3_IN = then(POP3_GREETED, b"USER a\r\n", b"+OK\r\n", b"PASS b\r\n", b"+OK\r\n")
POP3_STATES = {
    "start": [],
    "authorization": POP3_GREETED,
    "user given": then(POP3_GREETED, b"USER a\r\n", b"+OK\r\n"),
    "password given": then(POP3_GREETED, b"PASS b\r\n"),
    "login begun": then(POP3_GREETED, b"AUTH LOGIN\r\n"),
    "challenged": then(POP3_GREETED, b"AUTH LOGIN\r\n", b"+ VXNlcg==\r\n"),
    "transaction": POP3_IN,
    "message asked for": then(POP3_IN, b"RETR 1\r\n"),
    "in a message": then(POP3_IN, b"RETR 1\r\n", b"+OK\r\nSubject: x\r\n"),
    "in a listing": then(POP3_IN, b"UIDL\r\n", b"+OK\r\n1 a\r\n"),
    "deleted": then(POP3_IN, b"DELE 1\r\n", b"+OK\r\n"),
    "TLS asked for": then(POP3_GREETED, b"STLS\r\n"),
    "TLS agreed on": then(POP3_GREETED, b"STLS\r\n", b"+OK\r\n"),
    "update": then(POP3_IN, b"QUIT\r\n", b"+OK\r\n"),
    "behind a gap": [*POP3_IN, Step(CLIENT, 9), Step(SERVER, 9)],
}
POP3_LINES = {
    CLIENT: {
        "command": b"NOOP\r\n",
        "user": b"USER c\r\n",
        "password": b"PASS d\r\n",
        "digest": b"APOP e 00\r\n",
        "login": b"AUTH PLAIN AGEAYg==\r\n",
        "cancel": b"*\r\n",
        "retrieve": b"RETR 2\r\n",
        "top": b"TOP 2 0\r\n",
        "list": b"LIST\r\n",
        "reset": b"RSET\r\n",
        "TLS wanted": b"STLS\r\n",
        "quit": b"QUIT\r\n",
    },
    SERVER: {
        "positive": b"+OK 1 2\r\n",
        "negative": b"-ERR [IN-USE] no\r\n",
        "challenge": b"+ UGFzcw==\r\n",
    },
}
TABLES = {
    "smtp": (SMTP_STATES, SMTP_LINES),
    "imap": (IMAP_STATES, IMAP_LINES),
    "pop3": (POP3_STATES, POP3_LINES),
}
