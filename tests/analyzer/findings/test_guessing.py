from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from analyzer.findings.settings import RuleSettings, Settings
from tests.support.abuse import ELSEWHERE, OUTSIDE, found, login
from tests.support.analyses import analysis_of
from tests.support.findings import findings_of, named

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.support.traffic import PacketScript

GUESSING, SPRAYING = "password-guessing", "password-spraying"
AFTER = "login-after-guessing"


@pytest.fixture
def of(tmp_path: Path) -> Any:
    def find(
        rule: str, *dialogues: Iterable[PacketScript], settings: Settings | None = None
    ) -> list[dict[str, Any]]:
        every = [each for some in dialogues for each in some]
        return found(tmp_path, rule, every, settings)

    return find


def guesses(
    count: int = 12, client_ip: str = OUTSIDE, seconds: float = 0
) -> list[PacketScript]:
    return [
        login(client_ip, seconds + 0.3 * number + 0.05 * (number % 3))
        for number in range(count)
    ]


def spray(count: int = 12, client_ip: str = OUTSIDE) -> list[PacketScript]:
    return [
        login(client_ip, 20 * number, f"user{number}@example.com")
        for number in range(count)
    ]


def test_many_failures_for_an_account_are_guessing(of: Any) -> None:
    (finding,) = of(GUESSING, guesses())

    assert finding["client_ip"] == OUTSIDE
    assert finding["session_count"] == 12
    assert (
        finding["evidence"][0]["seen"]
        == "USER, ann@example.com: -ERR [AUTH] Authentication failed."
    )
    assert of(SPRAYING, guesses()) == of(AFTER, guesses()) == []


def test_mistyped_password_is_no_guessing(of: Any) -> None:
    mistyped = [*guesses(3), login(OUTSIDE, 9, accepted=True)]

    assert of(GUESSING, mistyped) == of(AFTER, mistyped) == []


def test_few_guesses_and_the_login_after_them_are_possible(of: Any) -> None:
    forgotten = [*guesses(7), login(OUTSIDE, 9, accepted=True)]

    (guessing,) = of(GUESSING, forgotten)
    (after,) = of(AFTER, forgotten)

    assert (guessing["severity"], guessing["confidence"]) == ("medium", "possible")
    assert (after["severity"], after["confidence"]) == ("high", "possible")
    assert of(GUESSING, guesses(5)) == []


def test_stranger_who_guesses_at_an_office_is_found() -> None:
    (finding,) = named(findings_of(analysis_of("office")), GUESSING)

    assert finding["client_ip"] == "203.0.113.66"


def test_device_with_an_old_password_is_no_guesser(of: Any) -> None:
    # three attempts at once, every two minutes or so; at last the user sees to it
    device = [
        login(OUTSIDE, 120 * burst + 4 * (burst % 3) + 0.5 * number)
        for burst in range(20)
        for number in range(3)
    ]
    mended = login(OUTSIDE, 120 * 20, accepted=True)

    assert of(GUESSING, device, [mended]) == of(AFTER, device, [mended]) == []


def test_client_that_tries_several_accounts_by_a_timer_is_no_device(of: Any) -> None:
    def by_timer(accounts: int) -> list[PacketScript]:
        return [
            login(OUTSIDE, 60 * number + account, f"user{account}@example.com")
            for number in range(10)
            for account in range(accounts)
        ]

    (finding,) = of(GUESSING, by_timer(4))

    assert finding["session_count"] == 40
    assert of(GUESSING, by_timer(2)) == []


def test_guesser_beside_a_device_is_found(of: Any) -> None:
    device = [login(OUTSIDE, 60 * number) for number in range(30)]

    (finding,) = of(GUESSING, device, guesses(seconds=905))

    assert 12 <= finding["session_count"] < 15


def test_slow_guesses_without_a_timer_are_guessing(of: Any) -> None:
    waits = [11, 50, 23, 90, 15, 70, 31, 12, 64, 40, 19, 80]
    slow = [login(OUTSIDE, sum(waits[:number])) for number in range(len(waits))]

    assert of(GUESSING, slow)


def test_refusals_that_tell_nothing_of_the_password_do_not_count(of: Any) -> None:
    down = [
        login(OUTSIDE, number / 3, reply="-ERR [SYS/TEMP] try later")
        for number in range(40)
    ]

    assert of(GUESSING, down) == []


def test_source_that_tries_many_accounts_is_spraying(of: Any) -> None:
    (finding,) = of(SPRAYING, spray())

    assert (finding["client_ip"], finding["session_count"]) == (OUTSIDE, 12)
    assert of(GUESSING, spray()) == []


def test_nat_full_of_users_is_silent(of: Any) -> None:
    # some mistype their password once, one has a device with an old one
    users = [f"user{number}@example.com" for number in range(30)]
    good = [
        login(OUTSIDE, 5 * n + 2, user, accepted=True) for n, user in enumerate(users)
    ]
    mistyped = [login(OUTSIDE, 5 * n, user) for n, user in enumerate(users[:14])]
    device = [login(OUTSIDE, 30 * number, "old@example.com") for number in range(20)]

    assert of(SPRAYING, good, mistyped, device) == []
    assert of(GUESSING, good, mistyped, device) == []
    assert of(AFTER, good, mistyped, device) == []


def test_one_account_of_his_own_does_not_hide_a_sprayer(of: Any) -> None:
    own = [login(OUTSIDE, 7 * n, "own@example.com", accepted=True) for n in range(40)]

    assert of(SPRAYING, spray(), own)


def test_login_after_guessing_is_critical(of: Any) -> None:
    (finding,) = of(AFTER, guesses(), [login(OUTSIDE, 30, accepted=True)])

    assert (finding["severity"], finding["confidence"]) == ("critical", "likely")
    assert (finding["client_ip"], finding["account"]) == (OUTSIDE, "ann@example.com")
    assert finding["evidence"][0]["seen"].endswith("+OK Logged in.")


def test_account_that_is_got_into_at_once_while_spraying_is_possible(of: Any) -> None:
    hit = login(OUTSIDE, 333, "weak@example.com", accepted=True)

    (finding,) = of(AFTER, spray(20), [hit])

    assert (finding["account"], finding["confidence"]) == (
        "weak@example.com",
        "possible",
    )


def test_user_who_logs_in_from_elsewhere_is_no_guesser(of: Any) -> None:
    user = [login(ELSEWHERE, 2.2 + 10 * n, accepted=True) for n in range(3)]

    assert of(AFTER, guesses(30), user) == []


def test_who_knew_the_password_before_did_not_guess_it(of: Any) -> None:
    before = login(OUTSIDE, 0, accepted=True)
    after = login(OUTSIDE, 60, accepted=True)

    assert of(AFTER, [before], guesses(seconds=20), [after]) == []


def test_login_long_after_guessing_is_not_said_to_follow(of: Any) -> None:
    assert of(AFTER, guesses(), [login(OUTSIDE, 9000, accepted=True)]) == []


def test_crowd_of_guessers_hides_none(of: Any) -> None:
    crowd = [
        each
        for number in range(25)
        for each in guesses(10, f"198.51.100.{number}", 3 * number)
    ]

    clients = {each["client_ip"] for each in of(GUESSING, crowd, guesses())}

    assert OUTSIDE in clients
    assert len(clients) == 26


def test_thresholds_of_a_rule_that_is_not_asked_hold_for_others(of: Any) -> None:
    guessed = [*spray(5), login(OUTSIDE, 100, "weak", accepted=True)]
    rules = {SPRAYING: RuleSettings(enabled=False, thresholds={"accounts": 5})}

    assert of(AFTER, guessed) == []
    assert of(AFTER, guessed, settings=Settings(rules=rules))


def test_guesser_who_changes_his_address_is_one_source(of: Any) -> None:
    server = "2001:db8:25::25"

    def tries(network: str) -> list[PacketScript]:
        return [
            login(f"{network}{number:x}", 0.35 * number, server_ip=server)
            for number in range(1, 13)
        ]

    (finding,) = of(GUESSING, tries("2001:db8:9:9::"))

    assert finding["client_ip"] == "2001:db8:9:9::/64"
    assert (finding["session_count"], finding["confidence"]) == (12, "likely")
    (got_in,) = of(
        AFTER,
        tries("2001:db8:9:9::"),
        [login("2001:db8:9:9::ff", 9, accepted=True, server_ip=server)],
    )
    assert (got_in["client_ip"], got_in["severity"]) == ("2001:db8:9:9::ff", "critical")


def test_neighbours_in_other_networks_are_different_sources(of: Any) -> None:
    tries = [
        login(f"2001:db8:9:{number:x}::1", 0.35 * number, server_ip="2001:db8:25::25")
        for number in range(1, 13)
    ]

    assert of(GUESSING, tries) == []
