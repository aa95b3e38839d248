"""The people of the lab, all of them invented, and their secrets."""

from __future__ import annotations

import base64
from dataclasses import dataclass

DOMAIN = "example.com"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a mailbox at example.com."""

    user: str
    name: str
    password: str

    @property
    def address(self) -> str:
        """The mail address, which is the login name too."""
        return f"{self.user}@{DOMAIN}"


INES = Person("ines", "Ines Marlow", "violet-Otter-4711")
TOM = Person("tom", "Tom Okafor", "Kettle!Drum~93")
ZOE = Person("zoe", "Zoë Lindqvist", "sn0w.fox.Tango")
RAVI = Person("ravi", "Ravi Iyer", "quiet/Harbour=88")
SCANNER = Person("scanner", "Scanner, second floor", "Paper-Jam-1999")
SALES = Person("sales", "Sales desk", 'br"ass\\Lantern 5')

PEOPLE = (INES, TOM, ZOE, RAVI, SCANNER, SALES)

# what a guesser tries, none of which is right
GUESSES = ("letmein-77", "Summer2025!", "qwertz-uiop", "dragon.fly.12")


def base64_of(text: str) -> str:
    """Return a text in base64."""
    return base64.b64encode(text.encode()).decode()


def plain_response(user: str, password: str, authorize_as: str = "") -> str:
    """Return the SASL PLAIN response (RFC 4616) in base64."""
    return base64_of(f"{authorize_as}\0{user}\0{password}")


def cram_forms(response: str) -> list[str]:
    """Return the forms of a CRAM-MD5 response (RFC 2195), of which the digest tells."""
    return [response.rpartition(" ")[2], base64_of(response)]


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def secret_forms() -> list[str]:
    """Return all passwords, plain and in every form that crosses the wire."""
    pairs = [(person.address, person.password) for person in PEOPLE]
    pairs += [(person.address, guess) for person in PEOPLE for guess in GUESSES]
    forms = [password for _, password in pairs]
    forms += [base64_of(password) for _, password in pairs]
    forms += [plain_response(user, password) for user, password in pairs]
    forms += [plain_response(user, password, user) for user, password in pairs]
    # the quoted string of an IMAP LOGIN (RFC 9051 §4.3)
    forms += [_quoted(password) for _, password in pairs]
    return list(dict.fromkeys(forms))
