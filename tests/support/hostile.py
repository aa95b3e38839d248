"""Tables in which every text is an attack on whatever shows it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from analyzer import Analysis

ATTACKS = (
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(2)>",
    '"><svg onload=alert(3)>',
    "</style><style>*{display:none}</style>",
    '<a href="https://example.com/">x</a>',
    "<b>bold</b>&amp;<i>",
    "{{ 7 * 7 }}{% raw %}",
    "<!--<script>",
    "\x1b]0;title\x07\x1b[2J",
    "=cmd|' /C calc'!A0",
    "\u202egnp.exe\u2028\u2066",
    "$\\unicode{x3c}$ %{y} \ud7ff",
)
# words of mailtap's own, on which reports rely
_OWN = {"session_id", "tls_mode", "kind"}


def with_attacks(analysis: Analysis) -> Analysis:
    """The same analysis, with attacks in place of all texts."""
    tables = {name: _attack(table) for name, table in analysis.tables.items()}
    return replace(analysis, tables=tables, captures=list(ATTACKS))


def _attack(table: pa.Table) -> pa.Table:
    for number, field in enumerate(table.schema):
        attacks = [
            ATTACKS[(row + number) % len(ATTACKS)] for row in range(table.num_rows)
        ]
        if field.type == pa.list_(pa.string()):
            column = pa.array([[attack] for attack in attacks], field.type)
        elif field.type == pa.string() and field.name not in _OWN:
            column = pa.array(attacks, field.type)
        else:
            continue
        table = table.set_column(number, field, column)
    return table
