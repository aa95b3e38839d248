"""What is learned of a TLS connection besides its handshake, or after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dissectors.events import TlsDecrypted

if TYPE_CHECKING:
    from dissectors.events import CertificatesShown, Event, TlsAlertSeen
    from dissectors.tls.output import Output

_MAX_ALERTS = 10


class LaterEvents:
    """Lets events wait for that of the handshake, and sees that they are not too many.

    Args:
        output: takes them.
        limit: how many may wait, and how many certificates to tell of.
    """

    __slots__ = (
        "_alerts",
        "_certificates",
        "_fatal_alert",
        "_is_decrypted",
        "_limit",
        "_output",
        "_waiting",
    )

    def __init__(self, output: Output, limit: int) -> None:
        self._output = output
        self._limit = limit
        # no more once the handshake is reported
        self._waiting: list[Event] | None = []
        self._is_decrypted = False
        # the first one, which ended everything
        self._fatal_alert: TlsAlertSeen | None = None
        self._alerts = 0
        self._certificates = 0

    @property
    def is_released(self) -> bool:
        """The handshake is reported, and nothing waits any more."""
        return self._waiting is None

    @property
    def has_room(self) -> bool:
        """More certificates will be told of."""
        return self._certificates < self._limit

    def release(self) -> None:
        """Tell what has waited: the handshake is reported."""
        for event in self._waiting or ():
            self._output.add(event)
        self._waiting = None

    def add(self, event: Event) -> None:
        """Tell of something that belongs behind the handshake."""
        if self._waiting is None:
            self._output.add(event)
        elif len(self._waiting) < self._limit:
            self._waiting.append(event)

    def add_alert(self, alert: TlsAlertSeen) -> None:
        """Tell of an alert: of the first ones, and of the one that ended everything."""
        self._alerts += 1
        is_end = alert.is_fatal and self._fatal_alert is None
        if is_end:
            self._fatal_alert = alert
        if is_end or self._alerts <= _MAX_ALERTS:
            self.add(alert)

    def add_certificates(self, shown: CertificatesShown) -> None:
        """Tell of certificates, for which there must be room."""
        self._certificates += len(shown.chain)
        self.add(shown)

    def note_decrypted(self) -> None:
        """Tell, once, that data was decrypted."""
        if not self._is_decrypted:
            self._is_decrypted = True
            self.add(TlsDecrypted())
