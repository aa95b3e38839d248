"""The state machine of ManageSieve (RFC 5804).

Handled: the greeting and its capabilities, STARTTLS, AUTHENTICATE with SASL, and all
other commands with their answers. Scripts are passed over: what is in them is shown
nowhere. Not read: what LISTSCRIPTS and GETSCRIPT answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dissectors.events import (
    CapabilitiesAnnounced,
    CredentialsCrossed,
    ExchangeKind,
    GreetingReceived,
    LoginOffered,
    Outcome,
    Side,
    SoftwareIdentified,
    StartTls,
    StartTlsAdvanced,
    State,
    StateChanged,
)
from dissectors.limits import DEFAULT_LIMITS
from dissectors.text_protocol import TextDialogue
from mailtap_managesieve.grammar import (
    MASK,
    Response,
    is_string,
    parse_arguments,
    parse_capability,
    parse_response,
    parse_verb,
    tokens,
)

if TYPE_CHECKING:
    from dissectors.credentials.sasl import SaslExchange
    from dissectors.limits import Limits
    from dissectors.text_protocol import TextLine

_LOGIN = "AUTHENTICATE"


class ManageSieveDialogue(TextDialogue):
    """Reads one ManageSieve session."""

    __slots__ = (
        "_announced",
        "_expects_greeting",
        "_is_inside",
        "_login",
        "_offered",
        "_state",
        "_unfinished",
    )

    def __init__(
        self, limits: Limits = DEFAULT_LIMITS, *, is_inside: bool = False
    ) -> None:
        super().__init__(limits)
        # behind STARTTLS the server announces its capabilities again (§2.2)
        self._is_inside = is_inside
        self._expects_greeting = True
        # the capabilities that were announced since the last response
        self._announced: dict[str, bytes] = {}
        self._offered: frozenset[str] = frozenset()
        # the login that goes on, and one that ended before all of it had crossed
        self._login: SaslExchange | None = None
        self._unfinished: SaslExchange | None = None
        self._state: State | None = None

    def new_inside(self, *, greeted: bool) -> ManageSieveDialogue:
        """Return what reads the dialogue inside TLS."""
        return ManageSieveDialogue(self.limits, is_inside=greeted)

    def is_certain(self, side: Side, text: bytes) -> bool:
        """Return whether a line can hardly be one of a script."""
        if side is Side.CLIENT:
            return parse_verb(text) is not None
        return text.split(b" ", 1)[0] in (b"OK", b"NO", b"BYE")

    # the client

    def receive_client_line(self, line: TextLine) -> None:
        """Act on a command, or on a part of a login."""
        verb = parse_verb(line.text)
        if verb == _LOGIN:
            self._begin_login(line)
        elif verb is not None:
            self._receive_command(verb, line)
        elif self._login is not None:
            self._receive_secret(self._login, line)
        else:
            self._receive_unknown(line)

    def _receive_command(self, verb: str, line: TextLine) -> None:
        arguments = parse_arguments(verb, line)
        if arguments is None:
            # NOOP has whatever the client wants to hear again (§2.13)
            self.withhold_line(line)
            arguments = [MASK] if line.text[len(verb) :].strip() else []
        shown = self.decode(" ".join(arguments).encode()) if arguments else None
        if verb == "STARTTLS":
            self.report(StartTlsAdvanced(StartTls.REQUESTED))
        self.send(verb, shown, holds_client=verb == "STARTTLS")

    def _begin_login(self, line: TextLine) -> None:
        """AUTHENTICATE: a mechanism, and perhaps an initial response (§2.1)."""
        given = list(tokens(line, len(_LOGIN)))
        mechanism = given[0].value if given else b""
        self._login = self.begin_login(mechanism or b"", self._offered)
        shown = self._login.mechanism if mechanism else None
        if not line.is_whole or mechanism is None:
            self._login.receive_gap()
            self.withhold_all()
        if len(given) > 1:
            shown = f"{shown or MASK} {MASK}"
            if len(given) == 2 and given[1].value is not None:
                self._login.receive_initial_response(given[1].value)
            else:
                self._withhold_all_of(line, self._login)
        self.send(_LOGIN, shown)

    def _receive_secret(self, login: SaslExchange, line: TextLine) -> None:
        """What answers a challenge: one string."""
        if not line.is_whole:
            login.receive_gap()
            self.withhold_all()
        given = list(tokens(line))
        if len(given) == 1 and given[0].value is not None:
            login.receive_response(given[0].value)
        else:
            self._withhold_all_of(line, login)

    def _withhold_all_of(self, line: TextLine, login: SaslExchange) -> None:
        """A login that is none by the grammar, and crossed all the same."""
        login.receive_gap()
        login.receive_response(line.text)
        for literal in line.literals:
            if literal is not None:
                self.withhold(literal)
        self.withhold_line(line)

    def _receive_unknown(self, line: TextLine) -> None:
        if not line.text.strip():
            return
        self.send(MASK)
        if self._unfinished is not None and is_string(line):
            login = self._unfinished
            self._receive_secret(login, line)
            self.report(CredentialsCrossed(login.user, login.exposure, login.authzid))
            if login.is_complete:
                self._unfinished = None
            return
        self.withhold_line(line)
        self.report_anomaly("managesieve_unknown_command", Side.CLIENT)

    # the server

    def receive_server_line(self, line: TextLine) -> None:
        """Act on a response, or on the data that comes before it."""
        response = parse_response(line)
        if response is not None:
            self._receive_response(response)
        elif self._is_data_of("LISTSCRIPTS", "GETSCRIPT"):
            return
        elif self._login is not None and self._is_data_of(_LOGIN):
            self._receive_challenge(self._login, line)
        elif (capability := parse_capability(line)) is not None:
            if len(self._announced) < self.limits.list_items:
                name, value = capability
                self._announced[name] = value
        elif self.client_seen or self._expects_greeting:
            self.report_anomaly("managesieve_unexpected_line", Side.SERVER)

    def _is_data_of(self, *verbs: str) -> bool:
        """Whether a command waits that is answered with data first."""
        return bool(self.awaiting) and self.awaiting[0].verb in verbs

    def _receive_challenge(self, login: SaslExchange, line: TextLine) -> None:
        given = list(tokens(line))
        if len(given) == 1 and given[0].value is not None:
            login.receive_challenge(given[0].value)

    def _receive_response(self, response: Response) -> None:
        announced, self._announced = self._announced, {}
        text = self.decode(response.text)
        is_positive = response.status == "OK"
        if self._is_greeting(announced):
            self._expects_greeting = False
            self._greet(response, text, announced)
            return
        self._expects_greeting = False
        exchange = self.answer(response.status, text, response.code)
        verb = exchange.verb if exchange is not None else None
        if announced and is_positive and verb in ("CAPABILITY", None):
            self._report_capabilities(announced)
        if verb == _LOGIN:
            self._end_login(Outcome.SUCCESS if is_positive else Outcome.FAILURE)
        elif verb == "STARTTLS":
            step = StartTls.ACCEPTED if is_positive else StartTls.REFUSED
            self.report(StartTlsAdvanced(step))
            if is_positive:
                self.start_tls()
        elif verb == "LOGOUT" or response.status == "BYE":
            self._enter(State.LOGOUT)
        elif verb == "UNAUTHENTICATE" and is_positive:
            self._enter(State.NOT_AUTHENTICATED)

    def _is_greeting(self, announced: dict[str, bytes]) -> bool:
        """Whether a response ends the greeting, even if the client did not wait."""
        if not self._expects_greeting:
            return False
        return not self.awaiting or (
            bool(announced) and not self._is_data_of("CAPABILITY")
        )

    def _greet(
        self, response: Response, text: str, announced: dict[str, bytes]
    ) -> None:
        software = self.decode(announced.get("IMPLEMENTATION", b"")) or None
        if self._is_inside:
            # what was said before TLS is void
            self.unprompted(
                ExchangeKind.UNSOLICITED, response.status, text, response.code
            )
        else:
            self.unprompted(ExchangeKind.GREETING, response.status, text, response.code)
            self.report(GreetingReceived(text, software))
        if response.status == "OK":
            self._report_capabilities(announced)
            self._enter(State.NOT_AUTHENTICATED)

    def _report_capabilities(self, announced: dict[str, bytes]) -> None:
        texts = [
            self.decode(f"{name} ".encode() + value).strip()
            for name, value in announced.items()
        ]
        self.report(CapabilitiesAnnounced(texts))
        if software := self.decode(announced.get("IMPLEMENTATION", b"")):
            self.report(SoftwareIdentified(Side.SERVER, software))
        offered = announced.get("SASL", b"").upper().split()
        mechanisms = [self.decode(each) for each in offered[: self.limits.list_items]]
        self._offered = frozenset(mechanisms)
        has_tls = "STARTTLS" in announced
        step = StartTls.OFFERED if has_tls else StartTls.NOT_OFFERED
        self.report(LoginOffered(mechanisms), StartTlsAdvanced(step))

    def _end_login(self, outcome: Outcome) -> None:
        login, self._login = self._login, None
        if login is None:
            return
        self.report(login.finish(outcome))
        self._unfinished = None if login.is_complete else login
        if outcome is Outcome.SUCCESS:
            self._enter(State.AUTHENTICATED)

    def _enter(self, state: State) -> None:
        if state is not self._state:
            self._state = state
            self.report(StateChanged(state))

    # gaps and the end

    def lose_track(self, side: Side) -> None:
        """Learn that something is missing: of a login, perhaps."""
        self._announced = {}
        if side is Side.SERVER:
            self._expects_greeting = False
            self._end_login(Outcome.UNKNOWN)
            return
        for login in (self._login, self._unfinished):
            if login is not None:
                login.receive_gap()

    def conclude(self) -> None:
        """No answer will come to a login that still goes on."""
        self._end_login(Outcome.UNKNOWN)
