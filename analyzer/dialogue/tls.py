"""The steps of a TLS handshake."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from analyzer.dialogue.step import CLIENT, SERVER, Step, StepKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# what the server chose, in the order in which it is told
_CHOSEN = ("tls_version", "tls_cipher", "tls_group", "tls_alpn")


# the capture that holds it, and its number there
Packet = tuple[str | None, int | None]


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

    def packet_at(self, time_ns: int | None) -> Packet:
        """Return the only packet that came then, if there is just one."""
        found = [place for place, time in self.of_packets.items() if time == time_ns]
        return found[0] if len(found) == 1 else (None, None)


UNTIMED = TlsTimes()
"""Nothing is known of them."""


def tls_steps(session: Mapping[str, Any], times: TlsTimes = UNTIMED) -> Iterator[Step]:
    """Yield what a session's row tells of its handshake, in order.

    Args:
        session: the row.
        times: which the row does not have.
    """
    for step in _steps(session):
        time_ns = times.of_packets.get((step.capture, step.frame), step.time_ns)
        if step.text.startswith("ClientHello"):
            time_ns = times.begin_ns
        elif step.latency_s is not None:
            time_ns = times.end_ns
        capture, frame = step.capture, step.frame
        if frame is None:
            capture, frame = times.packet_at(time_ns)
        yield replace(step, time_ns=time_ns, capture=capture, frame=frame)


def _steps(session: Mapping[str, Any]) -> Iterator[Step]:
    if session["tls_mode"] == "none" or not _is_tls(session):
        return
    if session["tls_offered_ciphers"]:
        versions = " ".join(session["tls_offered_versions"] or ())
        offered = f"offers {versions}" if versions else None
        yield _step(session, CLIENT, "ClientHello", session["tls_sni"], offered)
    if session["tls_retried"]:
        yield _step(session, SERVER, "HelloRetryRequest")
    if session["tls_frame"] is not None:
        chosen = (session[name] for name in _CHOSEN)
        yield _step(session, SERVER, "ServerHello", *chosen, frame="tls_frame")
    if session["cert_sha256"] is not None:
        shown = session["cert_subject"], session["cert_status"]
        yield _step(session, SERVER, "Certificate", *shown, frame="cert_frame")
    for alert in session["tls_alerts"] or ():
        yield _step(session, None, "alert", alert)
    if session["tls_failed_after"] is not None:
        failed_after = f"after {session['tls_failed_after']}"
        yield _step(session, None, "handshake failed", failed_after)
    elif session["tls_established"]:
        seconds = session["tls_handshake_s"]
        yield Step(StepKind.TLS, None, "encrypted from here on", latency_s=seconds)


def _is_tls(session: Mapping[str, Any]) -> bool:
    names = ("tls_version", "tls_offered_ciphers", "tls_established", "tls_alerts")
    return any(session[name] for name in names)


def _step(
    session: Mapping[str, Any],
    side: str | None,
    name: str,
    *told: str | None,
    frame: str | None = None,
) -> Step:
    """Make a step of what is known.

    Args:
        session: the session's row.
        side: who sent it.
        name: of the message.
        told: what it says; `None` is left out.
        frame: the column that holds the number of its packet, if there is one.
    """
    words = ", ".join(each for each in told if each)
    text = f"{name}: {words}" if words else name
    if frame is None:
        return Step(StepKind.TLS, side, text)
    at = session["tls_capture"], session[frame]
    return Step(StepKind.TLS, side, text, None, None, *at)
