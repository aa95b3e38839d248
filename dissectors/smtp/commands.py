"""The commands of SMTP: what of them is shown, and what follows them.

A mail transaction is replaced by HELO, EHLO, RSET, STARTTLS, XCLIENT and the end of
a message. Commands keep the one that they belong to, as their replies may come
when the next one has begun.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dissectors.conversation.lines import decode_text
from dissectors.credentials.names import MASK
from dissectors.events import ClientNamed, Exchange, Side
from dissectors.limits import DEFAULT_LIMITS
from dissectors.smtp import grammar
from dissectors.smtp.showing import (
    hidden_words,
    show_argument,
    show_parameter,
    show_path,
)
from dissectors.smtp.transaction import MailTransaction, SmtpCommand
from dissectors.smtp.transfer import TransferDissector

if TYPE_CHECKING:
    from collections.abc import Callable

    from dissectors.limits import Limits

# what may be sent at once with DATA (RFC 2920 §3.1), also before the greeting
_OF_TRANSACTIONS = frozenset({"EHLO", "HELO", "LHLO", "MAIL", "NOOP", "RCPT", "RSET"})


class CommandReader(TransferDissector):
    """The part of an SMTP dissector that acts on commands."""

    __slots__ = ("_bare_lf_seen",)

    _VERBS = grammar.VERBS
    _WORDY_VERBS = frozenset({"ATRN", "EHLO", "ETRN", "EXPN", "HELO", "LHLO", "VRFY"})
    _RARE_VERBS = frozenset({"ATRN", "ETRN", "EXPN", "VRFY"})
    _UNKNOWN_COMMAND = "smtp_unknown_command"

    def __init__(
        self, limits: Limits = DEFAULT_LIMITS, *, submission: bool = False
    ) -> None:
        super().__init__(limits, submission=submission)
        self._bare_lf_seen = False

    def _parse_command(self, line: bytes) -> tuple[str | None, bytes]:
        return grammar.parse_command(line)

    def _is_surely_command(self, line: bytes) -> bool:
        return grammar.is_surely_command(line)

    def _make_command(self, exchange: Exchange) -> SmtpCommand:
        return SmtpCommand(exchange, transaction=self._transaction)

    def _receive_command(self, verb: str, argument: bytes) -> None:
        if self.streams[0].bare_lf and not self._bare_lf_seen:
            self._bare_lf_seen = True
            self.reporter.anomaly("smtp_bare_lf", Side.CLIENT)
        on_command = _ON_COMMAND.get(verb)
        if on_command is None:
            self._send_line(verb, argument)
        else:
            on_command(self, verb, argument)

    def _send_line(self, verb: str, argument: bytes) -> SmtpCommand:
        if not argument:
            return self._send(verb)
        return self._send(verb, self._show(verb, argument))

    def _show(self, verb: str, argument: bytes) -> str:
        """What of an argument is harmless."""
        text = decode_text(argument, self.limits.kept_text)
        shown = show_argument(verb, text, self._logins.announced)
        if shown == MASK:
            self.reporter.withheld.add_login(argument)
        elif MASK in shown:
            # many messages, each with an unknown parameter, may be sent
            self.reporter.withheld.add_line(*hidden_words(argument, shown))
        return shown

    def _on_hello(self, verb: str, argument: bytes) -> None:
        command = self._send_line(verb, argument)
        self._reset_transaction()
        self._lmtp = verb == "LHLO"
        if argument:
            self.reporter.events.append(ClientNamed(command.exchange.argument or MASK))

    def _on_reset(self, verb: str, argument: bytes) -> None:
        self._send_line(verb, argument)
        self._reset_transaction()

    def _reset_transaction(self) -> None:
        # RFC 5321 §4.1.1.5; RFC 3030 §2: the chunks so far are discarded
        if self._message is not None:
            self._abandon(self._message)
        self._transaction = MailTransaction()

    def _on_path(self, verb: str, argument: bytes) -> None:
        path, parameters = grammar.parse_path(argument)
        command = self._send_line(verb, argument)
        command.address = show_path(decode_text(path, self.limits.kept_text))
        if parameters:
            command.parameters = [
                show_parameter(each, self._logins.announced)
                for each in grammar.parse_parameters(parameters, self.limits.kept_text)
            ]

    def _on_data(self, verb: str, argument: bytes) -> None:
        self._logins.unfinished = None
        # behind other commands that await their reply, it may be part of a login
        opens_message = all(
            each.exchange.verb in _OF_TRANSACTIONS for each in self._queue.awaiting
        )
        command = self._send_line(verb, argument)
        command.opens_message = opens_message
        self._queue.decisive = command

    def _on_xexch50(self, verb: str, argument: bytes) -> None:
        self._queue.decisive = self._send_line(verb, argument)

    def _on_turn(self, verb: str, argument: bytes) -> None:
        self._queue.decisive = self._send_line(verb, argument)

    def _on_burl(self, verb: str, argument: bytes) -> None:
        is_last = grammar.parse_burl(argument)
        self.reporter.withheld.add_login(argument)
        self._send(verb, f"{MASK} LAST" if is_last else MASK)
        if is_last:
            self._reset_transaction()

    def _on_auth(self, verb: str, argument: bytes) -> None:
        self._send_auth(verb, argument)

    def _on_starttls(self, verb: str, _argument: bytes) -> None:
        self._send_starttls(verb)

    def _on_bdat(self, verb: str, argument: bytes) -> None:
        command = self._send_line(verb, argument)
        chunk = grammar.parse_bdat(argument)
        if chunk is None:
            # no octets follow what can't be parsed
            self.reporter.anomaly("smtp_bad_bdat", Side.CLIENT)
            return
        size, is_last = chunk
        self._begin_chunk(command, size, is_last=is_last)


_ON_COMMAND: dict[str, Callable[[CommandReader, str, bytes], None]] = {
    "EHLO": CommandReader._on_hello,
    "HELO": CommandReader._on_hello,
    "LHLO": CommandReader._on_hello,
    "RSET": CommandReader._on_reset,
    "MAIL": CommandReader._on_path,
    "RCPT": CommandReader._on_path,
    "DATA": CommandReader._on_data,
    "STARTTLS": CommandReader._on_starttls,
    "X-ANONYMOUSTLS": CommandReader._on_starttls,
    "AUTH": CommandReader._on_auth,
    "X-EXPS": CommandReader._on_auth,
    "ATRN": CommandReader._on_turn,
    "BDAT": CommandReader._on_bdat,
    "BURL": CommandReader._on_burl,
    "TURN": CommandReader._on_turn,
    "XEXCH50": CommandReader._on_xexch50,
}
