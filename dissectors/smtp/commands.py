"""The commands of SMTP: what of them is shown, and what follows them.

A mail transaction is replaced by HELO, EHLO, RSET, STARTTLS, XCLIENT and the end of
a message. Commands keep the one that they belong to, as their replies may come
when the next one has begun.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dissectors.conversation.command_dialogue import CommandDialogue
from dissectors.conversation.commands import CommandKind
from dissectors.conversation.lines import decode_text
from dissectors.credentials.names import MASK
from dissectors.events import ClientNamed, Side
from dissectors.smtp import grammar
from dissectors.smtp.replies import SmtpReply
from dissectors.smtp.showing import (
    hidden_words,
    show_argument,
    show_parameter,
    show_path,
)
from dissectors.smtp.transaction import SmtpCommand

if TYPE_CHECKING:
    from collections.abc import Callable

    from dissectors.smtp.transfer import MailTransfer

# what may be sent at once with DATA (RFC 2920 §3.1), also before the greeting
_OF_TRANSACTIONS = frozenset({"EHLO", "HELO", "LHLO", "MAIL", "NOOP", "RCPT", "RSET"})

SmtpTalk = CommandDialogue[SmtpCommand, SmtpReply]


def send_plain(
    talk: SmtpTalk, _transfer: MailTransfer, verb: str, argument: bytes
) -> None:
    """Let a command await its reply that changes nothing at once.

    Args:
        talk: the dialogue that it is part of.
        verb: a known one, in upper case.
        argument: what stands behind it.
    """
    _send_line(talk, verb, argument)


def _send_line(talk: SmtpTalk, verb: str, argument: bytes) -> SmtpCommand:
    if not argument:
        return talk.send(verb)
    return talk.send(verb, _show(talk, verb, argument))


def _show(talk: SmtpTalk, verb: str, argument: bytes) -> str:
    """Return what of an argument is harmless, and withhold the rest."""
    text = decode_text(argument, talk.limits.kept_text)
    shown = show_argument(verb, text, talk.logins.announced)
    if shown == MASK:
        talk.reporter.withheld.add_login(argument)
    elif MASK in shown:
        # many messages, each with an unknown parameter, may be sent
        talk.reporter.withheld.add_line(*hidden_words(argument, shown))
    return shown


def _send_hello(
    talk: SmtpTalk, transfer: MailTransfer, verb: str, argument: bytes
) -> None:
    command = _send_line(talk, verb, argument)
    transfer.reset_transaction()
    transfer.hello = verb
    if argument:
        named = ClientNamed(command.exchange.argument or MASK)
        talk.reporter.events.append(named)


def _send_reset(
    talk: SmtpTalk, transfer: MailTransfer, verb: str, argument: bytes
) -> None:
    _send_line(talk, verb, argument)
    transfer.reset_transaction()


def _send_path(
    talk: SmtpTalk, _transfer: MailTransfer, verb: str, argument: bytes
) -> None:
    path, parameters = grammar.parse_path(argument)
    command = _send_line(talk, verb, argument)
    limit = talk.limits.kept_text
    command.address = show_path(decode_text(path, limit))
    if parameters:
        command.parameters = [
            show_parameter(each, talk.logins.announced)
            for each in grammar.parse_parameters(parameters, limit)
        ]


def _send_data(
    talk: SmtpTalk, _transfer: MailTransfer, verb: str, argument: bytes
) -> None:
    talk.logins.unfinished = None
    # behind other commands that await their reply, it may be part of a login
    is_sure = all(
        each.exchange.verb in _OF_TRANSACTIONS for each in talk.queue.awaiting
    )
    command = _send_line(talk, verb, argument)
    command.kind = CommandKind.OPENS_MESSAGE if is_sure else CommandKind.PLAIN
    talk.queue.decisive = command


def _send_decisive(
    talk: SmtpTalk, _transfer: MailTransfer, verb: str, argument: bytes
) -> None:
    """Send what decides, by its reply, what the client's next bytes are."""
    talk.queue.decisive = _send_line(talk, verb, argument)


def _send_burl(
    talk: SmtpTalk, transfer: MailTransfer, verb: str, argument: bytes
) -> None:
    is_last = grammar.parse_burl(argument)
    talk.reporter.withheld.add_login(argument)
    talk.send(verb, f"{MASK} LAST" if is_last else MASK)
    if is_last:
        transfer.reset_transaction()


def _send_auth(
    talk: SmtpTalk, _transfer: MailTransfer, verb: str, argument: bytes
) -> None:
    talk.send_auth(verb, argument)


def _send_starttls(
    talk: SmtpTalk, _transfer: MailTransfer, verb: str, _argument: bytes
) -> None:
    talk.send_starttls(verb)


def _send_bdat(
    talk: SmtpTalk, transfer: MailTransfer, verb: str, argument: bytes
) -> None:
    command = _send_line(talk, verb, argument)
    chunk = grammar.parse_bdat(argument)
    if chunk is None:
        # no octets follow what can't be parsed
        talk.reporter.anomaly("smtp_bad_bdat", Side.CLIENT)
        return
    size, is_last = chunk
    transfer.begin_chunk(command, size, is_last=is_last)


# by verb: what lets a command await its reply, and acts on what it changes at once
SENDERS: dict[str, Callable[[SmtpTalk, MailTransfer, str, bytes], None]] = {
    "EHLO": _send_hello,
    "HELO": _send_hello,
    "LHLO": _send_hello,
    "RSET": _send_reset,
    "MAIL": _send_path,
    "RCPT": _send_path,
    "DATA": _send_data,
    "STARTTLS": _send_starttls,
    "X-ANONYMOUSTLS": _send_starttls,
    "AUTH": _send_auth,
    "X-EXPS": _send_auth,
    "ATRN": _send_decisive,
    "BDAT": _send_bdat,
    "BURL": _send_burl,
    "TURN": _send_decisive,
    "XEXCH50": _send_decisive,
}
