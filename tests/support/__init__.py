"""What tests share, and the laboratory that makes their data."""

from __future__ import annotations
