"""What is in a workbook (Office Open XML), as its XML says."""

from __future__ import annotations

import xml.etree.ElementTree as ET
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_NAMES = {"x": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}


class Sheets:
    """The sheets of a workbook."""

    def __init__(self, path: Path) -> None:
        with zipfile.ZipFile(path) as book:
            names = ET.fromstring(book.read("xl/workbook.xml"))
            self._sheets = {
                sheet.attrib["name"]: ET.fromstring(
                    book.read(f"xl/worksheets/sheet{number}.xml")
                )
                for number, sheet in enumerate(
                    names.iterfind("x:sheets/x:sheet", _NAMES), 1
                )
            }

    @property
    def names(self) -> list[str]:
        """Their names."""
        return list(self._sheets)

    @property
    def formulas(self) -> int:
        """How many cells of all are formulas."""
        return sum(
            len(sheet.findall(".//x:f", _NAMES)) for sheet in self._sheets.values()
        )

    def rows(self, name: str) -> list[list[str]]:
        """The cells of a sheet: texts in quotes, all else as it stands there."""
        return [
            [_value(cell) for cell in row.iterfind("x:c", _NAMES)]
            for row in self._sheets[name].iterfind(".//x:row", _NAMES)
        ]


def _value(cell: ET.Element) -> str:
    text = cell.find("x:is/x:t", _NAMES)
    if text is not None:
        return f"'{text.text or ''}'"
    value = cell.find("x:v", _NAMES)
    return "" if value is None else value.text or ""
