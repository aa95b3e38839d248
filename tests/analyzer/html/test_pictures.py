from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest

from analyzer.errors import ExportError
from analyzer.html import pictures
from analyzer.html.charts import CHARTS
from analyzer.html.pictures import check_pictures, write_pictures
from tests.support.analyses import analysis_of
from tests.support.browser import CHROMIUM
from tests.support.hostile import with_attacks

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")
def test_charts_are_drawn_and_hostile_text_in_them_is_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = [chart for chart in CHARTS if chart.name in ("ports", "clients")]
    monkeypatch.setattr(pictures, "CHARTS", some)
    folders = {"png": tmp_path / "a" / "png", "svg": tmp_path / "svg"}

    write_pictures(with_attacks(analysis_of("office")), folders)

    files = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.*"))
    assert files == [
        *("a/png/clients.png", "a/png/ports.png", "svg/clients.svg", "svg/ports.svg")
    ]
    for name in ("clients", "ports"):
        image = (folders["png"] / f"{name}.png").read_bytes()
        assert image.startswith(b"\x89PNG\r\n\x1a\n")
        assert int.from_bytes(image[16:20], "big") == 1600
    elements = [*ET.fromstring((folders["svg"] / "clients.svg").read_text()).iter()]
    assert not any(each.tag.endswith(("}script", "}a", "}image")) for each in elements)
    text = " ".join(each.text or "" for each in elements)
    assert "<script>alert(1)</script>" in text
    legend = (folders["svg"] / "ports.svg").read_text()
    assert "in plaintext" in legend
    assert "implicit TLS" in legend


def test_nothing_is_drawn_of_nothing(tmp_path: Path) -> None:
    write_pictures(analysis_of("negative-http"), {"svg": tmp_path / "svg"})

    assert list((tmp_path / "svg").iterdir()) == []


def test_browser_that_fails_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BROWSER_PATH", str(tmp_path / "no-browser"))

    with pytest.raises(ExportError, match=r"pictures can't be drawn \("):
        write_pictures(analysis_of("office"), {"svg": tmp_path / "svg"})

    assert list((tmp_path / "svg").iterdir()) == []


def test_folder_that_can_not_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")

    with pytest.raises(ExportError, match="can't be made"):
        write_pictures(analysis_of("office"), {"svg": tmp_path / "file" / "svg"})


def test_what_pictures_take_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    check_pictures()
    monkeypatch.setattr(pictures, "find_spec", lambda _: None)

    with pytest.raises(ExportError, match=r"pip install 'mailtap\[pictures\]'"):
        check_pictures()
