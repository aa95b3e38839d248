"""Folds the events of one connection into what is known of its session."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from analyzer.sessions.details import SessionDetails
from analyzer.sessions.tls import SessionTls
from dissectors import events, registry
from dissectors.events import (
    Delivery,
    Direction,
    ExchangeKind,
    Exposure,
    Outcome,
    Side,
    StartTls,
    Synchronisation,
)
from dissectors.limits import DEFAULT_LIMITS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from analyzer.sessions.tls import LaterEvent

_MAX_ITEMS = DEFAULT_LIMITS.list_items
_COMMAND = ExchangeKind.COMMAND
_EXPOSURE_RANK = (
    Exposure.NOTHING,
    Exposure.OFFLINE,
    Exposure.TOKEN,
    Exposure.PASSWORD,
)
_SYNCHRONISATION_RANK = (
    Synchronisation.NONE,
    Synchronisation.NEW,
    Synchronisation.COMPLETE,
)
# of all sessions that are sealed
_EMPTY: dict[type, object] = {list: [], dict: {}}


# nothing is known of what comes behind these
_UNREAD = frozenset(("dissector_bug", "cut_short"))


class Session(SessionDetails):
    """What is known of one session so far."""

    __slots__ = (
        "auth",
        "auth_attempts",
        "auth_failures",
        "available",
        "capabilities",
        "capabilities_before_login",
        "capabilities_before_tls",
        "deleted",
        "ended_by",
        "exposure",
        "extensions",
        "forwarded_client",
        "greeting",
        "greeting_time_ns",
        "helo",
        "idle_ns",
        "login_offered",
        "login_time_ns",
        "mail_from",
        "mailboxes",
        "message_bytes",
        "messages_appended",
        "messages_retrieved",
        "messages_sent",
        "plaintext_login",
        "plaintext_messages",
        "protocol",
        "rcpt_refused",
        "rcpt_to",
        "reply_codes",
        "retrieved_deleted",
        "retrieved_kept",
        "software",
        "software_fields",
        "starttls",
        "starttls_offered",
        "state",
        "synchronisation",
        "tls",
        "uses",
    )

    def __init__(self, protocol: str) -> None:
        super().__init__()
        self.protocol = protocol
        self.tls: SessionTls | None = None
        self.starttls: StartTls | None = None
        self.starttls_offered = False
        self.greeting: events.GreetingReceived | None = None
        self.greeting_time_ns: int | None = None
        self.state: events.State | None = None
        self.software: list[str | None] = [None, None]
        self.software_fields: list[list[str]] = [[], []]
        self.capabilities: list[str] | None = None
        self.capabilities_before_tls: list[str] | None = None
        self.capabilities_before_login: list[str] | None = None
        self.extensions: dict[str, None] = {}
        self.login_offered: dict[str, None] | None = None
        self.helo: str | None = None
        self.forwarded_client: list[str] | None = None
        self.auth: events.AuthAttempted | None = None
        self.auth_attempts = 0
        self.auth_failures = 0
        self.login_time_ns: int | None = None
        self.idle_ns: int | None = None
        self.exposure: Exposure | None = None
        # without TLS: somebody logged in, and so many messages crossed the wire
        self.plaintext_login = False
        self.plaintext_messages = 0
        self.mail_from: list[str] = []
        self.rcpt_to: list[str] = []
        self.rcpt_refused: list[str] = []
        self.reply_codes: list[int] = []
        # which side was the first to send everything
        self.ended_by: Side | None = None
        self.mailboxes: dict[str, None] = {}
        self.synchronisation: Synchronisation | None = None
        self.available: int | None = None
        self.deleted = 0
        # of the messages that a POP3 client got
        self.retrieved_deleted = self.retrieved_kept = 0
        self.uses: dict[events.Use, int] = {}
        self.messages_sent = 0
        self.messages_appended = 0
        self.messages_retrieved = 0
        self.message_bytes = 0

    @property
    def is_unread(self) -> bool:
        """Whether reading ended early: what came then may have been anything."""
        return not _UNREAD.isdisjoint(self.oddities)

    def fold(self, new_events: Iterable[events.Event]) -> None:
        """Take events, in the order they happened.

        Those that a plug-in has for itself say nothing of the row.
        """
        for event in new_events:
            fold = self._FOLD.get(type(event))
            if fold is not None:
                fold(self, event)

    def seal(self) -> None:
        """Learn that nothing will be added to any list but that of anomalies.

        Empty ones take half of the memory of a session of which not much is known.
        """
        self._last_exchange = None
        for name in _SEALED:
            value = getattr(self, name)
            if type(value) in _EMPTY and not value:
                setattr(self, name, _EMPTY[type(value)])

    def _fold_exchange(self, event: events.Exchange) -> None:
        self.add_exchange(event)
        if event.kind is events.ExchangeKind.GREETING:
            self.greeting_time_ns = event.reply_time_ns
        elif event.verb == "IDLE" and event.reply_time_ns and event.request_time_ns:
            # RFC 2177 §3: it is answered when the client ends it
            idle_ns = event.reply_time_ns - event.request_time_ns
            if idle_ns >= 0:
                self.idle_ns = (self.idle_ns or 0) + idle_ns

    def _fold_greeting(self, event: events.GreetingReceived) -> None:
        if self.greeting is None:
            self.greeting = event
            if event.software is not None:
                self.software[Side.SERVER] = event.software

    def _fold_reply(self, event: events.ReplyReceived) -> None:
        if len(self.reply_codes) < _MAX_ITEMS:
            self.reply_codes.append(event.code)
        else:
            self._leave_out("reply codes", Side.SERVER)

    def _fold_capabilities(self, event: events.CapabilitiesAnnounced) -> None:
        self.capabilities = event.capabilities[:_MAX_ITEMS]

    def _fold_client_name(self, event: events.ClientNamed) -> None:
        self.helo = event.name

    def _fold_forwarded_client(self, event: events.ClientForwarded) -> None:
        # XFORWARD may take several commands
        attributes = (self.forwarded_client or []) + event.attributes
        known = {attribute.partition("=")[0]: attribute for attribute in attributes}
        self.forwarded_client = list(known.values())[:_MAX_ITEMS]

    def _fold_software(self, event: events.SoftwareIdentified) -> None:
        if event.name is not None:
            self.software[event.side] = event.name
        if event.fields:
            self.software_fields[event.side] = event.fields

    def _fold_extension(self, event: events.ExtensionUsed) -> None:
        if len(self.extensions) < _MAX_ITEMS:
            self.extensions[event.name] = None

    def _fold_login_offered(self, event: events.LoginOffered) -> None:
        # what was offered at any time before TLS could have been used
        offered = self.login_offered = self.login_offered or {}
        for mechanism in event.mechanisms:
            if len(offered) < _MAX_ITEMS:
                offered[mechanism] = None

    def _fold_state(self, event: events.StateChanged) -> None:
        self.state = event.state

    def _fold_starttls(self, event: events.StartTlsAdvanced) -> None:
        if event.step is StartTls.OFFERED:
            self.starttls_offered = True
        elif event.step is StartTls.ACCEPTED:
            self.capabilities_before_tls = self.capabilities
            if event.is_inferred:
                self._infer_starttls()
        if self.starttls is None or event.step > self.starttls:
            self.starttls = event.step

    def _infer_starttls(self) -> None:
        """Take the last reply as that to a STARTTLS that was not captured."""
        answer = self.exchanges[-1] if self.exchanges else None
        is_lost = "stream_gap" in self.oddities
        if answer is None or answer.request_frame is not None or is_lost:
            return
        if answer.kind is ExchangeKind.GREETING:
            self.greeting = self.greeting_time_ns = self.software[Side.SERVER] = None
        verb = registry.protocols()[self.protocol].upgrade
        self.exchanges[-1] = replace(answer, kind=_COMMAND, verb=verb)

    def _fold_auth(self, event: events.AuthAttempted) -> None:
        self.auth_attempts += 1
        self.add_login(event, self.auth_attempts)
        self.auth_failures += event.result is Outcome.FAILURE
        # the attempt that got in tells who it was, whatever came before or after
        if self.auth is None or self.auth.result is not Outcome.SUCCESS:
            self.auth = event
            if event.result is Outcome.SUCCESS:
                self.capabilities_before_login = self.capabilities
                if self.exchanges:
                    self.login_time_ns = self.exchanges[-1].reply_time_ns
        if not event.secured:
            self.plaintext_login |= event.result is Outcome.SUCCESS
        self._expose(event)

    def _fold_credentials(self, event: events.CredentialsCrossed) -> None:
        """Count what crossed after an attempt ended as part of it."""
        if self.auth is not None and self.auth.user is None:
            self.auth = replace(self.auth, user=event.user, authzid=event.authzid)
        if self.logins:
            known = self.logins[-1].attempt.exposure
            self.amend_login(event, max(known, event.exposure, key=_rank))
        self._expose(event)

    def _expose(self, event: events.AuthAttempted | events.CredentialsCrossed) -> None:
        if not event.secured:
            self.plaintext_login |= event.exposure is not Exposure.NOTHING
        if self.exposure is None or _rank(event.exposure) > _rank(self.exposure):
            self.exposure = event.exposure

    def _fold_sender(self, event: events.SenderGiven) -> None:
        if len(self.mail_from) < _MAX_ITEMS:
            self.mail_from.append(event.address)
        else:
            self._leave_out("senders")

    def _fold_recipient(self, event: events.RecipientGiven) -> None:
        if len(self.rcpt_to) < _MAX_ITEMS:
            self.rcpt_to.append(event.address)
            if event.accepted is False:
                self.rcpt_refused.append(event.address)
        else:
            self._leave_out("recipients")

    def _fold_mailbox(self, event: events.MailboxSelected) -> None:
        if len(self.mailboxes) < _MAX_ITEMS:
            self.mailboxes[event.name] = None
        elif event.name not in self.mailboxes:
            self._leave_out("mailboxes")

    def _fold_synchronisation(self, event: events.MailboxSynchronised) -> None:
        known = self.synchronisation
        if known is None or _SYNCHRONISATION_RANK.index(
            event.synchronisation
        ) > _SYNCHRONISATION_RANK.index(known):
            self.synchronisation = event.synchronisation

    def _fold_available(self, event: events.MessagesAvailable) -> None:
        self.available = event.count

    def _fold_use(self, event: events.UseCounted) -> None:
        self.uses[event.use] = self.uses.get(event.use, 0) + event.count

    def _fold_deletion(self, event: events.MessagesDeleted) -> None:
        self.deleted += event.count
        self.retrieved_deleted += event.retrieved
        self.retrieved_kept += event.kept

    def _fold_tls(self, event: events.TlsHandshakeSeen) -> None:
        """Keep the last handshake: there is another one only if one failed."""
        if self.tls is None:
            self.tls = SessionTls(event)
        elif event.begin_ns is not None:
            # else it is what is left of one that failed, without a hello
            self.tls = SessionTls(event, self.tls.alerts)

    def _fold_behind_tls(self, event: LaterEvent) -> None:
        if self.tls is not None:
            self.tls.fold(event)

    def _fold_message(self, event: events.MessageTransferred) -> None:
        self.message_bytes += event.facts.size_bytes
        if event.direction is Direction.APPENDED:
            self.messages_appended += 1
        elif event.direction is not Direction.RETRIEVED:
            self.messages_sent += event.outcome is not Delivery.CUT
        else:
            self.messages_retrieved += event.outcome is Delivery.COMPLETE
        self.add_message(event)
        self.plaintext_messages += not event.secured

    _FOLD: ClassVar[dict[type, Callable[[Any, Any], None]]] = {
        events.Exchange: _fold_exchange,
        events.GreetingReceived: _fold_greeting,
        events.ReplyReceived: _fold_reply,
        events.CapabilitiesAnnounced: _fold_capabilities,
        events.ClientNamed: _fold_client_name,
        events.ClientForwarded: _fold_forwarded_client,
        events.SoftwareIdentified: _fold_software,
        events.ExtensionUsed: _fold_extension,
        events.LoginOffered: _fold_login_offered,
        events.StateChanged: _fold_state,
        events.StartTlsAdvanced: _fold_starttls,
        events.AuthAttempted: _fold_auth,
        events.CredentialsCrossed: _fold_credentials,
        events.SenderGiven: _fold_sender,
        events.RecipientGiven: _fold_recipient,
        events.MessageTransferred: _fold_message,
        events.MailboxSelected: _fold_mailbox,
        events.MailboxSynchronised: _fold_synchronisation,
        events.MessagesAvailable: _fold_available,
        events.MessagesDeleted: _fold_deletion,
        events.UseCounted: _fold_use,
        events.TlsHandshakeSeen: _fold_tls,
        events.TlsAlertSeen: _fold_behind_tls,
        events.TlsDecrypted: _fold_behind_tls,
        events.TlsRenegotiated: _fold_behind_tls,
        events.CertificatesShown: _fold_behind_tls,
        events.ClientCertificateAdvanced: _fold_behind_tls,
        events.Anomaly: SessionDetails.add_anomaly,
    }


def _rank(exposure: Exposure) -> int:
    return _EXPOSURE_RANK.index(exposure)


# later, the clock may be found wrong: that is an anomaly
_SEALED = {*Session.__slots__, *SessionDetails.__slots__} - {"anomalies"}
