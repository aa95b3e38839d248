"""Code points that stand for nothing, in all registries of two bytes."""

from __future__ import annotations

# RFC 8701 §2: reserved values that clients send to keep servers tolerant
GREASE = frozenset(high << 8 | high for high in range(0x0A, 0x100, 0x10))
