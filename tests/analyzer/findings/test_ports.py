from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.abuse import OUTSIDE, found, mail
from tests.support.analyses import analysis_of
from tests.support.findings import findings_of, named

if TYPE_CHECKING:
    from pathlib import Path

RULE = "unusual-port"


def test_mail_on_other_ports_is_told_by_server() -> None:
    findings = named(findings_of(analysis_of("unusual-port")), RULE)

    seen = {each["server_port"]: each["evidence"][0]["seen"] for each in findings}
    assert seen == {10025: "smtp on port 10025", 10143: "imap on port 10143"}


def test_mail_on_its_ports_is_silent(tmp_path: Path) -> None:
    dialogues = [mail(OUTSIDE, port=port) for port in (25, 587, 2525)]

    assert found(tmp_path, RULE, dialogues) == []


@pytest.mark.parametrize("name", ["lmtp-dovecot", "lmtp-aiosmtpd", "negative-ftp"])
def test_what_has_no_port_of_mail_is_silent(name: str) -> None:
    assert named(findings_of(analysis_of(name)), RULE) == []
