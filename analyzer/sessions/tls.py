"""What is known of the TLS of a session."""

from __future__ import annotations

from typing import TypeAlias

from dissectors.events import (
    Certificate,
    CertificatesShown,
    ClientCertificateAdvanced,
    Side,
    TlsAlertSeen,
    TlsDecrypted,
    TlsHandshakeSeen,
    TlsRenegotiated,
)
from dissectors.tls.registries.alerts import ALERTS, CLOSE_NOTIFY

# of all handshakes of a session
_MAX_ALERTS = 20
_GOODBYE = ALERTS[CLOSE_NOTIFY]

LaterEvent: TypeAlias = (
    TlsAlertSeen
    | TlsDecrypted
    | TlsRenegotiated
    | CertificatesShown
    | ClientCertificateAdvanced
)


class SessionTls:
    """A handshake that counts, and what came behind it.

    Attributes:
        handshake: the event that tells of it.
        alert: the first fatal alert, by name.
        alert_frame: the packet that completed it.
        alerts: all alerts in words, also those of handshakes before.
        renegotiations: how many were decrypted.
        is_decrypted: data was decrypted.
        chain: certificates of the server, its own first.
        chain_frame: the packet that completed them.
        client_chain: those of the client.
        later_certificates: certificates that were shown besides, and by whom.
        client_certificate: what became of it.
    """

    __slots__ = (
        "alert",
        "alert_frame",
        "alerts",
        "chain",
        "chain_frame",
        "client_certificate",
        "client_chain",
        "handshake",
        "is_decrypted",
        "later_certificates",
        "renegotiations",
    )

    def __init__(
        self, handshake: TlsHandshakeSeen, alerts: tuple[str, ...] = ()
    ) -> None:
        self.handshake = handshake
        self.alert: str | None = None
        self.alert_frame: int | None = None
        self.alerts = alerts
        self.renegotiations = 0
        self.is_decrypted = False
        self.chain = handshake.chain
        self.chain_frame = handshake.chain_frame
        self.client_chain = handshake.client_chain
        self.later_certificates: list[tuple[Side, Certificate]] = []
        self.client_certificate = handshake.client_certificate

    @property
    def certificate(self) -> Certificate | None:
        """The server's own certificate."""
        return self.chain[0] if self.chain else None

    def fold(self, event: LaterEvent) -> None:
        """Take an event that came behind the handshake."""
        match event:
            case TlsAlertSeen():
                self._fold_alert(event)
            case TlsDecrypted():
                self.is_decrypted = True
            case TlsRenegotiated():
                self.renegotiations += 1
            case CertificatesShown():
                self._fold_certificates(event)
            case ClientCertificateAdvanced():
                self.client_certificate = event.step

    def _fold_alert(self, event: TlsAlertSeen) -> None:
        if event.is_fatal and self.alert is None:
            self.alert, self.alert_frame = event.name, event.frame
        if event.name != _GOODBYE and len(self.alerts) < _MAX_ALERTS:
            self.alerts += (event.text,)

    def _fold_certificates(self, event: CertificatesShown) -> None:
        """Keep the first that a side showed apart: they are judged."""
        if event.side is Side.SERVER and not self.chain:
            self.chain, self.chain_frame = event.chain, event.frame
        elif event.side is Side.CLIENT and not self.client_chain:
            self.client_chain = event.chain
        else:
            self.later_certificates += [
                (event.side, certificate) for certificate in event.chain
            ]
