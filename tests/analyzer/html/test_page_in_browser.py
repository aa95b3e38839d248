"""The page in a real browser that has no network."""

from __future__ import annotations

import json
import re
from importlib import resources
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from analyzer import Analysis, reports
from analyzer.findings.attacks import attacks
from analyzer.findings.judgement import Judgement
from analyzer.html.charts import CHARTS
from analyzer.html.charts.wording import CHANNEL_NAMES
from analyzer.html.tables import TABLES, fill
from analyzer.tables.collection import empty_tables
from analyzer.tables.schema import FINDINGS
from tests.support.analyses import analysis_of
from tests.support.browser import CHROMIUM, Browser
from tests.support.hostile import ATTACKS
from tests.support.pages import hostile_page, page_of, render

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# `make test` installs it where it is a package of the system
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")

WIDE, DESKTOP, PHONE = (1920, 1080), (1280, 900), (390, 844)
# A4 within the margins of a browser
PAPER = (717, 1045)


class Reader:
    """Somebody who reads a page: clicks, types, and looks at what is shown."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser

    def open(self, page: Path, fragment: str = "") -> None:
        self.browser.open(page, fragment)
        self.wait()

    def wait(self) -> None:
        """Wait until all follows the address."""
        self.browser.run(
            "new Promise(done => { const look = () => document.body.matches("
            "'.live:not(.busy)') ? done() : setTimeout(look, 10);"
            # events come first
            " setTimeout(look, 20); })"
        )

    def run(self, script: str) -> Any:
        result = self.browser.run(script)
        self.wait()
        return result

    def go(self, fragment: str) -> None:
        """Go to another fragment of the same address."""
        self.run(
            "new Promise(done => { addEventListener('popstate', () => setTimeout("
            f"done), {{once: true}}); location.hash = {json.dumps(fragment)}; }})"
        )

    def texts(self, selector: str) -> list[str]:
        found: list[str] = self.browser.run(
            f"[...document.querySelectorAll({json.dumps(selector)})]"
            ".map(each => each.textContent)"
        )
        return found

    def click(self, selector: str, text: str = "") -> None:
        """Click on the first element that is selected, and has this text."""
        self.run(
            f"[...document.querySelectorAll({json.dumps(selector)})]"
            f".find(each => each.textContent.includes({json.dumps(text)})).click()"
        )

    def press(self, key: str, selector: str = "") -> None:
        """Press a key, on an element that is focused first."""
        if selector:
            self.browser.run(f"document.querySelector({json.dumps(selector)}).focus()")
        text = {"text": "\r"} if key == "Enter" else {}
        code = {"Enter": 13, "Escape": 27, "ArrowRight": 39}[key]
        for kind in ("keyDown", "keyUp"):
            self.browser.call(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code=key,
                windowsVirtualKeyCode=code,
                **text,
            )
        self.wait()

    def drag(self, selector: str, first: float, last: float) -> None:
        """Press the mouse over an element, and let it go elsewhere over it.

        Where that is, is told in parts of the element's width; the same is a click.
        """
        x, y, width = self.browser.run(
            f"(() => {{ const element = document.querySelector({json.dumps(selector)});"
            " element.scrollIntoView({block: 'center'});"
            " const box = element.getBoundingClientRect();"
            " return [box.x, box.y + box.height / 2, box.width]; })()"
        )
        for kind, share, buttons in (
            ("mouseMoved", first, 0),
            ("mousePressed", first, 1),
            ("mouseMoved", (first + last) / 2, 1),
            ("mouseMoved", last, 1),
            ("mouseReleased", last, 0),
        ):
            self.browser.call(
                "Input.dispatchMouseEvent",
                type=kind,
                x=x + share * width,
                y=y,
                button="left" if kind != "mouseMoved" or buttons else "none",
                buttons=buttons,
                clickCount=1,
            )
            # Plotly looks at what is between only now and then
            self.browser.run("new Promise(done => setTimeout(done, 60))")
        self.wait()

    def search(self, words: str) -> None:
        self.run(
            "(() => { const field = document.getElementById('search');"
            f" field.value = {json.dumps(words)};"
            " field.dispatchEvent(new Event('input')); })()"
        )

    def column(self, title: str) -> list[str]:
        """The texts of a column of the session table, as far as they are there."""
        return self.texts(f"#sessions td[data-title='{title}']")

    @property
    def chosen(self) -> int:
        """How many sessions are chosen."""
        (text,) = self.texts("#count")
        return int(text.split()[0].replace(",", ""))

    @property
    def fragment(self) -> str:
        found: str = self.browser.run("location.hash")
        return found


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("profile")) as browser:
        browser.show(*DESKTOP)
        yield browser


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with pages."""
    folder = tmp_path_factory.mktemp("pages")
    for name, page in (("office", page_of("office")), ("hostile", hostile_page())):
        (folder / f"{name}.html").write_text(page.text, "utf-8")
    return folder


@pytest.fixture
def office(browser: Browser, pages: Path) -> Iterator[Reader]:
    """Somebody who has opened the page of the demo; nothing is complained about."""
    reader, page = Reader(browser), (pages / "office.html").as_uri()
    if browser.run("location.href").partition("#")[0] != page:
        reader.open(pages / "office.html")
    elif reader.fragment:
        # to open it anew takes half a second
        reader.go("")
    yield reader
    assert browser.complaints == []
    assert {request.partition("#")[0] for request in browser.requests} == {
        (pages / "office.html").as_uri()
    }


def test_every_chart_is_drawn_by_day_and_by_night(office: Reader) -> None:
    for scheme in ("dark", "light"):
        office.browser.show(*DESKTOP, scheme=scheme)
        drawn = office.run(
            "[...document.querySelectorAll('[data-chart]')].map(chart => ({"
            " name: chart.dataset.chart,"
            " marks: chart.querySelectorAll('.point, .points path').length,"
            " links: chart.querySelectorAll('a.pick').length,"
            " fits: chart.querySelector('svg').clientWidth <= chart.clientWidth"
            "   && chart.querySelector('svg').clientHeight <= chart.clientHeight }))"
        )
        assert len(drawn) == len(CHARTS)
        assert all(each["marks"] and each["links"] and each["fits"] for each in drawn)
        look = office.run(
            "[getComputedStyle(document.body).backgroundColor, getComputedStyle("
            "document.querySelector('[data-chart=over-time] text')).fill]"
        )
        assert [_lightness(each) > 128 for each in look] == [
            scheme == "light",
            scheme == "dark",
        ]


def _lightness(colour: str) -> float:
    parts = [int(part) for part in colour.strip("rgb()").split(",")]
    return sum(parts) / len(parts)


def test_rows_of_charts_are_those_of_the_reports(office: Reader) -> None:
    for chart in CHARTS:
        if chart.name == "over-time":
            continue
        report = chart.report(analysis_of("office")).head(10)
        rows = office.texts(f"[data-chart={chart.name}] .name")

        expected = [chart.label_row(row) for row in report.to_dict("records")]
        # those with as many sessions come in any order
        assert sorted(rows) == sorted(expected)
        if "sessions" in report:
            shown = office.texts(f"[data-chart={chart.name}] .value")
            assert shown == [f"{count:,}" for count in report["sessions"]]


def test_rows_of_tables_are_those_of_the_reports(office: Reader) -> None:
    analysis = analysis_of("office")
    attacked = attacks(analysis.tables)
    for table in TABLES:
        filled = fill(table, analysis, attacked)
        if not table.live or not filled.rows:
            continue
        table_of = f"[data-table={table.name}]"
        assert office.texts(f"{table_of} th") == filled.headings
        cells = office.texts(f"{table_of} td")
        width = len(filled.headings)
        rows = [cells[at : at + width] for at in range(0, len(cells), width)]
        assert sorted(rows) == sorted(map(_one_line, filled.rows))


def _one_line(row: list[str]) -> list[str]:
    # the page says what something is called, and the report says its code
    labels = {
        "plaintext-no-data": "plaintext, no data",
        "plaintext-mail": "mail in plaintext",
        "plaintext-login": "login in plaintext",
    }
    return [labels.get(cell, cell) for cell in row]


@pytest.mark.parametrize("chart", [chart.name for chart in CHARTS])
def test_each_chart_filters_by_click_and_by_key(office: Reader, chart: str) -> None:
    link = f"[data-chart={chart}] a.pick"

    office.press("Enter", link)

    chosen = office.chosen
    assert 0 < chosen < 29
    assert office.texts("#chosen") == [f"{chosen} of 29 sessions"]
    current = f"document.querySelector('{link}[aria-current]') === "
    # which is another element now, but still the one that keys go to
    assert office.browser.run(f"{current}document.activeElement")
    office.click(f"{link}[aria-current]")
    assert (office.chosen, office.fragment) == (29, "")
    if chart == "ports":
        office.click(link)
        assert office.chosen == chosen


def test_filter_counts_in_everything_else(office: Reader) -> None:
    sessions = analysis_of("office").sessions
    imap = sessions[sessions["protocol"] == "imap"]

    office.go("#protocol=imap")

    ports = reports.by_port(imap)["sessions"]
    assert office.texts("[data-chart=ports] .value") == [str(count) for count in ports]
    assert sum(map(int, office.texts("[data-chart=clients] .value"))) == len(imap)
    assert set(office.column("Service")) == {"imap", "imaps"}
    logins = reports.plaintext_logins(imap)
    rows = office.texts("[data-table=plaintext-logins] tbody tr")
    assert len(rows) == len(logins)


def test_arrows_go_from_one_step_of_time_to_the_next(office: Reader) -> None:
    office.press("ArrowRight", ".steps a[tabindex='0']")
    office.press("Enter")

    second = office.browser.run(
        "[...document.querySelectorAll('.steps a')].findIndex(each => each.matches("
        "'[aria-current]'))"
    )
    assert second == 1
    assert office.fragment.startswith("#start=2026-11-23T15%3A26%3A")


def test_mouse_chooses_a_time_or_several(office: Reader) -> None:
    office.drag("[data-chart=over-time] .nsewdrag", 0.02, 0.5)

    starts = analysis_of("office").sessions["start"]
    half = starts.iloc[0] + (starts.iloc[-1] - starts.iloc[0]) / 2
    assert office.chosen == (starts < half).sum()
    assert office.browser.run("document.querySelectorAll('.shapelayer path').length")
    office.click("#clear")
    office.drag("[data-chart=over-time] .point path", 0.5, 0.5)
    assert 0 < office.chosen < 10
    office.click("#clear")
    office.drag("[data-chart=tls] a.pick", 0.9, 0.9)
    assert office.chosen == (
        analysis_of("office").sessions["tls_version"].eq("TLSv1.3").sum()
    )


def test_view_can_be_sent(office: Reader, pages: Path) -> None:
    office.click("[data-chart=ports] a.pick")
    office.click("#sessions th button", "Bytes")
    office.search("scanner")
    state = office.fragment, office.column("Bytes"), office.texts("#chips button")

    office.open(pages / "office.html", office.fragment)

    assert state == (
        office.fragment,
        office.column("Bytes"),
        office.texts("#chips button"),
    )
    assert len(state[2]) == 3
    office.click("#chips button", "scanner")
    assert "words" not in office.fragment
    office.run("new Promise(done => { onpopstate = done; history.back(); })")
    assert "words=scanner" in office.fragment
    office.click("#clear")
    assert office.chosen == 29


@pytest.mark.parametrize(
    "fragment",
    [
        "#start=foo..&duration_s=abc..&sort=-&columns=,x,__proto__&alike=1",
        "#session=%ZZ&__proto__=1&constructor=2&words=%E0%A4&step=constructor",
    ],
)
def test_nonsense_in_the_address_chooses_nothing(
    office: Reader, pages: Path, fragment: str
) -> None:
    office.open(pages / "office.html", fragment)

    assert office.chosen == 0


def test_headline_numbers_filter(office: Reader) -> None:
    office.click(".sentences a", "11 sessions")
    assert office.chosen == 11

    office.click(".sentences a", "9 sessions")
    failed = analysis_of("office").sessions["failure"].notna()
    exposed = analysis_of("office").sessions["credentials_exposed"].fillna(value=False)
    assert office.chosen == (failed & exposed).sum()


def test_finding_shows_its_remedy_evidence_and_sessions(office: Reader) -> None:
    first = "document.querySelector('#findings details')"
    shown = f"{first}.querySelector('.inside').checkVisibility()"
    assert office.run(shown) is False

    office.click("#findings details summary")

    assert office.run(shown) is True
    text = office.run(f"{first}.innerText")
    assert "Have the client use TLS" in text
    assert re.search(r"packet \d+, from the client", text)
    office.click("#findings details .live-only a")
    assert office.chosen == 11
    assert set(office.column("Worst")) <= {"high", "medium"}
    office.click("#findings details .proofs a")
    assert office.browser.run("document.getElementById('drawer').open")


def test_session_opens_as_a_drawer_and_escape_closes_it(
    office: Reader, pages: Path
) -> None:
    office.click("#sessions tbody a")
    opened, fragment = office.texts("#drawer-title"), office.fragment
    assert opened == ["submission: 192.0.2.150 \N{RIGHTWARDS ARROW} 192.0.2.10:587"]
    dialogue = office.texts("#drawer .step .said")
    assert "AUTH LOGIN" in dialogue
    assert "235 2.7.0 Authentication successful" in dialogue
    (wireshark, command) = office.texts("#drawer .copyable code")
    assert wireshark.startswith(
        "ip.addr == 192.0.2.150 && ip.addr == 192.0.2.10 && tcp.port == "
    )
    assert command == f"mailtap show {fragment.split('=')[1]} office.pcap"
    assert "Password in plaintext" in " ".join(office.texts("#drawer .proofs a"))
    inside = "document.activeElement.closest('dialog') !== null"
    assert office.browser.run(inside) is True
    office.click("#drawer .next")
    assert office.fragment != fragment
    office.click("#drawer .previous")
    assert office.fragment == fragment

    office.press("Escape")

    assert office.fragment == ""
    assert office.browser.run("document.querySelector('dialog[open]')") is None
    assert office.browser.run(inside) is False
    office.open(pages / "office.html", fragment)
    assert office.texts("#drawer-title") == opened
    office.click("#drawer dd a", "submission")
    assert (office.chosen, office.fragment) == (9, "#service=submission")
    office.go("#session=nobody")
    assert "There is no session nobody" in " ".join(office.texts("#drawer p"))


def test_words_that_are_typed_filter_the_sessions(office: Reader) -> None:
    sessions = analysis_of("office").sessions

    office.search("Scanner SUBMISSION")

    assert set(office.column("Service")) == {"submission"}
    expected = (sessions["auth_user"] == "scanner@example.com").fillna(value=False)
    expected &= sessions["service"] == "submission"
    assert office.chosen == expected.sum() == 4
    office.search("<nobody>")
    assert office.chosen == 0
    assert office.column("Service") == []


def test_headings_sort_and_what_is_unknown_comes_last(office: Reader) -> None:
    sessions = analysis_of("office").sessions
    sizes = (sessions["client_bytes"] + sessions["server_bytes"]).to_list()
    units = {"B": 1, "kB": 1000}

    for is_down in (True, False):
        office.click("#sessions th button", "Bytes")
        texts = [text.split() for text in office.column("Bytes")]
        shown = [float(number) * units[unit] for number, unit in texts]
        assert shown == pytest.approx(sorted(sizes, reverse=is_down), rel=0.06)
    for is_down in (False, True):
        office.click("#sessions th button", "User")
        users = office.column("User")
        known = [user for user in users if user]
        assert known == sorted(known, reverse=is_down)
        assert users == known + [""] * (len(users) - len(known))
        assert 0 < len(known) < len(users)


def test_columns_can_be_chosen_and_filtered_by(office: Reader) -> None:
    office.go("#columns=channel,tcp_rtt_s,session_id")
    assert office.texts("#sessions th") == ["Channel", "Round trip", "Session"]
    assert set(office.column("Channel")) <= set(CHANNEL_NAMES.values())

    office.click(".menu summary", "Columns")
    box = "document.querySelector('#columns')"
    assert office.run(f"{box}.scrollWidth - {box}.clientWidth") == 0
    office.click("#columns label input[value=service]")
    assert "Service" in office.texts("#sessions th")
    office.click(".menu summary", "Filter by")
    services = reports.by_service(analysis_of("office").sessions)["sessions"]
    assert office.texts("#values .note") == [str(count) for count in services]
    office.click("#values a", "pop3")
    assert set(office.column("Service")) == {"pop3"}


def test_sessions_that_are_alike_become_one_row(office: Reader) -> None:
    before = len(office.column("Worst"))

    office.click("#alike")

    rows = office.column("Worst")
    times = [
        int(row.split("\N{MULTIPLICATION SIGN}")[1])
        for row in rows
        if "\N{MULTIPLICATION SIGN}" in row
    ]
    assert len(rows) < before
    assert sum(times) + len(rows) - len(times) == 29
    office.click("#sessions tbody a.pick")
    assert office.chosen < 29


def test_axe_finds_no_serious_fault(office: Reader) -> None:
    axe = resources.files("axe_core_python").joinpath("axe.min.js").read_text("utf-8")
    office.browser.run(f"{axe};0")
    office.click("#findings summary")
    office.click("[data-chart=ports] a.pick")

    assert _faults(office, "document") == []
    office.browser.show(*DESKTOP, scheme="dark")
    office.click("#sessions tbody a")
    assert _faults(office, "#drawer") == []
    office.press("Escape")
    assert _faults(office, "main", "color-contrast") == []
    office.browser.show(*DESKTOP)


def _faults(reader: Reader, where: str, *rules: str) -> list[Any]:
    """Return what axe-core finds to be a serious fault, or a critical one."""
    options = {"resultTypes": ["violations"], **({"runOnly": rules} if rules else {})}
    context = where if where == "document" else json.dumps(where)
    found: list[Any] = reader.run(
        f"axe.run({context}, {json.dumps(options)}).then(({{violations}}) => violations"
        ".filter(({impact}) => ['serious', 'critical'].includes(impact))"
        ".map(({id, nodes}) => [id, nodes[0].html, nodes[0].failureSummary]))"
    )
    return found


def test_nothing_is_wider_than_the_window(browser: Browser, pages: Path) -> None:
    tables = "[...document.querySelectorAll('.table .scroller')]"
    is_cut = "({scrollWidth, clientWidth}) => scrollWidth > clientWidth"
    for name in ("office", "hostile"):
        Reader(browser).open(pages / f"{name}.html")
        for size in (PHONE, DESKTOP, WIDE):
            browser.show(*size)
            assert browser.run("document.documentElement.scrollWidth") <= size[0]
            box = "document.querySelector('.sessions')"
            assert browser.run(f"{box}.scrollWidth - {box}.clientWidth") <= 0
            # what strangers wrote may be of any width
            if name == "office":
                assert browser.run(f"{tables}.filter({is_cut}).length") == 0
    browser.show(*DESKTOP)


def test_paper_has_tables_and_charts_that_fit(browser: Browser, pages: Path) -> None:
    widths = (
        "[...document.querySelectorAll('.plot:not([hidden])')].map(plot => "
        "[plot.querySelector('svg').clientWidth, plot.clientWidth])"
    )
    cell = "getComputedStyle(document.querySelector('.small td')).display"
    for name in ("office", "hostile"):
        Reader(browser).open(pages / f"{name}.html")
        browser.run("dispatchEvent(new Event('beforeprint'))")
        browser.show(*PAPER)
        browser.call("Emulation.setEmulatedMedia", media="print")

        assert browser.run("document.documentElement.scrollWidth") <= PAPER[0]
        assert all(drawn == room < PAPER[0] for drawn, room in browser.run(widths))
        assert browser.run(cell) == "table-cell"

        browser.call("Emulation.setEmulatedMedia", media="")
        browser.show(*DESKTOP)
        browser.run("dispatchEvent(new Event('afterprint'))")
        assert all(drawn == room for drawn, room in browser.run(widths))


def test_many_sessions_scroll_as_few(browser: Browser, tmp_path: Path) -> None:
    sessions = pa.concat_tables([analysis_of("office").tables["sessions"]] * 100)
    ids = pa.array(map(str, range(len(sessions))))
    sessions = sessions.set_column(0, "session_id", ids)
    # what every object of a script has is no name of a failure
    odd = pa.array(["constructor", "__proto__"] * (len(sessions) // 2))
    place = sessions.schema.get_field_index("failure")
    sessions = sessions.set_column(place, "failure", odd)
    many = Analysis({**empty_tables(), "sessions": sessions}, ["many.pcap"])
    nothing = Judgement(FINDINGS.arrow.empty_table(), [])
    (tmp_path / "many.html").write_text(render(many, judgement=nothing), "utf-8")
    reader = Reader(browser)
    reader.open(tmp_path / "many.html", "#sort=start")
    box = "document.querySelector('.sessions')"
    scroll = "new Promise(done => setTimeout(done, 100))"

    assert reader.chosen == 2900
    first = reader.column("Start (UTC)")
    assert len(first) < 100
    reader.run(f"{box}.scrollTop = 1e9, {scroll}")
    last = reader.column("Start (UTC)")
    assert len(last) < 100
    assert [first[0], last[-1]] == [
        f"{time:%Y-%m-%d %H:%M:%S}" for time in many.sessions["start"].iloc[[0, -1]]
    ]
    assert set(reader.column("Failure")) == {"constructor", "__proto__"}
    assert browser.complaints == []


def test_page_can_be_read_without_script(
    browser: Browser, pages: Path, tmp_path: Path
) -> None:
    page = re.sub(r"(?s)<script.*?</script>", "", page_of("office").text)
    (tmp_path / "page.html").write_text(page, "utf-8")
    browser.open(tmp_path / "page.html")

    browser.run("document.querySelector('#findings summary').click()")

    shown = browser.run("document.body.innerText")
    assert browser.run("document.scripts.length") == 0
    for text in ("48% encrypted", "Have the client use TLS", "scanner@example.com"):
        assert text in shown
    assert "Search" not in shown


def test_attacks_do_nothing_but_stand_there(browser: Browser, pages: Path) -> None:
    reader = Reader(browser)
    reader.open(pages / "hostile.html")
    attacked = [row for row in hostile_page().sessions if ATTACKS[1] in row.values()]

    reader.search("<img onerror=alert(2)>")
    assert reader.chosen == len(attacked) > 0
    reader.search("")
    reader.click("#sessions th button", "User")
    reader.click("[data-chart=servers] a.pick")
    reader.click("[data-table=accounts] a.pick")
    reader.click("#clear")
    reader.click("#sessions tbody a")
    reader.run("new Promise(done => setTimeout(done, 200))")
    assert len(reader.texts("#drawer .step")) > 2
    reader.press("Escape")
    assert browser.complaints == []
    assert browser.requests == [(pages / "hostile.html").as_uri()]
    strange = "img, iframe, object, main style, main script, b:not(.key b, .said b)"
    assert browser.run(f"document.querySelectorAll('{strange}').length") == 0
    assert browser.run("document.querySelectorAll('a:not([href^=\"#\"])').length") == 0
    assert "{{ 7 * 7 }}{% raw %}" in browser.run("document.body.innerText")
    assert {ATTACKS[1], ATTACKS[5]} & set(reader.texts(".rows .name"))
