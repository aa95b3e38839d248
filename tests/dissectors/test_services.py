from __future__ import annotations

import pytest

from dissectors.services import Protocol, Security, Service


@pytest.mark.parametrize(
    ("name", "is_submission"),
    [("smtp", False), ("submission", True), ("submissions", True)],
)
def test_users_hand_over_mail_on_ports_of_submission(
    name: str, is_submission: bool
) -> None:
    service = Service(name, Protocol.SMTP, 1, Security.STARTTLS)

    assert service.is_submission is is_submission
