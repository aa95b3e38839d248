"""What can go wrong with files of the user; the texts are for that user."""

from __future__ import annotations


class LoadError(Exception):
    """Something could not be read: a table, certificates, a key log."""


class ExportError(Exception):
    """Something could not be written."""
