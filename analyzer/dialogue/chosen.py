"""Which session is meant by the beginning of an ID."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.text import near_names, pluralize

if TYPE_CHECKING:
    from collections.abc import Sequence

# IDs that a message names
_MOST_NAMED = 5


class SessionChoiceError(LookupError):
    """No session, or more than one, is meant; the text says which there are."""


def find_session(identifiers: Sequence[str], beginning: str) -> str:
    """Return the ID that begins like this.

    Args:
        identifiers: the IDs of all sessions.
        beginning: an ID, or as much of it as tells it from all others.

    Raises:
        SessionChoiceError: there is none, or more than one.
    """
    wanted = beginning.strip().lower()
    found = [each for each in identifiers if each.startswith(wanted)] if wanted else []
    if len(found) == 1 or wanted in found:
        return wanted if wanted in found else found[0]
    if found:
        named = ", ".join(found[:_MOST_NAMED])
        more = len(found) - _MOST_NAMED
        others = f" and {more:,} more" if more > 0 else ""
        raise SessionChoiceError(
            f"{pluralize(len(found), 'session')} begin with {wanted}: {named}{others}"
        )
    if not identifiers:
        raise SessionChoiceError("there is no session")
    raise SessionChoiceError(
        f"there is no session {beginning!r}{near_names(wanted, identifiers)}"
    )
