"""Tests of the dissectors."""

from __future__ import annotations
