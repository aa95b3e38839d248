"""The steps of a TLS handshake."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from analyzer.dialogue.step import CLIENT, SERVER, Step, StepKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# what the server chose, in the order in which it is told
_CHOSEN = ("tls_version", "tls_cipher", "tls_group", "tls_alpn")


# the capture that holds it, and its number there
Packet = tuple[str | None, int | None]


class Moment(NamedTuple):
    """When something happened, and in which packet, as far as that is known."""

    time_ns: int | None = None
    capture: str | None = None
    frame: int | None = None


class TlsTimes(NamedTuple):
    """When a handshake happened, as far as that is known.

    Attributes:
        begin_ns: when the first hello was seen.
        end_ns: when the handshake was over.
        of_packets: when packets came, by capture and frame.
    """

    begin_ns: int | None = None
    end_ns: int | None = None
    of_packets: Mapping[Packet, int] = MappingProxyType({})

    def at(self, time_ns: int | None) -> Moment:
        """Return a time, with the only packet that came then, if there is just one."""
        found = [place for place, time in self.of_packets.items() if time == time_ns]
        return Moment(time_ns, *found[0]) if len(found) == 1 else Moment(time_ns)

    def of(self, capture: str | None, frame: int | None) -> Moment:
        """Return when a packet came."""
        if frame is None:
            return _UNKNOWN
        return Moment(self.of_packets.get((capture, frame)), capture, frame)


UNTIMED = TlsTimes()
"""Nothing is known of them."""
_UNKNOWN = Moment()


def tls_steps(session: Mapping[str, Any], times: TlsTimes = UNTIMED) -> Iterator[Step]:
    """Yield what a session's row tells of its handshake, in order.

    Args:
        session: the row.
        times: which the row does not have.
    """
    if session["tls_mode"] == "none" or not _is_tls(session):
        return
    if session["tls_offered_ciphers"]:
        versions = " ".join(session["tls_offered_versions"] or ())
        offered = f"offers {versions}" if versions else None
        begin = times.at(times.begin_ns)
        yield _step(begin, CLIENT, "ClientHello", session["tls_sni"], offered)
    if session["tls_retried"]:
        yield _step(_UNKNOWN, SERVER, "HelloRetryRequest")
    capture = session["tls_capture"]
    if session["tls_frame"] is not None:
        chosen = (session[name] for name in _CHOSEN)
        answered = times.of(capture, session["tls_frame"])
        yield _step(answered, SERVER, "ServerHello", *chosen)
    if session["cert_sha256"] is not None:
        shown = session["cert_subject"], session["cert_status"]
        shown_at = times.of(capture, session["cert_frame"])
        yield _step(shown_at, SERVER, "Certificate", *shown)
    for alert in session["tls_alerts"] or ():
        yield _step(_UNKNOWN, None, "alert", alert)
    if session["tls_failed_after"] is not None:
        failed_after = f"after {session['tls_failed_after']}"
        yield _step(_UNKNOWN, None, "handshake failed", failed_after)
    elif session["tls_established"]:
        seconds = session["tls_handshake_s"]
        end = _UNKNOWN if seconds is None else times.at(times.end_ns)
        yield _step(end, None, "encrypted from here on", latency_s=seconds)


def _is_tls(session: Mapping[str, Any]) -> bool:
    names = ("tls_version", "tls_offered_ciphers", "tls_established", "tls_alerts")
    return any(session[name] for name in names)


def _step(
    moment: Moment,
    side: str | None,
    name: str,
    *told: str | None,
    latency_s: float | None = None,
) -> Step:
    """Make a step of what is known.

    Args:
        moment: when it was.
        side: who sent it.
        name: of the message.
        told: what it says; `None` is left out.
        latency_s: how long it took.
    """
    words = ", ".join(each for each in told if each)
    text = f"{name}: {words}" if words else name
    return Step(
        StepKind.TLS,
        side,
        text,
        time_ns=moment.time_ns,
        latency_s=latency_s,
        capture=moment.capture,
        frame=moment.frame,
    )
