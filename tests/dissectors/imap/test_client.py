"""Commands with literals, and what waits for an answer."""

from __future__ import annotations

from dissectors.events import Anomaly, AuthAttempted, Exchange, Outcome
from dissectors.limits import Limits
from tests.support.imap import extensions, greeted, lines


def test_literal_without_waiting_is_an_extension() -> None:
    """RFC 7888."""
    play = greeted().client(b"a LOGIN {3+}\r\nann {2+}\r\npw\r\n")
    assert extensions(play) == {"LITERAL+"}


def test_literal_that_waits_is_none() -> None:
    play = greeted().client(b"a LOGIN {3}\r\n").server(lines(b"+ go"))
    play.client(b"ann pw\r\n").server(lines(b"a OK in"))
    assert extensions(play) == set()
    assert [each.user for each in play.events_of(AuthAttempted)] == ["ann"]


def test_literal_over_the_limit_is_skipped() -> None:
    play = greeted(limits=Limits(kept_text=3))
    play.client(b"a LOGIN {4+}\r\nanna {2+}\r\npw\r\n").server(lines(b"a OK in"))
    (attempt,) = play.events_of(AuthAttempted)
    assert (attempt.user, attempt.result) == (None, Outcome.SUCCESS)
    assert [each.code for each in play.events_of(Anomaly)] == ["line_too_long"]


def test_initial_response_is_an_extension() -> None:
    """RFC 4959."""
    play = greeted().client(lines(b"a AUTHENTICATE PLAIN AGFubgBwdw=="))
    play.server(lines(b"a OK in"))
    assert extensions(play) == {"AUTH", "SASL-IR"}
    (attempt,) = play.events_of(AuthAttempted)
    assert (attempt.user, attempt.result) == ("ann", Outcome.SUCCESS)


def test_literal_of_an_unknown_command_is_no_command() -> None:
    play = greeted().client(b"a X-VENDOR {14}\r\nb LOGIN x y\r\n\r\nc NOOP\r\n")
    play.server(lines(b"a OK ok", b"c OK ok"))
    verbs = [each.verb for each in play.events_of(Exchange)][1:]
    assert verbs == ["***", "NOOP"]


def test_commands_behind_starttls_wait_for_the_answer() -> None:
    play = greeted().client(lines(b"a STARTTLS", b"b NOOP"))
    play.server(lines(b"a NO not now", b"b OK ok"))
    statuses = [each.status for each in play.events_of(Exchange)][1:]
    assert statuses == ["NO", "OK"]
