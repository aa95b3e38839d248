from __future__ import annotations

import pytest

from dissectors.tls.decryption.keylog import KeyLog, Label

RANDOM = bytes(range(32))
SECRET = bytes(range(100, 148))
LINE = b"CLIENT_RANDOM %b %b" % (RANDOM.hex().encode(), SECRET.hex().encode())


def test_secrets_are_found_by_the_clients_random() -> None:
    log = KeyLog()
    log.add(b"# made by hand\n\n" + LINE + b"\r\n")
    assert log.secrets_of(RANDOM) == {Label.MASTER_SECRET: SECRET}
    assert log.secrets_of(bytes(32)) is None
    assert (len(log), log.used, log.ignored) == (1, 0, 0)


def test_connections_that_were_met_are_counted_once() -> None:
    log = KeyLog()
    log.add(LINE)
    for _ in range(2):
        log.count_use(RANDOM)
    assert log.used == 1


def test_secrets_of_one_connection_belong_together() -> None:
    log = KeyLog()
    for label in Label:
        if label is not Label.MASTER_SECRET:
            secret = bytes(32).hex().encode()
            log.add(b"%b %b %b\n" % (label.value, RANDOM.hex().encode(), secret))
    secrets = log.secrets_of(RANDOM)
    assert secrets is not None
    assert len(secrets) == 5


@pytest.mark.parametrize(
    "line",
    [
        b"nonsense",
        LINE[:-1],
        LINE[:-2],
        LINE + b" more",
        LINE.replace(b"CLIENT_RANDOM", b"SERVER_RANDOM"),
        b"CLIENT_TRAFFIC_SECRET_0 " + RANDOM.hex().encode() + b" 00",
        b"\xff\x00" * 100_000,
    ],
)
def test_what_is_no_secret_is_counted(line: bytes) -> None:
    log = KeyLog()
    log.add(line)
    assert (len(log), log.ignored) == (0, 1)


def test_secrets_of_no_use_are_passed_over() -> None:
    log = KeyLog()
    log.add(LINE.replace(b"CLIENT_RANDOM", b"EXPORTER_SECRET"))
    assert (len(log), log.ignored) == (0, 0)


def test_secrets_are_not_printed() -> None:
    log = KeyLog()
    log.add(LINE)
    assert repr(log) == "<KeyLog of 1 connections>"


OTHER_LINE = LINE.replace(b"CLIENT_RANDOM 00", b"CLIENT_RANDOM ff")


@pytest.mark.parametrize("forgets", [False, True])
def test_number_of_connections_is_limited(*, forgets: bool) -> None:
    log = KeyLog(most=1, forgets=forgets)
    log.add(LINE)
    log.add(OTHER_LINE)
    assert (len(log), log.overflows) == (1, 0 if forgets else 1)
    kept = OTHER_LINE if forgets else LINE
    assert bytes.fromhex(kept.split()[1].decode()) in log
