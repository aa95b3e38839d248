"""Short dialogues of lines, with any of the dissectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dissectors import ImapDialogue, Pop3Dialogue, SmtpDialogue
from tests.support.playbook import CLIENT, SERVER, Playbook

if TYPE_CHECKING:
    from dissectors.events import Event

DIALOGUES = {"smtp": SmtpDialogue, "imap": ImapDialogue, "pop3": Pop3Dialogue}
GREETINGS = {"smtp": b"220 mx", "imap": b"* OK hi", "pop3": b"+OK hi"}


def talk(
    protocol: str, *lines: bytes | tuple[str, int | bytes], is_cut: bool = False
) -> list[Event]:
    """What happens in a dialogue behind the greeting.

    Args:
        protocol: which dissector listens.
        lines: each begins with `C: ` or `S: `; or a side, and a line of it without its
            end, or how many bytes of it were not captured.
        is_cut: the last line has no end.
    """
    play = Playbook(DIALOGUES[protocol]).server(GREETINGS[protocol] + b"\r\n")
    for number, line in enumerate(lines, 1):
        end = b"" if is_cut and number == len(lines) else b"\r\n"
        if isinstance(line, tuple):
            side, content = line
            if isinstance(content, int):
                play.gap(CLIENT if side == "C" else SERVER, content)
            else:
                (play.client if side == "C" else play.server)(content)
        elif line.startswith(b"C: "):
            play.client(line[3:] + end)
        else:
            play.server(line[3:] + end)
    return play.eof().run()
