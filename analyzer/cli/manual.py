"""Writes the manual page mailtap(1), made of the help of all commands.

`python -m analyzer.cli.manual` prints it, for a folder such as
`~/.local/share/man/man1/`. The macros are those of man(7), which every system has.
"""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING

import click

from analyzer import __version__
from analyzer.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Iterator

_DESCRIPTION = (
    "mailtap reads network captures, finds every SMTP, IMAP and POP3 session in them, "
    "and turns them into tables: who talked to whom, how the session was protected, "
    "what happened in it, and what failed. From these it concludes what is wrong, how "
    "badly, and who can mend it, each with the packets that prove it. It only listens: "
    "it never sends a packet."
)
_FILES = {
    "~/.config/mailtap/config.toml": "options that are always wanted: at the top for "
    "every command that has them, in a table of a command's name for that one; "
    "XDG_CONFIG_HOME may say where it is",
}
_ENVIRONMENT = {
    "MAILTAP_CONFIG": "names another file of such options; empty for none",
    "MAILTAP_TRACEBACK": "shows the traceback of a bug of mailtap",
    "TMPDIR": "where temporary files go",
}
# what formatters would take for an instruction, or print as a finer character
_ESCAPES = str.maketrans(
    {
        "\\": r"\e",
        "-": r"\-",
        "'": r"\(aq",
        "`": r"\(ga",
        "^": r"\(ha",
        "~": r"\(ti",
    }
)


def manual() -> str:
    """Return the manual page, in roff."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield f'.TH MAILTAP 1 "" "mailtap {_escape(__version__)}" "User Commands"'
    # neither hyphenation nor spaces of different width: it is for terminals
    yield ".nh\n.ad l"
    yield ".SH NAME"
    yield rf"mailtap \- {_escape(_first_sentence(main))}"
    yield ".SH SYNOPSIS"
    yield r"\fBmailtap\fR \fICOMMAND\fR [\fIOPTION\fR]... [\fICAPTURE\fR]..."
    yield ".SH DESCRIPTION"
    yield _escape(_DESCRIPTION)
    yield ".SH COMMANDS"
    context = click.Context(main, info_name="mailtap")
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        if command is not None:
            yield from _about(command, click.Context(command, context, name))
    yield from _terms("FILES", _FILES)
    yield from _terms("ENVIRONMENT", _ENVIRONMENT)
    yield ".SH SEE ALSO"
    yield ".BR dumpcap (1),\n.BR tshark (1)"


def _about(command: click.Command, context: click.Context) -> Iterator[str]:
    yield rf".SS \fBmailtap {_escape(str(command.name))}\fR"
    yield _escape(
        " ".join([context.command_path, *command.collect_usage_pieces(context)])
    )
    for paragraph in _paragraphs(command):
        yield ".PP"
        yield _escape(paragraph)
    for parameter in command.params:
        record = parameter.get_help_record(context)
        # what arguments are is in the text
        if record is not None and isinstance(parameter, click.Option):
            yield from _term(*record)


def _terms(heading: str, terms: dict[str, str]) -> Iterator[str]:
    yield f".SH {heading}"
    for term, text in terms.items():
        yield from _term(term, text)


def _term(term: str, text: str) -> Iterator[str]:
    yield ".TP"
    yield rf"\fB{_escape(term)}\fR"
    yield _escape(text)


def _paragraphs(command: click.Command) -> list[str]:
    """Return the help of a command, each paragraph in one line."""
    help_ = inspect.cleandoc(command.help or "").replace("\b", "")
    return [" ".join(each.split()) for each in help_.split("\n\n") if each.strip()]


def _first_sentence(command: click.Command) -> str:
    sentence = _paragraphs(command)[0].rstrip(".")
    return sentence[0].lower() + sentence[1:]


def _escape(text: str) -> str:
    """Return a text that is printed as it is, and can be copied."""
    escaped = text.translate(_ESCAPES)
    # a line that begins so would be a request
    return rf"\&{escaped}" if escaped.startswith(".") else escaped


if __name__ == "__main__":
    sys.stdout.write(manual())
