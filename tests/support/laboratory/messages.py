"""Messages with realistic header fields, and small real files to attach."""

from __future__ import annotations

import hashlib
import io
import random
import re
import struct
import zipfile
import zlib
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP, default
from email.utils import localtime
from typing import Any

WORDS = """
about after again agenda budget call contract copy delivery draft figures
from have invoice kindly later meeting minutes monday next offer order page
please price quarter regards report room shipment signed table thanks the
there tomorrow tuesday until version week which with yesterday your
"""

PDF_PAGE = (
    "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {content} 0 R"
    " /Resources << /Font << /F1"
    " << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>"
)


@dataclass(frozen=True, slots=True)
class File:
    """A file to attach."""

    name: str
    content_type: str
    content: bytes

    def facts(self) -> dict[str, Any]:
        """Return what a reader of the message can know of the file."""
        return {
            "name": self.name,
            "content_type": self.content_type,
            "size_bytes": len(self.content),
            "sha256": hashlib.sha256(self.content).hexdigest(),
        }


def prose(seed: int, lines: int) -> str:
    """Return lines of words that say nothing, the same for the same seed."""
    source = random.Random(seed)
    vocabulary = WORDS.split()
    text = (" ".join(source.choices(vocabulary, k=10)) for _ in range(lines))
    return "\n".join(line.capitalize() + "." for line in text) + "\n"


def pdf(name: str, pages: int = 1, seed: int = 1) -> File:
    """Return a PDF file with some pages of text."""
    kids = " ".join(f"{3 + 2 * page} 0 R" for page in range(pages))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {pages} >>",
    ]
    for page in range(pages):
        lines = prose(seed + page, 30).splitlines()
        text = "\n".join(f"({line}) Tj T*" for line in lines)
        stream = f"BT /F1 10 Tf 50 800 Td 14 TL\n{text}\nET"
        objects += [
            PDF_PAGE.format(content=4 + 2 * page),
            f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream",
        ]
    body = b"%PDF-1.4\n"
    places = []
    for number, each in enumerate(objects, 1):
        places.append(len(body))
        body += f"{number} 0 obj\n{each}\nendobj\n".encode()
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    trailer = (
        f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}trailer\n"
        f"<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(body)}\n%%EOF\n"
    )
    return File(name, "application/pdf", body + trailer.encode())


def png(name: str, width: int = 64, height: int = 48, seed: int = 1) -> File:
    """Return a PNG picture of noise over a gradient."""
    noise = random.Random(seed)

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = zlib.crc32(kind + content)
        return (
            struct.pack(">I", len(content))
            + kind
            + content
            + struct.pack(">I", checksum)
        )

    rows = b"".join(
        b"\0" + bytes((x + y + noise.randrange(16)) & 255 for x in range(width))
        for y in range(height)
    )
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    content = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )
    return File(name, "image/png", content)


def archive(name: str, seed: int = 1) -> File:
    """Return a ZIP archive of two text files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("read me.txt", prose(seed, 12))
        zipped.writestr("figures/quarter.csv", table("", seed).content)
    return File(name, "application/zip", buffer.getvalue())


def table(name: str, seed: int = 1) -> File:
    """Return a table of numbers as comma-separated values."""
    source = random.Random(seed)
    rows = [f"{week},{source.randrange(900)},{source.randrange(90)}"
            for week in range(1, 53)]  # fmt: skip
    content = "\r\n".join(["week,orders,returns", *rows, ""])
    return File(name, "text/csv", content.encode())


def compose(
    message_id: str,
    sender: str,
    recipients: list[str],
    subject: str,
    *,
    lines: int = 6,
    mailer: tuple[str, str] | None = None,
    files: tuple[File, ...] = (),
    html: bool = False,
) -> EmailMessage:
    """Compose a message; `mailer` is a header field that names the software."""
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = ", ".join(recipients)
    message["Subject"] = subject
    message["Date"] = localtime()
    message["Message-ID"] = f"<{message_id}>"
    if mailer:
        message[mailer[0]] = mailer[1]
    text = prose(zlib.crc32(message_id.encode()), lines)
    message.set_content(text)
    if html:
        paragraphs = "".join(f"<p>{line}</p>\n" for line in text.splitlines())
        message.add_alternative(f"<html>{paragraphs}</html>\n", subtype="html")
    for file in files:
        main, _, sub = file.content_type.partition("/")
        message.add_attachment(
            file.content, maintype=main, subtype=sub, filename=file.name
        )
    return message


def message_facts(
    message: EmailMessage, files: tuple[File, ...] = ()
) -> dict[str, Any]:
    """Return what a reader of the message can know of it."""
    return {
        "message_id": str(message["Message-ID"]),
        "subject": str(message["Subject"]),
        "from": str(message["From"]),
        "attachments": [file.facts() for file in files],
    }


def received_facts(content: bytes) -> dict[str, Any]:
    """Return what a client knows of a message that it received."""
    message = message_from_bytes(content, policy=default)
    files = (
        File(part.get_filename() or "", part.get_content_type(), body)
        for part in message.iter_attachments()
        if isinstance(body := part.get_payload(decode=True), bytes)
    )
    return {
        "message_id": str(message["Message-ID"]),
        "subject": re.sub(r"\s+", " ", str(message["Subject"])),
        "from": str(message["From"]),
        "attachments": [file.facts() for file in files],
    }
