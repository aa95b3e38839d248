"""From bytes in a named charset to text, whatever the bytes are.

A charset is looked up among the aliases that Python ships, never through the codec
registry: that would import a module by a name from the wire and remember every
name that is unknown.
"""

from __future__ import annotations

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
    "latin_1": "cp1252",
    "shift_jis": "cp932",
    "tis_620": "cp874",
}

# names that are used in mail but are no aliases
_MORE_NAMES = {
    "cp737": "cp737",
    "cp874": "cp874",
    "koi8_u": "koi8_u",
    "unicode_1_1_utf_7": "utf_7",
    "utf_8_sig": "utf_8_sig",
    "windows_874": "cp874",
    "x_gbk": "gb18030",
    "x_sjis": "cp932",
}


def _codec_names() -> dict[str, str]:
    codecs = {
        codec
        for codec in aliases.values()
        if not codec.endswith("_codec") and codec not in _NOT_CHARSETS
    }
    names = {codec: codec for codec in codecs}
    names |= {alias: codec for alias, codec in aliases.items() if codec in codecs}
    names = {name: _SUPERSETS.get(codec, codec) for name, codec in names.items()}
    # what is labelled as ASCII and is not is like text without a label
    names = {name: codec for name, codec in names.items() if codec != "ascii"}
    return names | _MORE_NAMES


_CODECS = _codec_names()


def decode_charset(data: bytes | bytearray, charset: bytes) -> str:
    """Decode bytes; what is invalid becomes U+FFFD.

    Bytes in an unknown charset are decoded like those without a label.
    """
    name = charset.decode("ascii", "replace").lower().replace("-", "_")
    codec = _CODECS.get(name)
    if codec is None:
        return decode_unlabelled(data)
    return data.decode(codec, "replace")


def decode_unlabelled(data: bytes | bytearray) -> str:
    """Decode bytes of which no charset is known: UTF-8 if they are, else Latin-1."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")
