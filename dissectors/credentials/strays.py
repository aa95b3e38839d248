"""Logins in the words of another protocol, or in nearly those of this one.

Clients talk POP3 to the port of IMAP, leave tags out, or write `AUTH=PLAIN`. Servers
refuse all that, and the password has crossed nevertheless.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from dissectors.credentials.names import MASK, read_name
from dissectors.credentials.sasl import SaslExchange
from dissectors.events import AuthAttempted, Exposure, Outcome

if TYPE_CHECKING:
    from collections.abc import Container

    from dissectors.credentials.withheld import Withheld

# a tag, or whatever precedes; the word; what is behind it
_LOGIN = re.compile(
    rb"[\x00-\x20]*+(?!USER-AGENT:)"  # of HTTP, which comes to any port
    rb"(?:[^\x00-\x20]{1,64}+[\x00-\x20]++(?=AUTH|LOGIN))?"
    rb"(USER|PASS(?:W(?:OR)?D)?|APOP|AUTH(?:ENTICATE)?|LOGIN)(?![A-Z0-9])(.*)",
    re.IGNORECASE | re.DOTALL,
)
_BETWEEN = b" \t\r\n\0=:-\xa0\xc2"
_VERBS = {
    b"APOP": "APOP",
    b"AUTH": "AUTH",
    b"AUTHENTICATE": "AUTHENTICATE",
    b"LOGIN": "LOGIN",
    b"USER": "USER",
}


class StrayLogin(NamedTuple):
    """A line that logs in, or part of that.

    Attributes:
        verb: its command, in upper case.
        argument: what of the rest may be shown.
        user: whom it names.
        exposure: what crossed.
        mechanism: as `AuthAttempted` has it; `None` if more has to come.
        sasl: the exchange that it begins.
    """

    verb: str
    argument: str | None
    user: str | None = None
    exposure: Exposure = Exposure.NOTHING
    mechanism: str | None = None
    sasl: SaslExchange | None = None

    def finish(self, outcome: Outcome) -> AuthAttempted | None:
        """State what is known, when the server has answered or never will."""
        if self.sasl is not None:
            return self.sasl.finish(outcome)
        if self.mechanism is None:
            return None
        return AuthAttempted(self.mechanism, self.user, outcome, self.exposure)


class StrayLogins:
    """Reads the strays of one connection, which may take two lines."""

    __slots__ = ("_user",)

    def __init__(self) -> None:
        self._user: str | None = None

    def read(
        self,
        line: bytes,
        withheld: Withheld,
        offered: Container[str] = (),
        *,
        is_cut: bool = False,
    ) -> StrayLogin | None:
        """Read a line that is no command of the protocol; `None` if it is no login.

        Args:
            line: without its end.
            withheld: takes what is not shown.
            offered: the mechanisms that the server announced.
            is_cut: it has no end.
        """
        match = _LOGIN.match(line)
        if match is None:
            return None
        verb = _VERBS.get(match[1].upper(), "PASS")
        rest = match[2].lstrip(_BETWEEN).rstrip()
        if verb in ("AUTH", "AUTHENTICATE"):
            return _read_sasl(verb, rest, withheld, offered, is_cut=is_cut)
        if verb == "USER":
            is_tidy = len(line.split(b" ")) == 2 and not is_cut
            self._user = read_name(rest, blanks=False) if is_tidy else None
            if self._user is None:
                withheld.add_login(rest)
            return StrayLogin(verb, self._user or (MASK if rest else None))
        words = rest.split()
        exposure = Exposure.PASSWORD
        if verb == "PASS":
            user, mechanism, is_whole = self._user, "USER", bool(rest)
        else:
            name = words[0].strip(b'"') if len(words) == 2 else None
            user, mechanism = read_name(name, blanks=False), verb
            is_whole = len(words) > 1
            exposure = Exposure.OFFLINE if verb == "APOP" else exposure
        withheld.add_login(rest, (user,))
        if not is_whole:
            exposure = Exposure.NOTHING
        return StrayLogin(verb, MASK if rest else None, user, exposure, mechanism)


def _read_sasl(
    verb: str,
    rest: bytes,
    withheld: Withheld,
    offered: Container[str],
    *,
    is_cut: bool,
) -> StrayLogin:
    mechanism, response = split_sasl(rest)
    sasl = SaslExchange(mechanism, withheld, offered)
    if is_cut:
        sasl.receive_gap()
    if response:
        sasl.receive_initial_response(response)
    shown = f"{sasl.mechanism} {MASK}" if response else sasl.mechanism
    return StrayLogin(verb, shown if mechanism else None, sasl=sasl)


def split_sasl(argument: bytes) -> tuple[bytes, bytes]:
    """Split what is behind AUTH: a mechanism, and perhaps an initial response."""
    mechanism, *response = argument.split(None, 1) or [b""]
    return mechanism, response[0].rstrip() if response else b""
