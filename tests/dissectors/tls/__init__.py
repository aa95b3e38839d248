"""Tests of the TLS dissector."""

from __future__ import annotations
