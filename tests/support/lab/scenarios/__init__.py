"""The scenarios; importing a module of this package registers its scenarios."""

from __future__ import annotations

from tests.support.lab.scenarios import demo

__all__ = ["demo"]
