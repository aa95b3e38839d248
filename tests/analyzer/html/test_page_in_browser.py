"""The page in a real browser that has no network."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from analyzer.html import write_page
from analyzer.html.charts import CHARTS
from analyzer.html.charts.wording import CHANNEL_NAMES
from analyzer.html.session_table import session_table
from tests.support.analyses import analysis_of
from tests.support.browser import CHROMIUM, Browser
from tests.support.hostile import ATTACKS, with_attacks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# `make test` installs it where it is a package of the system
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")

DESKTOP, PHONE = (1280, 900), (390, 844)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "office.html"
    write_page(analysis_of("office"), path)
    return path


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "hostile.html"
    write_page(with_attacks(analysis_of("office")), path)
    return path


def column(browser: Browser, number: int) -> list[str]:
    """The texts of a column of the session table, as shown."""
    cells: list[str] = browser.run(
        "[...document.querySelectorAll('#session-table tbody tr')]"
        f".map(row => row.cells[{number}].textContent)"
    )
    return cells


def click(browser: Browser, heading: str) -> str:
    """Click on a heading of the session table; return its `aria-sort`."""
    order: str = browser.run(
        "(() => { const button = [...document.querySelectorAll('#session-table th"
        f" button')].find(each => each.textContent === '{heading}'); button.click();"
        " return button.parentElement.getAttribute('aria-sort'); })()"
    )
    return order


def search(browser: Browser, words: str) -> str:
    """Type words into the field for them; return the number that were found."""
    count: str = browser.run(
        "(() => { const field = document.getElementById('search');"
        f" field.value = '{words}'; field.dispatchEvent(new Event('input'));"
        " return document.getElementById('count').textContent; })()"
    )
    return count


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_chart_is_drawn_and_nothing_is_complained_about(
    browser: Browser, office: Path, size: tuple[int, int], scheme: str
) -> None:
    browser.show(*size, scheme=scheme)
    browser.open(office)

    drawn = browser.run(
        "[...document.querySelectorAll('[data-chart]')].map(chart => ({"
        " name: chart.dataset.chart,"
        " marks: chart.querySelectorAll('.point, .scatterlayer .points path').length,"
        " fits: chart.querySelector('svg').clientWidth <= chart.clientWidth"
        "   && chart.querySelector('svg').clientHeight <= chart.clientHeight }))"
    )
    assert len(drawn) == len(CHARTS)
    assert all(chart["marks"] > 0 and chart["fits"] for chart in drawn), drawn
    assert browser.complaints == []
    assert browser.requests == [office.as_uri()]


def test_sessions_say_their_channel_in_words(browser: Browser, office: Path) -> None:
    browser.open(office)
    headings = browser.run(
        "[...document.querySelectorAll('#session-table th')].map(th => th.textContent)"
    )
    words = column(browser, headings.index("Channel"))
    assert "in plaintext" in words
    assert set(words) <= set(CHANNEL_NAMES.values())


def test_page_on_a_phone_is_as_wide_as_the_phone(
    browser: Browser, office: Path, hostile: Path
) -> None:
    browser.show(*PHONE)
    for page in (office, hostile):
        browser.open(page)
        assert browser.run("document.documentElement.scrollWidth") == PHONE[0]


def test_charts_follow_a_window_that_becomes_narrow(
    browser: Browser, office: Path
) -> None:
    browser.show(*DESKTOP)
    browser.open(office)
    charts = "[...document.querySelectorAll('[data-chart]')]"
    height = f"{charts}.map(chart => chart.clientHeight)"
    before = browser.run(height)

    browser.show(*PHONE)

    assert browser.run(height) == before
    widths = browser.run(
        f"{charts}.map(chart => chart.querySelector('svg').clientWidth)"
    )
    assert max(widths) < PHONE[0]


def test_click_on_a_finding_shows_its_remedy_and_evidence(
    browser: Browser, office: Path
) -> None:
    browser.show(*DESKTOP)
    browser.open(office)
    first = "document.querySelector('#findings details')"
    shown = f"{first}.querySelector('.inside').checkVisibility()"

    assert browser.run(shown) is False
    browser.run(f"{first}.querySelector('summary').click()")

    assert browser.run(shown) is True
    text = browser.run(f"{first}.innerText")
    assert "Have the client use TLS" in text
    assert re.search(r"packet \d+, from the client", text)
    assert browser.complaints == []


def test_findings_need_no_script(
    browser: Browser, office: Path, tmp_path: Path
) -> None:
    page = re.sub(r"(?s)<script.*?</script>", "", office.read_text("utf-8"))
    (tmp_path / "page.html").write_text(page, "utf-8")
    browser.show(*DESKTOP)
    browser.open(tmp_path / "page.html")

    browser.run("document.querySelector('#findings summary').click()")

    shown = browser.run("document.querySelector('#findings').innerText")
    assert "Have the client use TLS" in shown
    assert browser.run("document.scripts.length") == 0


def test_colours_follow_the_time_of_day(browser: Browser, office: Path) -> None:
    look = (
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle("
        "document.querySelector('[data-chart=ports] .annotation-text')).fill]"
    )
    browser.show(*DESKTOP, scheme="light")
    browser.open(office)
    day = browser.run(look)

    browser.show(*DESKTOP, scheme="dark")

    night = browser.run(look)
    assert [_lightness(colour) > 128 for colour in day] == [True, False]
    assert [_lightness(colour) > 128 for colour in night] == [False, True]


def _lightness(colour: str) -> float:
    parts = [int(part) for part in colour.strip("rgb()").split(",")]
    return sum(parts) / len(parts)


def test_words_that_are_typed_filter_the_sessions(
    browser: Browser, office: Path
) -> None:
    browser.show(*DESKTOP)
    browser.open(office)
    sessions = analysis_of("office").sessions

    assert search(browser, "") == "29 sessions"
    assert search(browser, "Scanner SUBMISSION") == "4 of 29 sessions"
    assert set(column(browser, 1)) == {"submission"}
    expected = (sessions["auth_user"] == "scanner@example.com").fillna(value=False)
    expected &= sessions["service"] == "submission"
    assert expected.sum() == 4
    assert search(browser, "<nobody>") == "0 of 29 sessions"
    assert column(browser, 0) == []


def test_heading_sorts_numbers_as_numbers_in_both_directions(
    browser: Browser, office: Path
) -> None:
    browser.show(*DESKTOP)
    browser.open(office)
    sessions = analysis_of("office").sessions
    sizes = (sessions["client_bytes"] + sessions["server_bytes"]).to_list()
    units = {"B": 1, "kB": 1000}

    def shown() -> list[float]:
        texts = [text.split() for text in column(browser, 12)]
        return [float(number) * units[unit] for number, unit in texts]

    assert click(browser, "Bytes") == "ascending"
    assert shown() == pytest.approx(sorted(sizes), rel=0.06)
    assert click(browser, "Bytes") == "descending"
    assert shown() == pytest.approx(sorted(sizes, reverse=True), rel=0.06)


def test_unknown_values_come_last_in_both_directions(
    browser: Browser, office: Path
) -> None:
    browser.show(*DESKTOP)
    browser.open(office)

    for order in ("ascending", "descending"):
        assert click(browser, "User") == order
        users = column(browser, 8)
        known = [user for user in users if user]
        assert known == sorted(known, reverse=order == "descending")
        assert users == known + [""] * (len(users) - len(known))
        assert 0 < len(known) < len(users)


def test_many_sessions_come_in_pages(browser: Browser, tmp_path: Path) -> None:
    analysis = analysis_of("office")
    sessions = pa.concat_tables([analysis.tables["sessions"]] * 1000)
    many = type(analysis)(
        tables={**analysis.tables, "sessions": sessions}, captures=["many.pcap"]
    )
    write_page(many, tmp_path / "many.html")
    browser.show(*DESKTOP)
    browser.open(tmp_path / "many.html")
    place = "document.getElementById('place').textContent"

    assert len(column(browser, 0)) == 100
    assert browser.run(place) == "1\N{EN DASH}100 of 20,000"
    assert browser.run(f"document.getElementById('next').click(), {place}") == (
        "101\N{EN DASH}200 of 20,000"
    )
    assert click(browser, "Service") == "ascending"
    assert set(column(browser, 1)) == {"imap"}
    assert browser.run(place) == "1\N{EN DASH}100 of 20,000"


def test_attacks_do_nothing_but_stand_there(browser: Browser, hostile: Path) -> None:
    browser.show(*DESKTOP)
    browser.open(hostile)
    rows = session_table(with_attacks(analysis_of("office")).sessions)["rows"]
    attacked = [row for row in rows if ATTACKS[1] in row]

    assert search(browser, "<img onerror=alert(2)>").endswith("29 sessions")
    assert len(column(browser, 0)) == len(attacked) > 0
    click(browser, "User")
    assert browser.complaints == []
    assert browser.requests == [hostile.as_uri()]
    strange = "img, iframe, object, main a, main style, main script, b:not(.key b)"
    assert browser.run(f"document.querySelectorAll('{strange}').length") == 0
    shown = browser.run("document.body.innerText")
    assert "{{ 7 * 7 }}{% raw %}" in shown
    labels = browser.run(
        "[...document.querySelectorAll('.annotation-text')].map(e => e.textContent)"
    )
    assert {ATTACKS[1], ATTACKS[5]} & set(labels)
