"""From bytes in a named charset to text, whatever the bytes are.

A charset is looked up among the aliases that Python ships and the labels that browsers
and mail readers know beside, never through the codec registry: that would import a
module by a name from the wire and remember every name that is unknown.
"""

from __future__ import annotations

import codecs
import re
from encodings.aliases import aliases

_NOT_CHARSETS = {"mbcs", "rot_13", "tactis"}

# Mailers name a charset and send its superset, as browsers do and expect
# (encoding.spec.whatwg.org, "Names and labels").
_SUPERSETS = {
    "big5": "cp950",
    "euc_kr": "cp949",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "iso2022_jp": "iso2022_jp_ext",
    "iso8859_9": "cp1254",
    "iso8859_11": "cp874",
    "latin_1": "cp1252",
    "shift_jis": "cp932",
    "tis_620": "cp874",
}

# Names of WHATWG's and of IANA's registry that are no aliases. Visual and logical
# order (RFC 1556) are the same characters, as are the ways of writing a name apart.
_MORE_NAMES = {
    "cp737": ("cp737",),
    "cp874": ("cp874", "dos-874", "windows-874"),
    "cp932": ("windows-31j", "x-sjis"),
    "cp949": (
        *("cseuckr", "iso-ir-149", "ksc_5601", "ks_c_5601-1989", "windows-949"),
        "csksc56011987",
    ),
    "cp950": ("cn-big5", "x-x-big5"),
    "cp1254": ("iso_8859-9:1989",),
    "euc_jp": ("cseucpkdfmtjapanese", "x-euc-jp"),
    "gb18030": ("cn-gb", "csgb2312", "gb_2312", "gb_2312-80", "x-gbk"),
    "iso8859_6": ("csiso88596e", "csiso88596i", "iso-8859-6-e", "iso-8859-6-i"),
    "iso8859_7": ("sun_eu_greek",),
    "iso8859_8": (
        *("csiso88598e", "csiso88598i", "iso-8859-8-e", "iso-8859-8-i"),
        *("logical", "visual"),
    ),
    "iso8859_15": ("csisolatin9",),
    "koi8_r": ("koi", "koi8"),
    "koi8_u": ("koi8-u", "koi8-ru"),
    "mac_cyrillic": ("x-mac-cyrillic", "x-mac-ukrainian"),
    "mac_roman": ("csmacintosh", "mac", "x-mac-roman"),
    "utf_7": ("unicode-1-1-utf-7",),
    "utf_8": ("unicode-1-1-utf-8", "unicode11utf8", "unicode20utf8"),
    "utf_8_sig": ("utf_8_sig",),
    "utf_16_be": ("unicodefffe",),
    "utf_16_le": ("csunicode", "iso-10646-ucs-2", "ucs-2", "unicode", "unicodefeff"),
}

_LEADING_ZEROS = re.compile(r"(?<![0-9])0+(?=[0-9])")
_NOT_ALPHANUMERIC = re.compile(r"[^a-z0-9]+")
# RFC 1700 "ISO_8859-1:1987" and the like: the year of a standard
_YEAR = re.compile(r"(?<=\D\D8859\d)(?:19|20)\d\d$")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
# what windows-1252 adds to Latin-1 (WHATWG, index windows-1252)
_WINDOWS_1252 = {
    code: character
    for code in range(0x80, 0xA0)
    if (character := bytes((code,)).decode("cp1252", "ignore"))
}


def _key(name: str) -> str:
    """Return what names of charsets are compared by (UTS #22 §1.4)."""
    key = _NOT_ALPHANUMERIC.sub("", _LEADING_ZEROS.sub("", name.lower()))
    return _YEAR.sub("", key)


def _codec_names() -> dict[str, str]:
    known = {
        codec
        for codec in aliases.values()
        if not codec.endswith("_codec") and codec not in _NOT_CHARSETS
    }
    names = {_key(codec): codec for codec in known}
    names |= {_key(alias): codec for alias, codec in aliases.items() if codec in known}
    names = {name: _SUPERSETS.get(codec, codec) for name, codec in names.items()}
    # what is labelled as ASCII and is not is like text without a label
    names = {name: codec for name, codec in names.items() if codec != "ascii"}
    more = {_key(name): codec for codec, names in _MORE_NAMES.items() for name in names}
    return names | more


_CODECS = _codec_names()


def decode_charset(data: bytes | bytearray, charset: bytes) -> str:
    """Decode bytes; what is invalid becomes U+FFFD.

    Bytes in an unknown charset are decoded like those without a label.
    """
    key = _key(charset.decode("ascii", "replace"))
    # some put "x-" before names that were registered since
    codec = _CODECS.get(key) or _CODECS.get(key.removeprefix("x"))
    if codec is None:
        return decode_unlabelled(data)
    if codec == "cp1252":
        return _decode_windows_1252(data)
    text = data.decode(codec, _ERRORS.get(codec, "replace"))
    # Python's UTF-7 lets halves of characters through, which nobody can write
    return _SURROGATE.sub("\ufffd", text) if codec == "utf_7" else text


def decode_unlabelled(data: bytes | bytearray) -> str:
    """Decode bytes of which no charset is known: UTF-8, or else windows-1252."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return _decode_windows_1252(data)


def _decode_japanese(error: UnicodeError) -> tuple[str, int]:
    """Decode a character that JIS X 0208 lacks and cp932 has, as a codec's handler.

    Such are the circled numbers of NEC (WHATWG, index jis0208, row 13). In cp932 two
    rows of 94 share a lead byte.
    """
    assert isinstance(error, UnicodeDecodeError)
    pair = bytes([byte & 0x7F for byte in error.object[error.start : error.start + 2]])
    if len(pair) == 2 and all(0x21 <= byte <= 0x7E for byte in pair):
        row, cell = pair[0] - 0x21, pair[1] - 0x21
        lead = row // 2 + (0x81 if row < 62 else 0xC1)
        trail = cell + (0x9F if row % 2 else 0x40 if cell < 63 else 0x41)
        decoded = bytes((lead, trail)).decode("cp932", "ignore")
        if decoded:
            return decoded, error.start + 2
    return "\ufffd", error.end


codecs.register_error("mailtap.japanese", _decode_japanese)
_ERRORS = {"iso2022_jp_ext": "mailtap.japanese", "euc_jp": "mailtap.japanese"}


def _decode_windows_1252(data: bytes | bytearray) -> str:
    """Decode as browsers do: bytes that windows-1252 leaves out are controls."""
    return data.decode("latin-1").translate(_WINDOWS_1252)
