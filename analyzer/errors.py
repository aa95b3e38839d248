"""What can go wrong with files of the user; the texts are for that user."""

from __future__ import annotations

from typing import Self


class LoadError(Exception):
    """Something could not be read: a table, certificates, a key log."""

    @classmethod
    def of(cls, name: object, error: OSError) -> Self:
        """Say what could not be read, and why."""
        return cls(f"{name}: can't be read ({error.strerror or error})")


class ExportError(Exception):
    """Something could not be written."""

    @classmethod
    def of(cls, name: object, error: OSError) -> Self:
        """Say what could not be written, and why."""
        return cls(f"{name}: can't be written ({error.strerror or error})")
