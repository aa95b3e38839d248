"""What somebody can do to the findings about others who controls his own connections.

He can be found himself. He can not have others found, nor hide what they did.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

import analyzer
from analyzer.findings.engine import find
from analyzer.findings.levels import Severity
from analyzer.findings.registry import BUILTIN
from analyzer.findings.settings import Settings
from tests.bench.findings import tables
from tests.support.abuse import ELSEWHERE, Dialogue, mail
from tests.support.analyses import CAPTURES, analysis_of_all
from tests.support.captures import START_NS
from tests.support.proofs import PROOFS, Traffic
from tests.support.traffic import PacketScript, write_pcap

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pyarrow as pa

# two hosts of his: one of them has a server, which says what he likes
EVE = {4: ("203.0.113.200", "203.0.113.201"), 6: ("2001:db8:bad::1", "2001:db8:bad::2")}
LINES = (
    b"EHLO mail.example.com\r\n",
    b"AUTH PLAIN AGluZXNAZXhhbXBsZS5jb20AeA==\r\n",
    b"MAIL FROM:<ines@example.com>\r\n",
    b"RCPT TO:<victim%example.org@example.com>\r\n",
    b"DATA\r\n",
    b"From: ines@example.com\r\n\n.\r\nRCPT TO:<c@d.example>\r\n.\r\n",
    b"STARTTLS\r\nMAIL FROM:<a@b.example>\r\n",
    b"GET / HTTP/1.1\r\n\r\n",
    b"a1 LOGIN ines@example.com x\r\n",
    b"USER ines@example.com\r\n",
    b"PASS x\r\n",
    b"\x16\x03\x01\x00\x02\x01\x00",
)
HONEST = (b"500 no\r\n", b"a1 NO [AUTHENTICATIONFAILED] no\r\n", b"-ERR [AUTH] no\r\n")
LIES = (
    b"250-mail.example.com\r\n250 AUTH PLAIN\r\n",
    b"235 2.7.0 ok\r\n",
    b"250 2.1.0 ok\r\n",
    b"250 2.1.5 ok\r\n",
    b"354 go on\r\n",
    b"250 queued\r\n554 5.7.1 relay access denied\r\n",
    b"220 go\r\n250 more\r\n",
    b"450 4.7.1 too much mail\r\n",
    b"a1 OK in\r\n",
    b"+OK\r\n",
    b"+OK in\r\n",
    b"550 5.1.1 no such user\r\n",
)
GREETINGS = {110: b"+OK hi <1@a>\r\n", 143: b"* OK hi\r\n"}
KINDS = {110: 2, 143: 1}
# what only traffic made by hand shows
BY_HAND: dict[str, Traffic] = {
    "many servers": PROOFS["direct-to-mx"].found,
    "many networks": PROOFS["account-shared"].found,
    # of the domain whose users his server knows
    "mail": lambda: [mail(ELSEWHERE, "ines@example.com", server_ip="10.0.0.25")],
}


def noise(sessions: pa.Table) -> list[PacketScript]:
    """What he says to servers that others talk to, at that time, and to his own."""
    scripts: list[PacketScript] = []
    rows = sessions.select(["server_ip", "server_port", "start"]).to_pylist()
    firsts = {(row["server_ip"], row["server_port"]): row for row in reversed(rows)}
    for number, ((server_ip, port), row) in enumerate(firsts.items()):
        first, second = EVE[6 if ":" in server_ip else 4]
        seconds = (row["start"].value - START_NS) / 10**9
        for turn in (-1, 0, 1):
            for way, server in enumerate((server_ip, second)):
                dialogue = Dialogue(
                    first,
                    port,
                    seconds=max(0, seconds + turn / 3),
                    server_ip=server,
                    client_port=50_000 + number * 10 + turn * 2 + way,
                )
                scripts.append(talk(dialogue, port, is_his=server == second))
    return scripts


def talk(dialogue: Dialogue, port: int, *, is_his: bool) -> Dialogue:
    """All that he may say; only a server of his own answers as he likes."""
    dialogue.server(GREETINGS.get(port, b"220 mail.example.com ESMTP\r\n"))
    for line, lie in zip(LINES, LIES, strict=True):
        dialogue.client(line).server(lie if is_his else HONEST[KINDS.get(port, 0)])
    dialogue.close()
    return dialogue


class Found(NamedTuple):
    """All findings by ID, and by session who its client was."""

    findings: dict[str, dict[str, Any]]
    clients: dict[str, str]


def found(tables: Mapping[str, pa.Table]) -> Found:
    rows = find(tables, BUILTIN, Settings()).to_pylist()
    sessions = tables["sessions"]
    ids = (sessions[name].to_pylist() for name in ("session_id", "client_ip"))
    return Found({row["finding_id"]: row for row in rows}, dict(zip(*ids, strict=True)))


def check(captures: list[Path], tables: Mapping[str, pa.Table], folder: Path) -> None:
    """Compare what is found of others without him, and beside him."""
    alone = found(tables)
    eve = write_pcap(folder / "eve.pcap", *noise(tables["sessions"]))
    together = found(analyzer.analyze([*captures, eve], processes=1).tables)

    assert len(together.clients) > len(alone.clients)
    for finding_id, before in alone.findings.items():
        now = together.findings[finding_id]
        # nothing is hidden
        assert Severity(now["severity"]).rank >= Severity(before["severity"]).rank
        assert now["session_count"] >= before["session_count"]
        if before["client_ip"] is not None:
            assert now == before
    for finding_id in together.findings.keys() - alone.findings.keys():
        # nothing is forged
        shown = together.findings[finding_id]["session_ids"]
        assert not alone.clients.keys() & set(shown), together.findings[finding_id]


def test_attacker_changes_no_finding_about_others(tmp_path: Path) -> None:
    check(list(CAPTURES.values()), analysis_of_all().tables, tmp_path)


@pytest.mark.parametrize("name", BY_HAND)
def test_attacker_changes_nothing_that_is_made_by_hand(
    name: str, tmp_path: Path
) -> None:
    traffic = BY_HAND[name]
    assert not isinstance(traffic, str)
    capture = write_pcap(tmp_path / "others.pcap", *traffic())

    check([capture], analyzer.analyze(capture).tables, tmp_path)


def cost(sessions: int) -> float:
    """How long all rules take if each session is of other hosts; processor time."""
    asked = tables(sessions, different=True)
    begin = time.process_time()
    assert find(asked, BUILTIN, Settings()).num_rows > sessions
    return time.process_time() - begin


def test_hosts_that_are_all_different_cost_no_more_than_their_number() -> None:
    few = cost(15_000)

    # less than as many times as there are sessions: some of it is always the same
    assert cost(60_000) < 4 * few
