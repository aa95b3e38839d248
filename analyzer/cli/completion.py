"""What shells offer for words that only mailtap knows.

`_MAILTAP_COMPLETE=bash_source mailtap` prints what a shell must load (click does that,
for zsh and fish too). Nothing here may fail or print: a shell would show it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from collections.abc import Iterable

    import click


def complete_interface(
    _context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer the interfaces of this machine."""
    from captures import list_interfaces

    try:
        names = [interface.name for interface in list_interfaces()]
    except OSError:
        names = []
    return _beginning(incomplete, names)


def complete_rule(
    _context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer the rules, those of plug-ins too, each with its title."""
    from analyzer.findings import registry

    return [
        CompletionItem(name, help=rule.title)
        for name, rule in registry.rules().items()
        if name.startswith(incomplete)
    ]


def complete_port(
    _context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer the protocols behind a port and an equals sign."""
    from dissectors import registry

    port, sign, _ = incomplete.partition("=")
    if not sign:
        return []
    return _beginning(incomplete, [f"{port}={name}" for name in registry.protocols()])


def complete_service(
    _context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer protocols, and what they are called by their ports."""
    return _beginning(incomplete, service_names())


def service_names() -> list[str]:
    """Return protocols, and what they are called by their ports."""
    from dissectors import registry

    services = (each.name for each in registry.service_by_port().values())
    return sorted({*registry.protocols(), *services})


def columns_beginning(begun: str, before: str = "") -> list[CompletionItem]:
    """Offer columns of the table `sessions`, each with its meaning.

    Args:
        begun: what was typed of one.
        before: what stands before it.
    """
    from analyzer.tables.schema import SESSIONS

    return [
        CompletionItem(before + column.name, help=column.meaning)
        for column in SESSIONS.columns
        if column.name.startswith(begun)
    ]


def _beginning(incomplete: str, names: Iterable[str]) -> list[CompletionItem]:
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]
