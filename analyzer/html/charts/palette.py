"""The colours of the page and its charts, by day and by night.

Blue is encrypted and orange is not: eyes that can't tell red from green tell these
apart, and they differ in lightness too, for those that see no colours at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from analyzer.reports import Channel

if TYPE_CHECKING:
    from collections.abc import Mapping


class Swatch(NamedTuple):
    """The colour of an area, and that of text upon it."""

    fill: str
    text: str


@dataclass(frozen=True, slots=True)
class Theme:
    """One set of colours.

    Attributes:
        name: what `prefers-color-scheme` calls it.
        page: behind everything.
        surface: behind charts and tables.
        line: lines that separate.
        text: text, and what matters in charts.
        muted: what matters less.
        accent: bars that say nothing about channels.
        bad: text that is bad news.
        client: what clients say.
        picked: behind what is filtered by.
        channels: a colour for each channel.
    """

    name: str
    page: str
    surface: str
    line: str
    text: str
    muted: str
    accent: str
    bad: str
    client: str
    picked: str
    channels: Mapping[Channel, Swatch]

    def tls_colour(self, *, deprecated: bool) -> str:
        """Return the colour of a TLS version."""
        channel = Channel.PLAINTEXT if deprecated else Channel.IMPLICIT
        return self.channels[channel].fill

    @property
    def css(self) -> str:
        """The colours as custom properties."""
        colours = {
            "page": self.page,
            "surface": self.surface,
            "line": self.line,
            "text": self.text,
            "muted": self.muted,
            "accent": self.accent,
            "bad": self.bad,
            "client": self.client,
            "picked": self.picked,
        }
        for channel, swatch in self.channels.items():
            colours[channel.value] = swatch.fill
            colours[f"on-{channel.value}"] = swatch.text
        return "".join(f"--{name}:{colour};" for name, colour in colours.items())


LIGHT = Theme(
    name="light",
    page="#f5f6f8",
    surface="#ffffff",
    line="#e2e6ec",
    text="#1b2430",
    muted="#5a6675",
    accent="#64788f",
    bad="#a83c04",
    client="#1d5c9e",
    picked="#e3ecf6",
    channels={
        Channel.IMPLICIT: Swatch("#1d5c9e", "#ffffff"),
        Channel.STARTTLS: Swatch("#7db9e3", "#0e2a42"),
        Channel.MIDSTREAM: Swatch("#41707f", "#ffffff"),
        Channel.PLAINTEXT: Swatch("#c54a0a", "#ffffff"),
        Channel.FAILED: Swatch("#ecb731", "#3a2a00"),
        Channel.UNKNOWN: Swatch("#b3bac4", "#1b2430"),
    },
)

DARK = Theme(
    name="dark",
    page="#0f141b",
    surface="#171e28",
    line="#2a3442",
    text="#e4e9f0",
    muted="#99a5b5",
    accent="#8499b3",
    bad="#f0803f",
    client="#7cb4f0",
    picked="#22334a",
    channels={
        Channel.IMPLICIT: Swatch("#4a90dc", "#06121f"),
        Channel.STARTTLS: Swatch("#a8d4f4", "#0e2a42"),
        Channel.MIDSTREAM: Swatch("#7cc0c4", "#0b2426"),
        Channel.PLAINTEXT: Swatch("#f0803f", "#2b1000"),
        Channel.FAILED: Swatch("#f4cf5e", "#3a2a00"),
        Channel.UNKNOWN: Swatch("#7d899b", "#0b0f15"),
    },
)

THEMES = (LIGHT, DARK)


def palette_css() -> str:
    """Return both themes as CSS: the one that the reader prefers; light on paper."""
    return (
        f":root{{{LIGHT.css}}}\n"
        f"@media screen and (prefers-color-scheme:dark){{:root{{{DARK.css}}}}}\n"
    )
