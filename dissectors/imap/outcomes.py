"""What commands and responses prove: pure functions from them to events.

A command is concluded once its tagged response is known, or never will be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dissectors.caching import cache_short
from dissectors.conversation.forwarding import parse_id_fields
from dissectors.conversation.lines import decode_text, split_words
from dissectors.conversation.replies import outcome_of
from dissectors.conversation.software import find_software
from dissectors.credentials.urls import mask_urls
from dissectors.events import (
    AuthAttempted,
    CapabilitiesAnnounced,
    ClientForwarded,
    Delivery,
    Direction,
    Exchange,
    ExchangeKind,
    Exposure,
    GreetingReceived,
    LoginOffered,
    MailboxSelected,
    MessagesDeleted,
    MessageTransferred,
    Outcome,
    Side,
    SoftwareIdentified,
    StartTls,
    StartTlsAdvanced,
    Use,
    UseCounted,
)
from dissectors.imap import grammar
from dissectors.imap.mailbox import decode_mailbox

if TYPE_CHECKING:
    from collections.abc import Callable

    from dissectors.events import Event
    from dissectors.imap.commands import AppendedMessage, ImapCommand
    from dissectors.limits import Limits

# a member of an enum costs more to look up
_COMMAND = ExchangeKind.COMMAND

_DELIVERY = {
    Outcome.SUCCESS: Delivery.ACCEPTED,
    Outcome.FAILURE: Delivery.REFUSED,
    Outcome.UNKNOWN: Delivery.UNKNOWN,
}


def conclude(command: ImapCommand, limits: Limits) -> list[Event]:
    """Return what is known of a command that is over: its exchange, and more."""
    events: list[Event] = [_exchange(command, limits)]
    conclusion = _CONCLUSIONS.get(command.verb)
    if command.stray is not None:
        attempt = command.stray.finish(outcome_of(command.response))
        events += [attempt] if attempt is not None else []
    elif conclusion is not None:
        events += conclusion(command, limits)
    return events


def named_mailbox(command: ImapCommand, limits: Limits) -> str | None:
    """Return the mailbox that SELECT, EXAMINE or APPEND names."""
    name = command.first_argument
    return None if name is None else mask_urls(decode_mailbox(name[: limits.kept_text]))


def describe_greeting(text: bytes, limits: Limits) -> Event:
    """Report the resp-text of a greeting."""
    shown = decode_text(text, limits.kept_text)
    return GreetingReceived(shown, find_software(shown))


def describe_capabilities(capability_data: bytes, limits: Limits) -> list[Event]:
    """Report capability-data, which comes without its first word."""
    names, step, _ = _parse_capabilities(
        capability_data, limits.line, limits.list_items
    )
    return [CapabilitiesAnnounced(list(names)), StartTlsAdvanced(step)]


def describe_login_offer(capability_data: bytes, limits: Limits) -> Event:
    """Report by which mechanisms the server lets clients log in."""
    parsed = _parse_capabilities(capability_data, limits.line, limits.list_items)
    return LoginOffered(list(parsed[2]))


@cache_short
def _parse_capabilities(
    capability_data: bytes, limit: int, item_limit: int
) -> tuple[tuple[str, ...], StartTls, tuple[str, ...]]:
    names = tuple(split_words(decode_text(capability_data, limit))[:item_limit])
    known = [name.upper() for name in names]
    step = StartTls.OFFERED if "STARTTLS" in known else StartTls.NOT_OFFERED
    mechanisms = {name[5:]: None for name in known if name.startswith("AUTH=")}
    if "LOGINDISABLED" not in known:
        # RFC 9051 §6.2.3: the command LOGIN
        mechanisms["LOGIN"] = None
    return names, step, tuple(mechanisms)


def describe_software(side: Side, id_params: bytes, limits: Limits) -> list[Event]:
    """Report the id-params-list (RFC 2971 §3.3) of a side."""
    fields = grammar.parse_id(id_params, limits.id_fields)
    if not fields:
        return []
    name = None
    if b"name" in fields:
        words = [fields[key] for key in (b"name", b"version") if key in fields]
        name = decode_text(b" ".join(words), limits.kept_text)
    shown = [
        decode_text(key + b"=" + value, limits.kept_text)
        for key, value in fields.items()
    ]
    told = parse_id_fields(fields, limits.kept_text) if side is Side.CLIENT else []
    identified = SoftwareIdentified(side, name, shown)
    return [identified, ClientForwarded(told)] if told else [identified]


def describe_appended(
    command: ImapCommand, message: AppendedMessage, delivery: Delivery, limits: Limits
) -> MessageTransferred:
    """Report a message that APPEND sent."""
    return MessageTransferred(
        Direction.APPENDED,
        delivery if message.complete else Delivery.CUT,
        message.facts,
        message.time_ns,
        message.frame,
        mailbox=named_mailbox(command, limits),
        verb=command.verb,
        begin_ns=message.begin_ns,
        offset=message.offset,
    )


def _exchange(command: ImapCommand, limits: Limits) -> Exchange:
    argument = decode_text(command.argument, limits.kept_text) or None
    exchange = Exchange(
        command.number,
        _COMMAND,
        command.verb,
        argument,
        command.time_ns,
        command.frame,
    )
    if command.response is not None:
        command.response.describe(exchange, limits.kept_text)
    return exchange


def _conclude_login(command: ImapCommand, _limits: Limits) -> list[Event]:
    is_exposed = command.has_password and not command.is_withheld
    return [
        AuthAttempted(
            "LOGIN",
            command.user,
            outcome_of(command.response),
            Exposure.PASSWORD if is_exposed else Exposure.NOTHING,
        )
    ]


def _conclude_authenticate(command: ImapCommand, _limits: Limits) -> list[Event]:
    if command.sasl is None:
        return []
    return [command.sasl.finish(outcome_of(command.response))]


def _conclude_select(command: ImapCommand, limits: Limits) -> list[Event]:
    mailbox = named_mailbox(command, limits)
    if mailbox is None or not command.succeeded:
        return []
    return [MailboxSelected(mailbox)]


def _conclude_append(command: ImapCommand, limits: Limits) -> list[Event]:
    delivery = _DELIVERY[outcome_of(command.response)]
    return [
        describe_appended(command, message, delivery, limits)
        for message in command.messages
    ]


def _conclude_expunge(command: ImapCommand, _limits: Limits) -> list[Event]:
    # the untagged responses prove it, whatever the tagged one says
    return [MessagesDeleted(command.affected)] if command.affected else []


def _conclude_store(command: ImapCommand, _limits: Limits) -> list[Event]:
    count = command.affected
    return [UseCounted(Use.FLAGS_CHANGED, count)] if count else []


def _conclude_copy(command: ImapCommand, _limits: Limits) -> list[Event]:
    is_move = "MOVE" in command.verb
    count, response = command.copied, command.response
    if not count and response is not None and response.is_positive:
        count = grammar.count_copied(response.text) if response.code == "COPYUID" else 0
        count = count or (0 if is_move else _count_named(command))
    if is_move:
        # RFC 6851 §3.3: what is moved is expunged here, also if not all can be
        count = count or command.affected or _count_moved(command)
    use = Use.MESSAGES_MOVED if is_move else Use.MESSAGES_COPIED
    return [UseCounted(use, count)] if count else []


def _count_moved(command: ImapCommand) -> int:
    return _count_named(command) if command.succeeded else 0


def _count_named(command: ImapCommand) -> int:
    """Count the messages that a command's sequence set names, if by numbers only."""
    return grammar.count_uids(command.argument.partition(b" ")[0])


def _conclude_list(command: ImapCommand, _limits: Limits) -> list[Event]:
    count = command.affected
    return [UseCounted(Use.MAILBOXES_LISTED, count)] if count else []


def _conclude_change(command: ImapCommand, _limits: Limits) -> list[Event]:
    return [UseCounted(Use.MAILBOXES_CHANGED, 1)] if command.succeeded else []


def _conclude_starttls(command: ImapCommand, _limits: Limits) -> list[Event]:
    if command.response is None:
        return []
    step = StartTls.ACCEPTED if command.succeeded else StartTls.REFUSED
    return [StartTlsAdvanced(step)]


_CONCLUSIONS: dict[str, Callable[[ImapCommand, Limits], list[Event]]] = {
    "APPEND": _conclude_append,
    "AUTHENTICATE": _conclude_authenticate,
    "COPY": _conclude_copy,
    "CREATE": _conclude_change,
    "DELETE": _conclude_change,
    "EXAMINE": _conclude_select,
    "EXPUNGE": _conclude_expunge,
    "LIST": _conclude_list,
    "LOGIN": _conclude_login,
    "LSUB": _conclude_list,
    "MOVE": _conclude_copy,
    "RENAME": _conclude_change,
    "REPLACE": _conclude_append,
    "SELECT": _conclude_select,
    "STARTTLS": _conclude_starttls,
    "STORE": _conclude_store,
    "SUBSCRIBE": _conclude_change,
    "UID COPY": _conclude_copy,
    "UID EXPUNGE": _conclude_expunge,
    "UID MOVE": _conclude_copy,
    "UID REPLACE": _conclude_append,
    "UID STORE": _conclude_store,
    "UNSUBSCRIBE": _conclude_change,
    "XLIST": _conclude_list,
}
