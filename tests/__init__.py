"""Tests of mailtap; the folders mirror its packages."""

from __future__ import annotations
