"""FTP, whose servers greet with 220 as those of SMTP do."""

from __future__ import annotations

import re

from dissectors.detection.openings import OPENING_BYTES
from dissectors.events import Side
from dissectors.smtp.spec import FIRST_COMMAND

# RFC 959 §5.4: replies that SMTP does not have
_FTP_REPLY = re.compile(
    rb"(?:1[0-9]{2}|20[02]|21[2359]|22[5-9]|23[0-4]|257|33[126]|350)(?:[ \-\r\n]|$)"
)
# what servers call themselves; a host may be called `ftp.example.com`
MAIL_NAME = re.compile(rb"smtp|lmtp")
FTP_NAME = re.compile(rb"ftp(?!\.)")


class FtpDoubt:
    """A greeting of `220` that may be SMTP's or FTP's, until the talk shows it."""

    __slots__ = ("_lines",)

    def __init__(self) -> None:
        self._lines = (bytearray(), bytearray())

    def hear(self, side: Side, data: bytes) -> bool | None:
        """Take what a side says next; return whether it is SMTP, once that is sure."""
        unread = self._lines[side]
        for line in data.splitlines(keepends=True):
            unread += line[: OPENING_BYTES - len(unread)]
            if line.endswith(b"\n"):
                if side is Side.SERVER and _FTP_REPLY.match(unread):
                    return False
                if side is Side.CLIENT and FIRST_COMMAND.match(unread):
                    return True
                unread.clear()
        return None
