"""Fields of the form `value; name=value` (RFC 2045 §5.1, RFC 2183, RFC 2231)."""

from __future__ import annotations

import re

from dissectors.caching import cache_short
from dissectors.message.charsets import decode_charset, decode_unlabelled
from dissectors.message.comments import without_comments
from dissectors.message.words import decode_words

# RFC 2045 §5.1: parameter = attribute "=" (token / quoted-string)
# Values with blanks but without quotes, strings that are not closed, and a semicolon
# that is missing before the first parameter, are illegal but common. Nothing is tried
# twice, so the cost is linear.
_PARAMETER = re.compile(
    rb'(?:;|^[^\s;]++\s)\s*+([^\s=;"]++)\s*+=\s*+(?:"((?:[^"\\]|\\.)*+)"?|([^;]*+))',
    re.DOTALL,
)
# RFC 822 §3.1.4: blanks may stand between tokens
# RFC 2045 §5.1: type "/" subtype, which are tokens
_MEDIA_TYPE = re.compile(rb"[-!#$%&'*+.^_`{|}~0-9a-z]++/[-!#$%&'*+.^_`{|}~0-9a-z]++")
_SLASH = re.compile(rb"\s*+/\s*+")
# Only these two need the backslash; before other characters it is one itself, in
# the Windows paths that some mailers send.
_QUOTED_PAIR = re.compile(rb'\\(["\\])')
_PERCENT_ENCODED = re.compile(rb"%([0-9A-Fa-f]{2})")


class ParameterizedField:
    """A field body with parameters.

    Attributes:
        value: what stands before the parameters, in lower case.
    """

    __slots__ = ("_body", "_parameters", "value")

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._parameters: dict[bytes, bytes] | None = None
        self.value = _read_value(body.partition(b";")[0])

    @property
    def media_type(self) -> bytes | None:
        """The media type that the value begins with, if it is one."""
        match = _MEDIA_TYPE.match(self.value)
        return match[0] if match else None

    def raw(self, name: bytes) -> bytes:
        """Return a parameter that is meant for machines; empty if it is absent."""
        raw = self._read_parameters().get(name)
        if raw is None:
            return (self.text(name) or "").encode()
        # RFC 2045 §5.1: a parenthesis must be in quotes, or it begins a comment
        is_quoted = b'"' in self._body
        return raw if is_quoted else without_comments(raw).rstrip()

    def text(self, name: bytes) -> str | None:
        """Return a parameter, decoded; `None` if it is absent."""
        if name not in self._body.lower():
            return None
        parameters = self._read_parameters()
        if b"*" in self._body:
            if name + b"*" in parameters:
                return _decode_sections([(parameters[name + b"*"], True)])
            sections = _sections(parameters, name)
            if sections:
                return _decode_sections(sections)
        raw = parameters.get(name)
        # RFC 2047 §5 forbids encoded words here, and many mailers send them
        return None if raw is None else decode_words(raw)

    def _read_parameters(self) -> dict[bytes, bytes]:
        """Read raw values by attribute in lower case; the first of a name counts.

        Sections and charsets of RFC 2231 are still apart.
        """
        parameters = self._parameters
        if parameters is None:
            parameters = self._parameters = {}
            for attribute, quoted, plain in _PARAMETER.findall(self._body):
                raw = quoted or plain.strip()
                if quoted and b"\\" in quoted:
                    raw = _QUOTED_PAIR.sub(rb"\1", quoted)
                parameters.setdefault(attribute.lower(), raw)
        return parameters


@cache_short
def _read_value(body: bytes) -> bytes:
    """Read a token, or two with a slash; comments and quotes do not count."""
    value = without_comments(body).replace(b'"', b"")
    if b" /" in value or b"/ " in value:
        value = _SLASH.sub(b"/", value)
    words = value.split(None, 1)
    return words[0].lower() if words else b""


def _sections(parameters: dict[bytes, bytes], name: bytes) -> list[tuple[bytes, bool]]:
    """Collect the sections of a continued parameter (RFC 2231 §3).

    Returns:
        Each section's raw value, and whether it is percent-encoded.
    """
    sections: list[tuple[bytes, bool]] = []
    while True:
        key = b"%b*%d" % (name, len(sections))
        if key in parameters:
            sections.append((parameters[key], False))
        elif key + b"*" in parameters:
            sections.append((parameters[key + b"*"], True))
        else:
            return sections


def _decode_sections(sections: list[tuple[bytes, bool]]) -> str:
    """Join sections and decode them by the charset that the first one names."""
    charset = None
    first, is_extended = sections[0]
    # RFC 2231 §4: charset'language'percent-encoded text
    if is_extended and first.count(b"'") >= 2:
        # quotes are not for extended values, and some mailers put them there
        first = first.replace(b'"', b"")
        charset, _, first = first.split(b"'", 2)
        sections = [(first, True), *sections[1:]]
    joined = b"".join(
        [_decode_percent(raw) if encoded else raw for raw, encoded in sections]
    )
    if charset:
        return decode_charset(joined, charset)
    return decode_unlabelled(joined) if is_extended else decode_words(joined)


def _decode_percent(raw: bytes) -> bytes:
    return _PERCENT_ENCODED.sub(lambda pair: bytes((int(pair[1], 16),)), raw)


_ABSENT = ParameterizedField(b"")


def read_parameterized(
    fields: dict[bytes, list[bytes]], name: bytes
) -> ParameterizedField:
    """Return the first field of a name; it is empty if there is none."""
    bodies = fields.get(name)
    return ParameterizedField(bodies[0]) if bodies else _ABSENT
