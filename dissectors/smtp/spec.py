"""What mailtap needs to know of SMTP."""

from __future__ import annotations

import re

from dissectors.services import Protocol, Security, Service
from dissectors.smtp.dialogue import SmtpDialogue
from dissectors.spec import Opening, Profile, ProtocolSpec

# RFC 5321 §4.2: three digits, then a hyphen, a blank or the line end; the positive ones
# are those of SMTP and its extensions, as FTP and NNTP have others
_REPLY = re.compile(
    rb"(?:2(?:11|14|20|21|35|5[0-3])|3[35]4|[45][0-5][0-9])(?:[ \-\r\n]|$)"
)
_COMMAND = re.compile(
    rb"(?:EHLO|HELO|LHLO|MAIL FROM|RCPT TO|DATA|BDAT|RSET|VRFY|EXPN|STARTTLS"
    rb"|AUTH(?! (?:TLS|SSL)\b)|ETRN|XCLIENT|X-ANONYMOUSTLS|NOOP|QUIT|HELP)"
    rb"(?:[ :\r\n]|$)",
    re.IGNORECASE,
)
# what an SMTP client says first; FTP and NNTP share the other commands
FIRST_COMMAND = re.compile(rb"(?:EHLO|HELO|LHLO)(?:[ \r\n]|$)", re.IGNORECASE)


def _make(service: Service | None) -> SmtpDialogue:
    return SmtpDialogue(submission=service is not None and service.is_submission)


SPEC = ProtocolSpec(
    name=Protocol.SMTP,
    # 2525 is the customary second submission port where providers block 25 and 587
    services=(
        Service("smtp", Protocol.SMTP, 25, Security.STARTTLS),
        Service("submission", Protocol.SMTP, 587, Security.STARTTLS),
        Service(
            "submission", Protocol.SMTP, 2525, Security.STARTTLS, is_registered=False
        ),
        Service("submissions", Protocol.SMTP, 465, Security.IMPLICIT_TLS),
    ),
    opening=Opening(
        server=_REPLY,
        client=_COMMAND,
        strict_client=FIRST_COMMAND,
        server_beginnings=(b"220 ", b"220-"),
        client_beginnings=(b"EHLO", b"HELO", b"LHLO"),
        # "smtp" and "esmtp" are what Exim asks for
        alpn=(b"smtp", b"esmtp"),
    ),
    make=_make,
    # RFC 5321 §2.1 and §4.5.4 (queues), RFC 6409 (submission), RFC 3207 (STARTTLS)
    profile=Profile(
        purpose="sends mail: from a program to its server (submission), and from "
        "server to server (relay)",
        direction="client to server: whoever has mail connects and hands it over",
        storage="in a queue, until the next server has taken it",
        synchronisation="none: each message is handed over once",
        devices="any number; none can read mail with it",
        folders="none: the recipient's server decides where mail is put",
        network="while mail is handed over; servers try again for days",
        security="submission: TLS and a login; relay: STARTTLS where the server "
        "offers it",
    ),
    anomalies={
        "smtp_bad_bdat": "BDAT with an argument that is no chunk size",
        "smtp_bare_lf": "the client ends lines in LF without CR",
        "smtp_early_talker": "the client did not wait for the greeting",
        "smtp_end_of_data_lookalike": "a lone dot between other line ends than CRLF",
        "smtp_reply_too_long": "a reply of too many lines; the rest of them was "
        "skipped",
        "smtp_smuggled_command": "a lone dot between other line ends than CRLF, and "
        "behind it a command; where that dot is",
        "smtp_unexpected_line": "a server line that is no reply",
        "smtp_unknown_command": "a client line that begins with no verb",
    },
    is_transport=True,
)
