"""Entities of a message."""

from __future__ import annotations

from dissectors.events import Attachment
from dissectors.message import Content
from dissectors.message.entity import Entity


def test_entity_with_a_gap_has_no_hash() -> None:
    content = Content()
    entity = Entity(attachment=Attachment("a", "b/c", 0, None), content=content)
    content.update(b"x")
    entity.break_off()
    assert entity.finish() is None
    assert entity.attachment == Attachment("a", "b/c", 1, None)
