"""What replies prove: to EHLO, and to the commands of mail transactions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dissectors.conversation.capabilities import report_capabilities
from dissectors.conversation.forwarding import read_forwarded
from dissectors.credentials.names import MASK
from dissectors.events import (
    ExchangeKind,
    RecipientGiven,
    SenderGiven,
)
from dissectors.smtp import grammar

if TYPE_CHECKING:
    from collections.abc import Callable

    from dissectors.conversation.reporter import Reporter
    from dissectors.smtp.commands import SmtpTalk
    from dissectors.smtp.replies import SmtpReply
    from dissectors.smtp.transaction import Message, SmtpCommand
    from dissectors.smtp.transfer import MailTransfer

# a member of an enum costs more to look up
_MESSAGE = ExchangeKind.MESSAGE


def _conclude_hello(
    talk: SmtpTalk,
    _transfer: MailTransfer,
    _command: SmtpCommand,
    reply: SmtpReply | None,
) -> None:
    """Learn what the server announced in its reply to EHLO or LHLO."""
    if reply is None or not reply.is_positive:
        return
    capabilities = grammar.parse_capabilities(
        b"\n".join(reply.lines), talk.limits.line, talk.limits.list_items
    )
    report_capabilities(
        talk.reporter,
        talk.logins,
        capabilities,
        grammar.login_mechanisms(capabilities),
        upgrade="STARTTLS",
        is_whole=reply.complete,
    )


def _conclude_mail(
    talk: SmtpTalk,
    _transfer: MailTransfer,
    command: SmtpCommand,
    reply: SmtpReply | None,
) -> None:
    """Learn whether the server took the sender of MAIL."""
    accepted = None if reply is None else reply.is_positive
    given = SenderGiven(command.address, accepted, command.parameters)
    talk.reporter.events.append(given)
    transaction = command.transaction
    if accepted and transaction.sender is not None:
        # RFC 5321 §3.3: a MAIL that is accepted begins anew
        transaction.begin_anew()
    if accepted or (accepted is None and transaction.sender is None):
        transaction.sender = command.address
    if accepted is not False:
        _use_parameters(talk.reporter, command)


def _conclude_recipient(
    talk: SmtpTalk,
    _transfer: MailTransfer,
    command: SmtpCommand,
    reply: SmtpReply | None,
) -> None:
    """Learn whether the server took the recipient of RCPT."""
    accepted = None if reply is None else reply.is_positive
    given = RecipientGiven(command.address, accepted, command.parameters)
    talk.reporter.events.append(given)
    transaction = command.transaction
    transaction.accepted_count += accepted is True
    recipients = transaction.recipients
    if accepted is not False:
        if len(recipients) < talk.limits.list_items:
            recipients.append(command.address)
        _use_parameters(talk.reporter, command)


def _use_parameters(reporter: Reporter, command: SmtpCommand) -> None:
    kept = command.transaction.parameters
    for parameter in command.parameters:
        if len(kept) < reporter.limits.list_items:
            kept[parameter] = None
        if parameter != MASK:
            reporter.use_extension(grammar.extension_of(parameter))


def _conclude_forwarding(
    talk: SmtpTalk,
    transfer: MailTransfer,
    command: SmtpCommand,
    reply: SmtpReply | None,
) -> None:
    """Learn what a proxy told of its client by XCLIENT or XFORWARD."""
    if reply is None or not reply.is_positive:
        return
    told = read_forwarded(command.exchange, talk.limits.kept_text)
    talk.reporter.events.append(told)
    if command.exchange.verb == "XCLIENT":
        # Postfix, XCLIENT_README: the session begins anew, with a greeting
        transfer.reset_transaction()


def _conclude_xexch50(
    talk: SmtpTalk,
    transfer: MailTransfer,
    command: SmtpCommand,
    reply: SmtpReply | None,
) -> None:
    """Expect the octets of XEXCH50, which are answered, too."""
    size = grammar.parse_xexch50((command.exchange.argument or "").encode())
    if reply is not None and reply.code == 354 and size:
        transfer.begin_foreign_chunk(size)
        talk.send("XEXCH50", kind=_MESSAGE)


def _conclude_bdat(
    talk: SmtpTalk,
    transfer: MailTransfer,
    command: SmtpCommand,
    reply: SmtpReply | None,
) -> None:
    """Learn what became of a chunk, and of the message that it ends."""
    message = command.message
    if message is None:
        return
    if not command.ends_message:
        if reply is not None and not reply.is_positive:
            message.receive_reply(reply.code)
        return
    if reply is not None and message.replies_due == 1:
        # in LMTP, only now it is known how many recipients were accepted
        others = transfer.answering_recipients(message)[1:]
        message.replies_due += len(others)
        for recipient in reversed(others):
            _expect_next(talk, recipient, message)
    transfer.receive_reply(command, reply)


def _expect_next(talk: SmtpTalk, recipient: str | None, message: Message) -> None:
    """Let a reply for one more recipient come before all that are awaited."""
    talk.send(message.verb, recipient, _MESSAGE).message = message
    talk.queue.awaiting.insert(0, talk.queue.awaiting.pop())


# by verb: what acts on a reply, or on learning that none will be seen (`None`)
CONCLUSIONS: dict[
    str, Callable[[SmtpTalk, MailTransfer, SmtpCommand, SmtpReply | None], None]
] = {
    "EHLO": _conclude_hello,
    "LHLO": _conclude_hello,
    "MAIL": _conclude_mail,
    "RCPT": _conclude_recipient,
    "BDAT": _conclude_bdat,
    "XCLIENT": _conclude_forwarding,
    "XEXCH50": _conclude_xexch50,
    "XFORWARD": _conclude_forwarding,
}
