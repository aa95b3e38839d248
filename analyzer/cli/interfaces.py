"""placeholder"""
from __future__ import annotations

import click


@click.command()
def interfaces() -> None:
    """X"""
