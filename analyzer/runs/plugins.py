"""Warnings about plug-ins that failed, one for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dissectors import registry

if TYPE_CHECKING:
    from collections.abc import Iterable

    from analyzer.sessions.session import Session


def failed_plugin(session: Session) -> str | None:
    """Return the protocol of a plug-in whose dissector failed in a session."""
    if "dissector_bug" not in session.oddities:
        return None
    return session.protocol if registry.is_plugin(session.protocol) else None


def plugin_notes(failed: Iterable[str] = ()) -> list[str]:
    """Say which plug-ins are not used, and which failed.

    Args:
        failed: the protocols of those that failed, perhaps several times.
    """
    return [*registry.problems(), *map(_describe, sorted(set(failed)))]


def _describe(protocol: str) -> str:
    return (
        f"the dissector of {protocol}, a plug-in, failed: sessions with the anomaly "
        "dissector_bug were not read to their end"
    )
