"""The README of the test data, made from the facts of all scenarios."""

from __future__ import annotations

from pathlib import Path

from tests.support.lab.tape import DATA, load_facts

HEAD = """\
# Test data

Captures of real servers and clients, made by `python -m tests.support.lab`. All
people, passwords and messages in them are invented; addresses are those of RFC
5737 and RFC 3849. Beside a capture are its facts (`.json`), told by the clients
and servers and never by an analyser, and the TLS secrets (`.keys`) where the
client gave them. `secrets.txt` lists every password, plain and as it crosses the
wire, so that a test can look for it in an output.

| file | how it was made |
|---|---|
"""


def write_readme() -> None:
    """Write the README: one line per capture."""
    lines = [
        f"| `{Path(facts['capture']).name}` | {facts['description']}"
        f" ({', '.join(facts['made_with'])}) |\n"
        for facts in load_facts()
    ]
    (DATA / "README.md").write_text(HEAD + "".join(lines))
