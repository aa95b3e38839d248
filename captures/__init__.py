"""From the wire to ordered TCP streams."""

from __future__ import annotations
