from __future__ import annotations

from dissectors.conversation.logins import Logins
from dissectors.credentials.sasl import SaslExchange
from dissectors.credentials.withheld import Withheld
from dissectors.events import Exposure

# of the user alice
PLAIN = b"AGFsaWNlAHNlY3JldA=="


def test_login_of_another_protocol_takes_two_lines() -> None:
    logins = Logins()
    logins.read_stray(b"USER alice", Withheld())
    stray = logins.read_stray(b"PASS secret", Withheld())

    assert stray is not None
    assert (stray.user, stray.exposure) == ("alice", Exposure.PASSWORD)


def test_command_is_no_login() -> None:
    assert Logins().read_stray(b"NOOP", Withheld()) is None


def test_client_sends_the_rest_of_what_was_refused() -> None:
    logins = Logins()
    sasl = logins.unfinished = SaslExchange(b"PLAIN", Withheld(), frozenset())

    crossed = logins.receive_late_response(sasl, PLAIN)

    assert (crossed.user, crossed.exposure) == ("alice", Exposure.PASSWORD)
    assert logins.unfinished is None


def test_verb_is_shown_that_was_announced_or_is_of_another_protocol() -> None:
    logins = Logins()
    logins.announced = frozenset({"XFROB"})

    assert logins.read_foreign(b"xfrob secret") == "XFROB"
    assert logins.read_foreign(b"GET /secret HTTP/1.1") == "GET"
    assert logins.read_foreign(b"secret") is None
