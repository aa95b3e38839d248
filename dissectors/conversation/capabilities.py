"""Lists of capabilities, a line for each keyword: those of EHLO and CAPA."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from dissectors.conversation.lines import decode_text
from dissectors.events import (
    CapabilitiesAnnounced,
    LoginOffered,
    StartTls,
    StartTlsAdvanced,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dissectors.conversation.logins import Logins
    from dissectors.conversation.reporter import Reporter


def read_capability(line: bytes, limit: int) -> str:
    """Read a line, the keyword in upper case; it is empty if there is none.

    RFC 5321 §4.1.1.1, RFC 2449 §3: keywords are not case-sensitive.
    """
    keyword, blank, parameters = line.strip().partition(b" ")
    return decode_text(keyword.upper() + blank + parameters, limit)


def report_capabilities(
    reporter: Reporter,
    logins: Logins,
    capabilities: tuple[str, ...],
    mechanisms: Sequence[str],
    *,
    upgrade: str,
    is_whole: bool,
) -> None:
    """Report what a server lists, and learn by what clients may log in.

    Args:
        reporter: of the dialogue.
        logins: of the dialogue.
        capabilities: the list.
        mechanisms: the ways to log in that are in it.
        upgrade: the keyword by which the server offers TLS.
        is_whole: the list is complete: what is not in it is not offered.
    """
    if is_whole:
        reporter.report(CapabilitiesAnnounced(list(capabilities)))
        logins.offered = frozenset(mechanisms)
        logins.announced = _keywords(capabilities)
        reporter.report(LoginOffered(list(mechanisms)))
    is_offered = upgrade in capabilities
    if is_whole or is_offered:
        step = StartTls.OFFERED if is_offered else StartTls.NOT_OFFERED
        reporter.events.append(StartTlsAdvanced(step))


# servers say the same to every client
@lru_cache(maxsize=256)
def _keywords(capabilities: tuple[str, ...]) -> frozenset[str]:
    """Return the keywords, which may be verbs or parameters."""
    return frozenset(each.partition(" ")[0] for each in capabilities)
