"""What of SMTP's arguments is shown: what their grammar proves to be harmless.

RFC 5321 §4.1.1 says what is behind each verb, and the extensions what is behind each
parameter. Whatever does not fit, or fits a grammar that allows any text (NOOP), may
be a secret in the wrong place and is `***`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dissectors.conversation.forwarding import show_attribute
from dissectors.credentials.names import MASK
from dissectors.smtp.grammar import parse_reply_line

if TYPE_CHECKING:
    from collections.abc import Container

_CHALLENGE = 334
# what LOGIN asks for (draft-murchison-sasl-login): user and password, in base64
_PROMPTS = (b"", b"VXNlcm5hbWU6", b"UGFzc3dvcmQ6")
# RFC 5321 §4.1.2: Domain and address-literal, in the letters of any language (RFC
# 6531) and with the underscore of host names in the field; no tag but that of IPv6
_IPV6 = r"(?i:IPv6:)?[0-9A-Fa-f.:]+(?:%[\w.-]+)?"
_DOMAIN = rf"(?:[\w.-]+|\[(?:[\w.-]+|{_IPV6})\])"
# Local-part = Dot-string / Quoted-string; a colon is no part of a Dot-string
_DOT_STRING = r'[^\s:"<>@\x00-\x1f\x7f-\x9f\xad\u200b-\u200f]'
_LOCAL = rf'(?:"(?:\\.|[^"\\\x00-\x1f\x7f])*+"|{_DOT_STRING})*+'
# A-d-l ":", the source route of RFC 821
_ROUTE = rf"(?:@{_DOMAIN}(?:,@{_DOMAIN})*+:)?"
_PATH = rf"{_ROUTE}{_LOCAL}(?:@{_DOMAIN})?"
_KEYWORD = re.compile(r"(FROM|TO) ?: ?", re.IGNORECASE)
_MAIL = re.compile(rf"(?:FROM|TO) ?: ?<{_PATH}>", re.IGNORECASE)

_ARGUMENTS = {
    verb: re.compile(form, re.IGNORECASE)
    for verb, form in (
        ("ATRN", rf"{_DOMAIN}(?:,{_DOMAIN})*"),
        ("BDAT", r"[0-9]{1,20}(?: LAST)?"),
        ("EHLO", _DOMAIN),
        ("ETRN", rf"[@#]?{_DOMAIN}"),
        ("EXPN", rf"<?{_PATH}>?"),
        ("HELO", _DOMAIN),
        ("HELP", r"EHLO|HELO|MAIL|RCPT|DATA|RSET|VRFY|EXPN|NOOP|QUIT|AUTH|STARTTLS"),
        ("LHLO", _DOMAIN),
        ("VRFY", rf"<?{_PATH}>?"),
        ("XEXCH50", r"[0-9]{1,9} [0-9]{1,9}"),
    )
}
_WITH_PATH = frozenset({"MAIL", "RCPT", "SAML", "SEND", "SOML"})
_WITH_ATTRIBUTES = frozenset({"XCLIENT", "XFORWARD"})

# RFC 3461 §4
_XTEXT = r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})+"
_PARAMETERS = {
    keyword: re.compile(form)
    for keyword, form in (
        ("ALT-ADDRESS", _XTEXT),  # RFC 6710 and others of its kind
        ("AUTH", rf"<>|(?:[!-*,-<>-~]|\+[0-9A-F]{{2}})+(?:@|\+40){_DOMAIN}"),
        ("BODY", r"(?i:7BIT|8BITMIME|BINARYMIME)"),
        ("BY", r"-?[0-9]{1,9};[NRTnrt]{1,2}"),
        ("CONPERM", r""),
        ("ENVID", _XTEXT),
        ("HOLDFOR", r"[0-9]{1,9}"),
        ("HOLDUNTIL", r"[0-9TZtz:.+-]{1,40}"),
        ("MT-PRIORITY", r"-?[0-9]"),
        ("NOTIFY", r"[A-Za-z,]{1,40}"),
        ("ORCPT", rf"[A-Za-z0-9-]{{1,20}};{_XTEXT}"),
        ("REQUIRETLS", r""),
        ("RET", r"(?i:FULL|HDRS)"),
        ("RRVS", r"[0-9TZtz:.+-]{1,40}(?:;[CRcr])?"),
        ("SIZE", r"[0-9]{1,20}"),
        ("SMTPUTF8", r""),
        ("SUBMITTER", rf"{_XTEXT}"),
    )
}
# behind these any text may stand
_UNREADABLE_PARAMETERS = frozenset({"MTRK", "SOLICIT", "TRANSID", "XOORG"})


def show_argument(verb: str, text: str, announced: Container[str]) -> str:
    """Return an argument, or what may be shown of it.

    Args:
        verb: a known verb, in upper case.
        text: what stands behind it; not empty.
        announced: the keywords that the server announced.
    """
    if verb in _WITH_PATH:
        return _show_mail(text, announced)
    if verb in _WITH_ATTRIBUTES:
        return " ".join(map(show_attribute, text.split(" ")))
    form = _ARGUMENTS.get(verb)
    return text if form is not None and form.fullmatch(text) else MASK


def hidden_words(argument: bytes, shown: str) -> tuple[bytes, frozenset[str]]:
    """Return what of an argument is not shown, and what of the same words is."""
    visible = frozenset(shown.encode("utf-8", "replace").split(b" "))
    hidden = b" ".join(word for word in argument.split(b" ") if word not in visible)
    return hidden, frozenset(_BETWEEN_PARTS.split(shown))


# `SIZE=1234`, `FROM:<address>`, `rfc822;address`
_BETWEEN_PARTS = re.compile(r"[ <>=:;@]+")


def _show_mail(text: str, announced: Container[str]) -> str:
    match = _MAIL.match(text)
    if match is None:
        keyword = _KEYWORD.match(text)
        if keyword is None:
            return MASK
        path, *parameters = text[keyword.end() :].split(" ")
        shown = keyword[0] + (show_path(path) if "<" not in path else MASK)
        if "<" in path:
            return shown
    else:
        shown = match[0]
        parameters = text[match.end() :].split(" ")
        if parameters.pop(0):
            return f"{shown}{MASK}"
    return " ".join([shown, *(_show_word(each, announced) for each in parameters)])


def _show_word(word: str, announced: Container[str]) -> str:
    return show_parameter(word, announced) if word else word


def show_path(path: str) -> str:
    """Return a path without its brackets; `***` if it is none."""
    return path if _PATH_ONLY.fullmatch(path) else MASK


_PATH_ONLY = re.compile(_PATH)


def show_parameter(parameter: str, announced: Container[str]) -> str:
    """Return a parameter of MAIL or RCPT, or its keyword if that is known."""
    keyword, equals, value = parameter.partition("=")
    name = keyword.upper()
    form = _PARAMETERS.get(name)
    if form is not None and form.fullmatch(value):
        return parameter
    if form is None and name not in _UNREADABLE_PARAMETERS and name not in announced:
        return MASK
    return f"{keyword}={MASK}" if equals else keyword


def show_reply(line: bytes) -> bytes | None:
    """Return what may be shown of a line of the server; `None` if it may be anything.

    RFC 4954 §4: behind 334 is a challenge.
    """
    parsed = parse_reply_line(line)
    if parsed is None:
        return None
    code, _, text = parsed
    is_challenge = code == _CHALLENGE and text.strip() not in _PROMPTS
    return line[:4] + MASK.encode() if is_challenge else line
