from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import TYPE_CHECKING

import pytest

import analyzer
from analyzer import reports
from analyzer.errors import ExportError
from analyzer.findings.attacks import attacks
from analyzer.findings.judgement import Judgement, judge
from analyzer.html import write_page
from analyzer.html.charts import CHARTS
from analyzer.html.page import PLOTLY
from analyzer.html.sentences import Sentence, Tone, verdict
from captures import CaptureError
from tests.support.analyses import DATA, analysis_of, analysis_of_all
from tests.support.hostile import ATTACKS
from tests.support.pages import MADE, PLOTLY_SCRIPT, Page, hostile_page, page_of, render
from tests.support.tables import sessions_of, with_sessions
from tests.support.traffic import PacketScript, write_pcap

if TYPE_CHECKING:
    from pathlib import Path

    from analyzer import Analysis


def sentences_on(analysis: Analysis) -> list[Sentence]:
    return verdict(analysis, attacks(analysis.tables))


def elements(page: Page) -> list[str]:
    return [tag for tag, _ in page.tags]


def test_page_says_the_verdict_in_words() -> None:
    office = page_of("office")

    assert "29 mail sessions" in office.inside("h1")
    assert "48% encrypted: 14 of 29 mail sessions used TLS." in office.words
    assert (
        "11 sessions showed a password or a token in plaintext: 3 accounts exposed, "
        "1 account refused."
    ) in office.words
    assert "1 client would be cut off if plaintext were disabled." in office.words
    assert "TLSv1.2 is the oldest TLS version in use." in office.words
    assert (
        "9 sessions failed: login failed (8), all recipients refused (1)"
        in office.words
    )


def test_sentences_agree_with_the_plaintext_report() -> None:
    sessions = analysis_of("office").sessions

    totals = reports.plaintext_totals(sessions)
    texts = [" ".join(sentence[1:]) for sentence in sentences_on(analysis_of("office"))]

    assert any(f"{totals.exposed_accounts} accounts" in text for text in texts)
    assert any(f"{totals.plaintext_logins} sessions" in text for text in texts)


def test_page_begins_with_what_is_wrong() -> None:
    office = page_of("office")

    headings = office.inside("h2")

    assert headings[:2] == ["What is wrong", "Sessions over time"]
    assert office.words.index("encrypted:") < office.words.index(
        "Password in plaintext"
    )
    assert "Have the client use TLS" in office.words
    assert "Nothing failed" not in office.words
    assert (
        "12 of 14 sessions with TLS showed no certificate (12 in TLS 1.3, which hides "
        "it): nothing is known of theirs."
    ) in office.words


def test_rule_that_failed_is_told() -> None:
    analysis = analysis_of("office")
    nothing = judge(with_sessions(sessions_of({})).tables).findings.slice(0, 0)

    page = Page(render(analysis, judgement=Judgement(nothing, ["the rule x failed"])))

    assert "No rule found anything wrong in what could be seen." in page.words
    assert "the rule x failed" in page.words


def test_good_news_are_good() -> None:
    sentences = sentences_on(analysis_of("imap-implicit-tls"))

    # a certificate that TLS 1.3 hides is neither good nor bad
    (unseen,) = [each for each in sentences if each.tone != Tone.GOOD]
    assert unseen.rest.startswith(
        "showed no certificate (1 in TLS 1.3, which hides it)"
    )
    assert sentences[0].strong == "100% encrypted:"


def test_old_tls_is_bad_news() -> None:
    sessions = analysis_of("office").sessions.assign(tls_version="TLSv1.0")
    analysis = with_sessions(sessions)

    sentence = next(
        each for each in sentences_on(analysis) if "deprecated" in each.rest
    )

    assert sentence.tone is Tone.BAD
    assert sentence.rest.endswith("version: TLSv1.0.")


@pytest.mark.parametrize(
    "name", ["imap-untrusted-certificate", "one-direction-server", "smtp-attachments"]
)
def test_small_captures_give_a_page(name: str) -> None:
    analysis = analysis_of(name)

    page = page_of(name)

    assert len(page.sessions) == len(analysis.sessions) > 0


def test_capture_without_mail_says_so() -> None:
    page = page_of("negative-http")

    assert "0 mail sessions" in page.inside("h1")
    assert "Nothing looked like SMTP, IMAP or POP3." in page.words
    assert "script" not in elements(page)


def test_session_without_tls_has_words_in_place_of_a_chart() -> None:
    page = page_of("pop3-user-pass")

    assert "No TLS was seen." in page.words
    assert "tls" not in page.figures


def test_charts_have_figures_for_day_and_night_and_a_text() -> None:
    office = page_of("office")

    figures = office.figures
    charts = [a for tag, a in office.tags if tag == "div" and "data-chart" in a]

    assert {attributes["data-chart"] for attributes in charts} == set(figures)
    assert len(figures) == len(CHARTS)
    assert all(set(themes) == {"light", "dark"} for themes in figures.values())
    assert all(attributes["role"] == "img" for attributes in charts)
    assert all(len(attributes["aria-label"] or "") > 30 for attributes in charts)


def test_no_two_elements_have_the_same_id() -> None:
    office = page_of("office")

    ids = [attributes["id"] for _, attributes in office.tags if "id" in attributes]
    assert len(set(ids)) == len(ids)


def test_ports_are_no_quantities(tmp_path: Path) -> None:
    dialogue = PacketScript(10_025).server(b"220 hi ESMTP\r\n").client(b"EHLO me\r\n")
    dialogue.server(b"250 hi\r\n").client(b"QUIT\r\n").server(b"221 bye\r\n").close()
    analysis = analyzer.analyze(write_pcap(tmp_path / "a.pcap", dialogue))

    words = Page(render(analysis)).words

    assert "10025" in words
    assert "10,025" not in words


def test_sessions_that_are_left_out_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analyzer.html.data.MAX_SESSIONS", 5)

    page = Page(render(analysis_of("office")))

    assert len(page.sessions) == 5
    assert {row["severity"] for row in page.sessions} == {"high", "medium"}
    assert "These are the most worrying sessions; mailtap's tables have 24 more" in (
        page.words
    )


def test_what_was_not_read_is_told() -> None:
    problem = CaptureError("a.pcap", "it is cut", offset=7, usable=True)
    analysis = analyzer.Analysis(
        tables=analysis_of("office").tables,
        captures=["a.pcap"],
        problems=[problem],
        dropped=1234,
    )

    words = Page(render(analysis)).words

    assert str(problem) in words
    assert "dropped before they were captured 1,234 packets" in words


def test_policy_allows_just_the_scripts_and_styles_of_the_page() -> None:
    office = page_of("office")

    policy = next(
        attributes["content"] or ""
        for tag, attributes in office.tags
        if attributes.get("http-equiv") == "Content-Security-Policy"
    )
    directives = dict(part.split(" ", 1) for part in policy.split("; "))

    kinds = [a.get("type") for tag, a in office.tags if tag == "script"]
    scripts = zip(kinds, office.inside("script"), strict=True)
    assert directives["script-src"].split() == [
        f"'sha256-{_digest(text)}'" for kind, text in scripts if kind is None
    ]
    assert f"'sha256-{_digest(*office.inside('style'))}'" in directives["style-src"]
    assert "unsafe" not in policy
    for name in ("default-src", "connect-src", "base-uri", "form-action"):
        assert directives[name] == "'none'"


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def test_page_refers_to_nothing_elsewhere() -> None:
    for page in (page_of("office"), hostile_page()):
        for _, attributes in page.tags:
            assert not {"src", "srcset", "action", "style", "onload"} & set(attributes)
            assert (attributes.get("href") or "#").startswith("#")
    own = page_of("office").text.replace(PLOTLY_SCRIPT, "")
    assert not re.search(r"https?://|\burl\(|@import|fetch\(|XMLHttp", own)


def test_script_makes_no_markup() -> None:
    """What it shows goes into text nodes and attributes, which are no HTML."""
    script = page_of("office").inside("script")[-1]

    assert "make(tag" in script
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|Function\(", script
    )


def test_plotly_is_that_of_its_publisher() -> None:
    # the minified script of version 4.1.1 in the npm package plotly.js-basic-dist-min
    published = "99784e3abfb07b142a15e521a439e6d9addceadb3f79553fd24c72774f0649ba"

    assert PLOTLY == "plotly-basic.min.js"
    assert hashlib.sha256(PLOTLY_SCRIPT.encode()).hexdigest() == published


def test_page_of_few_sessions_is_small() -> None:
    assert len(page_of("office").text.encode()) < 1_500_000


def test_attacks_add_no_element() -> None:
    hostile = hostile_page()

    assert set(elements(hostile)) <= set(elements(page_of("office")))
    tags = hostile.tags
    assert [a for tag, a in tags if any(n.startswith("on") for n in a)] == []
    assert elements(hostile).count("script") == 5
    assert elements(hostile).count("style") == 1


def test_attacks_in_a_capture_are_shown_as_text(tmp_path: Path) -> None:
    dialogue = PacketScript(110).server(b"+OK <img src=x onerror=alert(1)>\r\n")
    dialogue.client(b"USER <script>alert(2)</script>\r\n")
    dialogue.server(b"+OK\r\n").client(b"PASS hush\r\n")
    dialogue.server(
        b"-ERR </script><script>alert(3)</script>\xe2\x80\xae\x1b[2J\r\n"
    ).close()
    path = write_pcap(tmp_path / "<b onclick=alert(4)>.pcap", dialogue)

    page = Page(render(analyzer.analyze(path)))

    (row,) = page.sessions
    assert row["auth_user"] == "<script>alert(2)</script>"
    error = "-ERR </script><script>alert(3)</script>\\u202e\\x1b[2J"
    assert row["last_error"] == error
    assert set(elements(page)) <= set(elements(page_of("office")))
    assert elements(page).count("script") == 5
    assert "<b onclick" not in page.text
    assert "hush" not in page.own


def test_attacks_are_shown_as_text() -> None:
    page = hostile_page()

    footer = page.inside("li")
    assert ATTACKS[1] in footer
    assert "{{ 7 * 7 }}{% raw %}" in footer
    assert "\\x1b]0;title\\x07\\x1b[2J" in footer
    assert "\\u202egnp.exe\\u2028\\u2066" in footer


def test_no_character_of_the_page_controls_anything() -> None:
    own = hostile_page().own

    assert not re.search(
        "[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]", own
    )
    assert "\\u202egnp.exe" in json.dumps(hostile_page().sessions)


def test_page_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write_page(analysis_of("office"), path, making=MADE)

    assert path.read_text("utf-8") == page_of("office").text
    assert [each.name for each in tmp_path.iterdir()] == ["report.html"]
    with pytest.raises(ExportError, match="can't be written"):
        write_page(analysis_of("office"), tmp_path / "none" / "report.html")


def test_no_secret_is_in_the_page() -> None:
    secrets = (DATA / "secrets.txt").read_text(encoding="utf-8").splitlines()
    assert secrets

    page = Page(render(analysis_of_all()))

    assert [secret for secret in secrets if secret in page.own] == []
