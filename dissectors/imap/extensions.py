"""Which extensions commands and responses prove, by the names of RFC 9051 §6 and IANA.

A command counts once the server has answered it with OK.
"""

from __future__ import annotations

import re

_BY_VERB = {
    "AUTHENTICATE": "AUTH",
    "CANCELUPDATE": "CONTEXT=SEARCH",
    "COMPRESS": "COMPRESS=DEFLATE",
    "DELETEACL": "ACL",
    "ENABLE": "ENABLE",
    "ESEARCH": "MULTISEARCH",
    "GENURLAUTH": "URLAUTH",
    "GETACL": "ACL",
    "GETANNOTATION": "ANNOTATEMORE",
    "GETMETADATA": "METADATA",
    "GETQUOTA": "QUOTA",
    "GETQUOTAROOT": "QUOTA",
    "ID": "ID",
    "IDLE": "IDLE",
    "LISTRIGHTS": "ACL",
    "MOVE": "MOVE",
    "MYRIGHTS": "ACL",
    "NAMESPACE": "NAMESPACE",
    "NOTIFY": "NOTIFY",
    "REPLACE": "REPLACE",
    "RLIST": "MAILBOX-REFERRALS",
    "RLSUB": "MAILBOX-REFERRALS",
    "SETACL": "ACL",
    "SETANNOTATION": "ANNOTATEMORE",
    "SETMETADATA": "METADATA",
    "SETQUOTA": "QUOTA",
    "SORT": "SORT",
    "STARTTLS": "STARTTLS",
    "THREAD": "THREAD",
    "UID EXPUNGE": "UIDPLUS",
    "UID MOVE": "MOVE",
    "UID REPLACE": "REPLACE",
    "UID SORT": "SORT",
    "UID THREAD": "THREAD",
    "UNAUTHENTICATE": "UNAUTHENTICATE",
    "UNSELECT": "UNSELECT",
    "URLFETCH": "URLAUTH",
    "XLIST": "XLIST",
}

# words in an argument, and what they belong to
_BY_WORD = {
    b"ANNOTATION": "ANNOTATE-EXPERIMENT-1",
    b"BINARY": "BINARY",
    b"CATENATE": "CATENATE",
    b"CHANGEDSINCE": "CONDSTORE",
    b"CONDSTORE": "CONDSTORE",
    b"EMAILID": "OBJECTID",
    b"FUZZY": "SEARCH=FUZZY",
    b"MAILBOXID": "OBJECTID",
    b"MODSEQ": "CONDSTORE",
    b"PREVIEW": "PREVIEW",
    b"QRESYNC": "QRESYNC",
    b"SAVEDATE": "SAVEDATE",
    b"SPECIAL-USE": "SPECIAL-USE",
    b"THREADID": "OBJECTID",
    b"UNCHANGEDSINCE": "CONDSTORE",
    b"VANISHED": "QRESYNC",
    b"WITHIN": "WITHIN",
    b"X-GM-LABELS": "X-GM-EXT-1",
    b"X-GM-MSGID": "X-GM-EXT-1",
    b"X-GM-RAW": "X-GM-EXT-1",
    b"X-GM-THRID": "X-GM-EXT-1",
}
# verbs in whose arguments these words are words, and no names or texts of users
_VERBS_WITH_WORDS = frozenset(
    {
        "APPEND",
        "EXAMINE",
        "FETCH",
        "LIST",
        "SEARCH",
        "SELECT",
        "SORT",
        "STATUS",
        "STORE",
        "THREAD",
    }
)
_WORD = re.compile(rb'"(?:[^"\\]|\\.?)*+"?|[A-Z0-9-]+', re.IGNORECASE | re.DOTALL)
# what is in few arguments; a search for it is quick
_ANY_WORD = re.compile(rb"%b|RETURN|^\(" % b"|".join(_BY_WORD), re.IGNORECASE)
_SEARCHES = frozenset({"SEARCH", "SORT", "THREAD"})


def used_by(verb: str, argument: bytes) -> set[str]:
    """Return the extensions that a command proves; `verb` is in upper case."""
    used = set()
    by_verb = _BY_VERB.get(verb)
    if by_verb is not None:
        used.add(by_verb)
    base = verb.removeprefix("UID ")
    if base not in _VERBS_WITH_WORDS or not _ANY_WORD.search(argument):
        return used
    words = {word.upper() for word in _WORD.findall(argument)}
    used |= {_BY_WORD[word] for word in words & _BY_WORD.keys()}
    if b"RETURN" in words and base in _SEARCHES:
        used.add("ESEARCH" if base == "SEARCH" else "ESORT")
    elif b"RETURN" in words and b"STATUS" in words and base == "LIST":
        used.add("LIST-STATUS")
    elif base == "LIST" and (b"RETURN" in words or argument.startswith(b"(")):
        used.add("LIST-EXTENDED")
    return used
