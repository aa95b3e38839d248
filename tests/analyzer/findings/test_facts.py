from __future__ import annotations

from analyzer.findings.facts import Facts
from analyzer.findings.settings import Own
from tests.support.analyses import analysis_of
from tests.support.tables import sessions_of, with_sessions


def facts() -> Facts:
    return Facts(analysis_of("office").tables, Own())


def test_details_know_the_place_of_their_session() -> None:
    known = facts()
    logins = known.logins.all("session_id", "user")

    assert len(logins) > 5
    assert list(known.of_session(logins, "session_id")) == list(logins["session_id"])


def test_hits_name_the_packet_of_their_row() -> None:
    known = facts()
    exchanges = known.exchanges.where(known.exchanges["kind"] == "greeting", "verb")

    hits = known.hits(exchanges)

    assert list(hits["frame"]) == list(exchanges["reply_frame"])
    sessions = known.hits(known.sessions.all())
    assert list(sessions["frame"]) == list(known.sessions["first_frame"])


def test_pairs_are_clients_at_a_port_of_a_server() -> None:
    known = facts()
    columns = [known.values(name) for name in ("client_ip", "server_ip", "server_port")]
    pairs = list(zip(*columns, strict=True))

    numbers = dict(zip(pairs, known.pairs, strict=True))

    assert [numbers[pair] for pair in pairs] == list(known.pairs)
    assert len(set(numbers.values())) == len(set(pairs))


def test_rows_of_some_sessions_are_told() -> None:
    known = facts()
    places = known.logins["session"].to_numpy()

    chosen = known.are_of(known.logins, places[:1])

    assert list(chosen) == list(places == places[0])


def test_what_rules_share_is_made_once() -> None:
    known, made = facts(), []

    def make(given: Facts) -> int:
        made.append(given)
        return len(given.sessions)

    assert known.once(make) == known.once(make) == len(known.sessions)
    assert made == [known]


def test_what_is_told_of_values_is_spread_over_sessions() -> None:
    sessions = sessions_of({"helo": "b"}, {"helo": None}, {"helo": "a"})
    known = Facts(with_sessions(sessions).tables, Own())
    _, names = known.codes("helo")

    told = known.spread("helo", names == "a", unknown=False)

    assert list(told) == [False, False, True]
