"""The scenarios; importing a module of this package registers its scenarios."""

from __future__ import annotations

from tests.support.laboratory.scenarios import (
    abuse,
    attacks,
    demo,
    guests,
    imap,
    negatives,
    paths,
    pop3,
    refusals,
    smtp,
)
from tests.support.laboratory.tape import SCENARIOS

__all__ = [
    "SCENARIOS",
    "abuse",
    "attacks",
    "demo",
    "guests",
    "imap",
    "negatives",
    "paths",
    "pop3",
    "refusals",
    "smtp",
]
