"""ManageSieve (RFC 5804) for mailtap: who changes the filters of whose mail."""

from __future__ import annotations

import re

from dissectors.services import Security, Service
from dissectors.spec import Opening, Profile, ProtocolSpec
from mailtap_managesieve.dialogue import ManageSieveDialogue
from mailtap_managesieve.grammar import VERBS

__all__ = ["SPEC", "ManageSieveDialogue"]

_COMMAND = "|".join(VERBS).encode()

SPEC = ProtocolSpec(
    name="managesieve",
    # IANA Service Name and Transport Protocol Port Number Registry
    services=(Service("sieve", "managesieve", 4190, Security.STARTTLS),),
    opening=Opening(
        # §1.7: the capabilities come first, and in any order
        server=re.compile(
            rb'"(?:IMPLEMENTATION|SIEVE|SASL|STARTTLS|VERSION|NOTIFY|MAXREDIRECTS'
            rb'|LANGUAGE|OWNER)"(?:[ \r\n]|$)',
            re.IGNORECASE,
        ),
        client=re.compile(rb"(?:" + _COMMAND + rb")(?:[ \r\n]|$)", re.IGNORECASE),
        # QUIT and NOOP are words of other protocols, too
        strict_client=re.compile(
            rb'(?:AUTHENTICATE "|(?:CAPABILITY|STARTTLS|LISTSCRIPTS)[\r\n])',
            re.IGNORECASE,
        ),
        server_beginnings=(b'"IMP', b'"SIE', b'"VER'),
        client_beginnings=(b"AUTH", b"CAPA", b"LIST"),
        alpn=(b"managesieve",),
    ),
    make=lambda _service: ManageSieveDialogue(),
    profile=Profile(
        purpose="manages the scripts by which a server files, forwards or refuses mail",
        direction="none for mail: scripts go both ways",
        storage="scripts are kept on the server; one of them is active",
        synchronisation="none: a program reads the script again before it changes it",
        devices="any number",
        folders="none: a script names those of the server",
        network="while scripts are read or changed",
        security="a login, over STARTTLS",
    ),
    anomalies={
        "managesieve_unknown_command": "a client line that begins with no command",
        "managesieve_unexpected_line": "a server line that is no response",
    },
)
