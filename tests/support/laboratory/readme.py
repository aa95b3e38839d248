"""What is made from the facts of all scenarios: the README, the list of secrets."""

from __future__ import annotations

from pathlib import Path

from tests.support.laboratory.people import secret_forms
from tests.support.laboratory.tape import DATA, load_facts

HEAD = """\
# Test data

Captures of real servers and clients, made by `python -m tests.support.laboratory`. All
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


def write_secrets() -> None:
    """Write the list of secrets, those of challenge and response included."""
    secrets = secret_forms()
    for facts in load_facts():
        for session in facts["sessions"]:
            secrets += session.get("secrets", [])
    (DATA / "secrets.txt").write_text("\n".join(secrets) + "\n")
