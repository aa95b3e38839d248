"""Tests of the message reader."""

from __future__ import annotations
