"""Commands on their way."""

from __future__ import annotations

from dissectors.credentials.withheld import Withheld
from dissectors.imap.commands import CommandsInProgress, ImapCommand


def make_command(number: int, tag: bytes = b"a", verb: str = "NOOP") -> ImapCommand:
    return ImapCommand(number, tag, verb, time_ns=0, frame=0)


def test_commands_of_one_tag_are_answered_in_order() -> None:
    in_progress = CommandsInProgress()
    first, second = make_command(1), make_command(2)
    in_progress.add(first)
    in_progress.add(second)
    assert in_progress.oldest_of_tag(b"a") is first
    in_progress.remove(first)
    assert in_progress.oldest_of_tag(b"a") is second
    in_progress.remove(second)
    assert in_progress.oldest_of_tag(b"a") is None
    assert b"a" not in in_progress


def test_commands_are_listed_in_order_of_requests() -> None:
    in_progress = CommandsInProgress()
    commands = [make_command(number, b"%d" % number) for number in range(3)]
    for command in commands:
        in_progress.add(command)
    in_progress.remove(commands[1])
    assert list(in_progress) == [commands[0], commands[2]]
    assert in_progress.oldest() is commands[0]
    assert len(in_progress) == 2


def test_command_is_found_by_verb() -> None:
    in_progress = CommandsInProgress()
    fetch = make_command(2, b"b", "UID FETCH")
    in_progress.add(make_command(1))
    in_progress.add(fetch)
    assert in_progress.first("FETCH", "UID FETCH") is fetch
    in_progress.remove(fetch)
    assert in_progress.first("FETCH", "UID FETCH") is None


def test_login_keeps_no_password_once_it_is_closed() -> None:
    command = make_command(1, verb="LOGIN")
    command.add_fragment(b"joe secret", 100)
    assert "secret" not in repr(command)
    command.close(Withheld())
    assert (command.user, command.argument) == ("joe", b"joe ***")
    assert command.has_password


def test_argument_is_kept_up_to_the_limit() -> None:
    command = make_command(1, verb="SEARCH")
    for _ in range(3):
        command.add_fragment(b"TEXT {5}", 20)
    assert command.argument == b"TEXT {5}TEXT {5}TEXT"
