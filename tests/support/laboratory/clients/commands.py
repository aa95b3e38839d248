"""Mail clients that are commands: swaks, curl, openssl."""

from __future__ import annotations

import base64
import re
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.laboratory.machine import LabError
from tests.support.laboratory.messages import received_facts
from tests.support.laboratory.people import cram_forms

if TYPE_CHECKING:
    from tests.support.laboratory.clients.access import Access, Facts
    from tests.support.laboratory.clients.smtp import Letter
    from tests.support.laboratory.machine import Machine

VERSION_OPTIONS = {
    ssl.TLSVersion.TLSv1_2: "tlsv1_2",
    ssl.TLSVersion.TLSv1_3: "tlsv1_3",
}

# curl tells of TLS records between the lines that it sent (>) and received (<)
CRAM_RESPONSE = re.compile(r"> .*AUTH\S* CRAM-MD5\s[^<>]*< .*\s[^<>]*> (\S+)")


def _facts(access: Access, protocol: str) -> Facts:
    return {
        "protocol": protocol,
        "port": access.port,
        "tls": access.tls,
        "messages": [],
    }


def _login_facts(access: Access, mechanism: str) -> Facts:
    assert access.person is not None
    return {
        "mechanism": mechanism,
        "user": access.person.address,
        "auth_result": "success",
    }


@dataclass(frozen=True, slots=True)
class Swaks:
    """The Swiss army knife for SMTP."""

    access: Access

    def send(
        self,
        machine: Machine,
        sender: str,
        recipients: list[str],
        subject: str,
        *options: str,
    ) -> Facts:
        """Send one message; the facts are read from swaks's transcript."""
        access = self.access
        command = ["swaks", "--server", access.host, "--port", str(access.port)]
        command += ["--from", sender, "--to", ",".join(recipients)]
        command += ["--header", f"Subject: {subject}", *options]
        command += {
            "none": [],
            "starttls": ["--tls", "--tls-sni", access.host],
            "implicit": ["--tls-on-connect", "--tls-sni", access.host],
        }[access.tls]
        command += ["--tls-protocol", VERSION_OPTIONS[access.max_version]]
        if access.person:
            command += ["--auth", access.mechanism or "PLAIN"]
            command += ["--auth-user", access.person.address]
            command += ["--auth-password", access.secret]
        # a refused recipient is no failure of the lab
        transcript = machine.run(*command, check=False)
        return self._read(transcript, sender, subject)

    def _read(self, transcript: str, sender: str, subject: str) -> Facts:
        facts = _facts(self.access, "smtp")
        if found := re.search(r"TLS started with cipher (\S+?):(\S+?):", transcript):
            facts["tls_version"], facts["tls_cipher"] = found.groups()
        if self.access.person:
            accepted = re.search(r"^<[-~]  235 ", transcript, re.MULTILINE)
            facts |= _login_facts(self.access, self.access.mechanism or "PLAIN")
            facts["auth_result"] = "success" if accepted else "failure"
        answers = dict(re.findall(r" [-~]> RCPT TO:<(.*?)>\n<.{3} ?(\d)", transcript))
        facts["mail_from"] = re.findall(r" [-~]> MAIL FROM:<(.*?)>", transcript)
        facts["rcpt_to"] = list(answers)
        facts["rcpt_refused"] = [each for each in answers if answers[each] != "2"]
        number = re.search(r"Message-Id: (<.*>)", transcript)
        if number and "queued as" in transcript:
            message = {"message_id": number[1], "subject": subject, "from": sender}
            facts["messages"].append(message)
        return facts


@dataclass(frozen=True, slots=True)
class Curl:
    """curl, which speaks all three protocols."""

    access: Access

    def run(self, machine: Machine, scheme: str, path: str, *options: str) -> str:
        """Run curl and return what it printed, its own remarks included."""
        access = self.access
        command = ["curl", "--silent", "--show-error", "--verbose"]
        command += ["--url", f"{scheme}://{access.host}:{access.port}/{path}"]
        command += ["--cacert", str(access.trusted)] if access.trusted else []
        command += ["--ssl-reqd"] if access.tls == "starttls" else []
        if access.max_version == ssl.TLSVersion.TLSv1_2:
            command += ["--tls-max", "1.2"]
        if access.person:
            command += ["--user", f"{access.person.address}:{access.secret}"]
            if access.mechanism:
                command += ["--login-options", f"AUTH={access.mechanism}"]
        environment = {}
        if access.key_log:
            environment["SSLKEYLOGFILE"] = str(access.key_log)
        return machine.run(*command, *options, environment=environment)

    def fetch(self, machine: Machine, mailbox: str, number: int) -> Facts:
        """Fetch one message of an IMAP mailbox."""
        scheme = "imaps" if self.access.tls == "implicit" else "imap"
        output = Path(machine.run("mktemp").strip())
        printed = self.run(
            machine, scheme, f"{mailbox};MAILINDEX={number}", "--output", str(output)
        )
        content = output.read_bytes()
        output.unlink()
        facts = _facts(self.access, "imap") | self._tls_facts(printed)
        facts |= self._login_facts(printed)
        facts |= {"mailboxes": [mailbox], "fetched": 1}
        facts["messages"] = [received_facts(content)]
        return facts

    def send(self, machine: Machine, each: Letter) -> Facts:
        """Submit a letter, its content from a file."""
        content = machine.run("mktemp").strip()
        Path(content).write_bytes(each.message.as_bytes())
        scheme = "smtps" if self.access.tls == "implicit" else "smtp"
        options = ["--upload-file", content, "--mail-from", each.sender]
        for recipient in each.recipients:
            options += ["--mail-rcpt", recipient]
        printed = self.run(machine, scheme, machine.hostname, *options)
        Path(content).unlink()
        facts = _facts(self.access, "smtp") | self._tls_facts(printed)
        facts |= self._login_facts(printed)
        return facts | {
            "mail_from": [each.sender],
            "rcpt_to": each.recipients,
            "rcpt_refused": [],
            "messages": [each.facts()],
        }

    def _login_facts(self, printed: str) -> Facts:
        found = re.search(r"> (?:\S+ AUTHENTICATE|AUTH) (\S+)", printed)
        facts = _login_facts(self.access, found[1] if found else "LOGIN")
        if found := CRAM_RESPONSE.search(printed):
            facts["secrets"] = cram_forms(base64.b64decode(found[1]).decode())
        return facts

    def _tls_facts(self, printed: str) -> Facts:
        found = re.search(r"SSL connection using (\S+) / (\S+)", printed)
        if self.access.tls == "none":
            return {}
        if not found:
            raise LabError("curl used no TLS")
        return {"tls_version": found[1], "tls_cipher": found[2]}


@dataclass(frozen=True, slots=True)
class OpenSSL:
    """openssl s_client, which stops where the TLS handshake is done."""

    access: Access

    def shake_hands(
        self, machine: Machine, protocol: str, *options: str, lines: str = ""
    ) -> Facts:
        """Connect, say some lines, and read what OpenSSL reports."""
        access = self.access
        command = ["openssl", "s_client", "-crlf", "-ign_eof"]
        command += ["-connect", f"{access.host}:{access.port}"]
        command += ["-servername", access.host]
        command += ["-CAfile", str(access.trusted)] if access.trusted else []
        command += ["-keylogfile", str(access.key_log)] if access.key_log else []
        command += ["-starttls", protocol] if access.tls == "starttls" else []
        # a handshake that fails may be what is wanted
        printed = machine.run(*command, *options, check=False, text=lines)
        facts = _facts(access, protocol)
        facts["certificate_trusted"] = "verify error" not in printed
        if found := re.search(r"^New, (\S+), Cipher is (\S+)", printed, re.MULTILINE):
            version, cipher = found.groups()
            if cipher != "(NONE)":
                facts["tls_version"], facts["tls_cipher"] = version, cipher
        if found := re.search(r"^ALPN protocol: (\S+)", printed, re.MULTILINE):
            facts["alpn"] = found[1]
        return facts
