"""Observes the handshakes of a connection, and keeps what their messages say.

Messages change keys, too; that is the affair of the dissector, who is told which of
them count.
"""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING

from dissectors.events import (
    CertificatesShown,
    ClientCertificate,
    ClientCertificateAdvanced,
    Resumption,
    Side,
    TlsAlertSeen,
    TlsChoice,
    TlsHandshakeSeen,
    TlsRenegotiated,
    Weakness,
)
from dissectors.tls.handshake import facts, hello
from dissectors.tls.handshake.structs import StructReader
from dissectors.tls.later import LaterEvents
from dissectors.tls.registries import alerts, extensions
from dissectors.tls.registries.handshake_types import HandshakeType

if TYPE_CHECKING:
    from dissectors.events import Certificate, EarlyData
    from dissectors.limits import Limits
    from dissectors.tls.flow import TlsFlow
    from dissectors.tls.output import Output

# to look up a member of an enum takes long in Python 3.11
_CLIENT = Side.CLIENT
_CLIENT_HELLO = HandshakeType.CLIENT_HELLO
_SERVER_HELLO = HandshakeType.SERVER_HELLO
_ENCRYPTED_EXTENSIONS = HandshakeType.ENCRYPTED_EXTENSIONS
_CERTIFICATE = HandshakeType.CERTIFICATE
_SERVER_KEY_EXCHANGE = HandshakeType.SERVER_KEY_EXCHANGE
_CERTIFICATE_REQUEST = HandshakeType.CERTIFICATE_REQUEST
_SERVER_HELLO_DONE = HandshakeType.SERVER_HELLO_DONE
_CERTIFICATE_VERIFY = HandshakeType.CERTIFICATE_VERIFY
# what either side sends besides its hellos
_OF_CLIENT = frozenset(
    {
        HandshakeType.END_OF_EARLY_DATA,
        HandshakeType.CERTIFICATE,
        HandshakeType.FINISHED,
        HandshakeType.KEY_UPDATE,
    }
)
_OF_SERVER = frozenset(
    {
        HandshakeType.NEW_SESSION_TICKET,
        HandshakeType.ENCRYPTED_EXTENSIONS,
        HandshakeType.CERTIFICATE,
        HandshakeType.SERVER_KEY_EXCHANGE,
        HandshakeType.CERTIFICATE_REQUEST,
        HandshakeType.SERVER_HELLO_DONE,
        HandshakeType.CERTIFICATE_VERIFY,
        HandshakeType.FINISHED,
        HandshakeType.KEY_UPDATE,
    }
)
_STEPS = {known.value: known.name.lower() for known in HandshakeType}
_NOT_REQUESTED = ClientCertificate.NOT_REQUESTED
_GIVEN, _REFUSED = ClientCertificate.GIVEN, ClientCertificate.REFUSED


class HandshakeObserver:
    """Keeps what both sides say in their handshakes.

    Attributes:
        seen: the event that tells of it, as far as it is known; once it is reported, a
            copy, as events are final.
        later: tells what is learned besides.
        client_hello: the last ClientHello.
        server_hello: the answer to it; a HelloRetryRequest until the final one comes.
        encrypted_extensions: what the server chose besides, in TLS 1.3.
        last_step: the last step of the handshake, by name; `None` if nobody can tell.
        has_gap: bytes of either side are missing.
    """

    __slots__ = (
        "_has_hello_done",
        "_limits",
        "_output",
        "client_hello",
        "encrypted_extensions",
        "has_gap",
        "last_step",
        "later",
        "seen",
        "server_hello",
    )

    def __init__(self, limits: Limits, output: Output, *, after_gap: bool) -> None:
        self.seen = TlsHandshakeSeen(after_gap=after_gap)
        self.later = LaterEvents(output, limits.list_items)
        self.client_hello: hello.ClientHello | None = None
        self.server_hello: hello.ServerHello | None = None
        self.encrypted_extensions: hello.ServerHello | None = None
        self.last_step: str | None = None
        self.has_gap = False
        self._limits = limits
        self._output = output
        self._has_hello_done = False

    @property
    def has_begun(self) -> bool:
        """A record of a handshake was seen on either side."""
        return self.seen.begin_ns is not None

    @property
    def is_tls_1_3(self) -> bool:
        """The server chose TLS 1.3."""
        return self.server_hello is not None and self.server_hello.is_tls_1_3

    @property
    def must_be_protected(self) -> bool:
        """No handshake record can be in plaintext any more (RFC 8446 §2)."""
        choice = self.server_hello
        return choice is not None and choice.is_tls_1_3 and not choice.is_retry_request

    def begin(self) -> None:
        """Learn that a record of a handshake begins."""
        if self.seen.begin_ns is None:
            self.seen.begin_ns = self._output.time_ns

    def report(self, *, is_complete: bool, began_before: bool, goes_on: bool) -> None:
        """Fill in how the handshake ended, and report it.

        Args:
            is_complete: both sides have done their part.
            began_before: it was over when the capture began.
            goes_on: more may be read of the connection.
        """
        seen = self.seen
        # data is sent when a handshake is over
        seen.established = is_complete or began_before
        if is_complete:
            seen.end_ns = self._output.time_ns
        elif not (began_before or self.has_gap) and self.has_begun:
            seen.failed_after = self.last_step
        self._output.add(seen)
        self.later.release()
        if goes_on:
            self.seen = copy(seen)

    def take_message(self, flow: TlsFlow, message_type: int, body: bytes) -> bool:
        """Take a handshake message.

        Returns:
            Whether it counts: it does not if it is unknown, the other side's, or
            repeats what was said.

        Raises:
            MalformedStructError: it can't be read.
        """
        self.last_step = _STEPS.get(message_type, self.last_step)
        if flow.side is _CLIENT:
            if message_type == _CLIENT_HELLO:
                return self.take_client_hello(flow, hello.read_client_hello(body))
            if message_type == _CERTIFICATE:
                self._take_certificate(flow, body)
            return message_type in _OF_CLIENT
        if message_type == _SERVER_HELLO:
            return self._take_server_hello(flow, hello.read_server_hello(body))
        self._take_of_server(flow, message_type, body)
        return message_type in _OF_SERVER

    def take_client_hello(self, flow: TlsFlow, offer: hello.ClientHello) -> bool:
        """Take a ClientHello, of any format; return whether it begins a handshake."""
        is_first = self.client_hello is None
        if not is_first and not flow.is_finished:
            # the answer to a HelloRetryRequest repeats the first one
            return False
        self.client_hello = offer
        if is_first:
            self.last_step = "client_hello"
            facts.note_client_hello(self.seen, offer, self._limits)
            self._note_malformed(flow, offer.malformed)
        else:
            self.later.add(TlsRenegotiated())
            self.server_hello = None
        return True

    def take_sslv2_server_hello(self, flow: TlsFlow, certificate: bytes) -> None:
        """Take the version and the certificate of SSL 2.0."""
        old = Weakness.OLD_VERSION.of("SSLv2")
        self.seen.choice = TlsChoice("SSLv2", weaknesses=(old,))
        self.seen.chosen_frame = self._output.frame
        # records of another kind follow, which nobody reads here
        self.last_step = None
        if certificate:
            self.seen.chain = self._read_chain(flow, [certificate])
            self.seen.chain_frame = self._output.frame

    def take_change_cipher_spec(self) -> None:
        """Take a ChangeCipherSpec up to TLS 1.2, or before the version is known."""
        if self.server_hello is not None:
            # RFC 8446 §D.4: before, it need not mean anything
            self.last_step = "change_cipher_spec"

    def take_alert(self, side: Side, level: int, description: int) -> None:
        """Take an alert that could be read."""
        is_fatal = level == alerts.FATAL
        if is_fatal or description != alerts.CLOSE_NOTIFY:
            name = alerts.alert_name(description)
            text = alerts.describe_alert(side.name.lower(), level, description)
            frame = self._output.frame
            self.later.add_alert(TlsAlertSeen(side, name, text, is_fatal, frame))

    def note_early_data(self, fate: EarlyData) -> None:
        """Learn what becomes of the data that the client sends early."""
        self.seen.early_data = fate

    def note_resumption(self, server: TlsFlow) -> None:
        """Note whether the server, up to TLS 1.2, sends ChangeCipherSpec at once."""
        seen, offer = self.seen, self.client_hello
        if seen.resumption is not None or self.server_hello is None or self.has_gap:
            return
        if server.handshake.is_lost:
            # what it sent may have been a certificate
            return
        if self._has_hello_done:
            seen.resumption = Resumption.NONE
        elif offer is not None and offer.ticket:
            # RFC 5077 §3.4
            seen.resumption = Resumption.TICKET
        else:
            seen.resumption = Resumption.SESSION_ID

    def _take_server_hello(self, flow: TlsFlow, choice: hello.ServerHello) -> bool:
        if self.server_hello and not self.server_hello.is_retry_request:
            return False
        self.server_hello = choice
        seen = self.seen
        if choice.is_retry_request:
            seen.retried = True
            return False
        if seen.choice.version is None:
            facts.note_server_hello(seen, choice)
            seen.chosen_frame = self._output.frame
            facts.note_secure_renegotiation(seen, self.client_hello, choice)
            if choice.is_tls_1_3:
                is_psk = extensions.PRE_SHARED_KEY in choice.extensions
                seen.resumption = Resumption.PSK if is_psk else Resumption.NONE
            self._note_malformed(flow, choice.malformed)
        return True

    def _note_malformed(self, flow: TlsFlow, malformed: str | None) -> None:
        if malformed is not None:
            self._output.add_anomaly("tls_handshake_invalid", flow, malformed)

    def _take_of_server(self, flow: TlsFlow, message_type: int, body: bytes) -> None:
        if message_type == _ENCRYPTED_EXTENSIONS:
            self._take_encrypted_extensions(flow, body)
        elif message_type == _CERTIFICATE:
            self._take_certificate(flow, body)
        elif message_type == _SERVER_KEY_EXCHANGE:
            self._take_server_key_exchange(body)
        elif message_type == _CERTIFICATE_REQUEST:
            self._take_certificate_request()
        elif message_type == _SERVER_HELLO_DONE:
            self._has_hello_done = True
        elif message_type == _CERTIFICATE_VERIFY:
            self._take_certificate_verify(body)

    def _take_encrypted_extensions(self, flow: TlsFlow, body: bytes) -> None:
        chosen = self.encrypted_extensions = hello.read_encrypted_extensions(body)
        if chosen.alpn is not None:
            self.seen.choice = replace(self.seen.choice, alpn=chosen.alpn)
        self._note_malformed(flow, chosen.malformed)

    def _take_certificate(self, flow: TlsFlow, body: bytes) -> None:
        """Take certificates; only those that a side shows first are judged."""
        ders = self._read_certificate_message(body)
        is_client = flow.side is _CLIENT
        is_first = not (self.seen.client_chain if is_client else self.seen.chain)
        if not is_first and not self.later.has_room:
            return
        chain = self._read_chain(flow, ders)
        if not is_first or self.later.is_released:
            shown = CertificatesShown(flow.side, chain, self._output.frame)
            self.later.add_certificates(shown)
        if is_first and is_client:
            self.seen.client_chain = chain
            self._note_client_certificate(_GIVEN if ders else _REFUSED)
        elif is_first:
            self.seen.chain = chain
            self.seen.chain_frame = self._output.frame
            if self.seen.client_certificate is None:
                self._note_client_certificate(_NOT_REQUESTED)

    def _note_client_certificate(self, step: ClientCertificate) -> None:
        self.seen.client_certificate = step
        if self.later.is_released:
            self.later.add(ClientCertificateAdvanced(step))

    def _read_certificate_message(self, body: bytes) -> list[bytes]:
        # late: it imports cryptography, which takes longer than a small capture
        from dissectors.tls.handshake import certificate

        return certificate.read_certificate_message(body, tls_1_3=self.is_tls_1_3)

    def _read_chain(self, flow: TlsFlow, ders: list[bytes]) -> tuple[Certificate, ...]:
        from dissectors.tls.handshake import certificate

        chain = []
        for der in ders[: certificate.LONGEST_CHAIN]:
            read = certificate.certificate_facts(der, self._limits.list_items)
            chain.append(read.certificate)
            if read.malformed is not None:
                self._output.add_anomaly(
                    "tls_certificate_invalid", flow, read.malformed
                )
        return tuple(chain)

    def _take_server_key_exchange(self, body: bytes) -> None:
        if self.server_hello is not None and self.seen.key_exchange.group is None:
            facts.note_server_key_exchange(self.seen, body, self.server_hello)

    def _take_certificate_request(self) -> None:
        if self.seen.client_certificate in {None, _NOT_REQUESTED}:
            self._note_client_certificate(ClientCertificate.REQUESTED)

    def _take_certificate_verify(self, body: bytes) -> None:
        if self.seen.key_exchange.signature is None and self.is_tls_1_3:
            facts.note_signature(self.seen, StructReader(body[:2]).uint(2))
