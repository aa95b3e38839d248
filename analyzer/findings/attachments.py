"""Files in messages that run, or are something else than they are called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
from pyarrow import compute

from analyzer.findings.levels import Confidence, Mender, Severity
from analyzer.findings.rule import CLIENT, Rule
from analyzer.tables.columns import is_true
from dissectors.events import Delivery

if TYPE_CHECKING:
    import numpy as np

    from analyzer.findings.facts import Facts

_OFFICE = r"(?:do[ct][xm]?|xl[st][xmb]?|pp[ts][xm]?|od[tsp]|rtf)"
_PICTURE = r"(?:jpe?g|png|gif|webp|bmp|tiff?)"
_HARMLESS = rf"(?:pdf|{_OFFICE}|{_PICTURE}|txt|csv|html?|zip|rar|mp[34]|wav)"
# what a desktop runs when it is opened, by its name
_RUNS = (
    r"(?:exe|com|scr|pif|cpl|dll|msi|msp|msix|bat|cmd|ps1|psm1|vb|vbs|vbe|js|jse|ws"
    r"|wsf|wsh|wsc|sct|hta|jar|jnlp|lnk|url|chm|reg|scf|inf|msc|xll|gadget|application"
    r"|appx|apk|dmg|pkg|desktop|library-ms|settingcontent-ms)"
)
# blanks and dots behind a name are dropped where it is stored
_END = r"[\s.]*$"
_BY_NAME = rf"\.{_RUNS}{_END}"
_DOUBLE = rf"\.{_HARMLESS}[\s._]*\.{_RUNS}{_END}"
# overrides the direction, so that "fdp.exe" is shown as "exe.pdf" (Unicode UAX 9)
_TURNED = "[\u202d\u202e\u2066-\u2069]"

_PROGRAM = (
    r"^application/(?:vnd\.microsoft\.portable-executable|x-elf|x-mach-binary|java-vm"
    r"|java-archive|x-ms-shortcut|vnd\.ms-htmlhelp)$"
)
_SCRIPT = r"^text/x-script$"
_PAGE = r"^text/html$"
_ARCHIVE = (
    r"^application/(?:zip|vnd\.rar|x-7z-compressed|gzip|x-xz|zstd|x-bzip2"
    r"|vnd\.ms-cab-compressed)$"
)
_DOCUMENT = (
    r"^application/(?:pdf|rtf|x-ole-storage|onenote|vnd\.openxmlformats-.*"
    r"|vnd\.oasis\.opendocument.*)$"
)
# what is said to be a picture or a PDF, and what no such program makes of it
_PRESENTED = rf"\.(?:pdf|{_PICTURE}|mp[34]|wav){_END}"
_PLAIN = rf"\.(?:txt|csv|log){_END}"
_SHOWN = rf"\.(?:{_PICTURE}|mp[34]|wav){_END}"


def _dangerous(facts: Facts) -> pd.DataFrame:
    files = _files(facts)
    name = files["name"].fillna("").str.lower()
    content = files["detected_type"].fillna("")
    runs = _has(content, _PROGRAM)
    runs_by_name = _has(name, _BY_NAME)
    hides = runs | runs_by_name
    is_disguised = hides & (
        _has(name, _DOUBLE)
        | _has(name, _TURNED)
        | _has(name, rf"\.{_HARMLESS}{_END}") & ~runs_by_name
    )
    contradicts = _has(name, _PRESENTED) & (
        _has(content, _PAGE) | _has(content, _ARCHIVE)
    )
    contradicts |= _has(name, _SHOWN) & _has(content, _DOCUMENT)
    contradicts |= _has(name, _PLAIN) & (
        _has(content, _ARCHIVE) | _has(content, _DOCUMENT)
    )
    is_script = _has(content, _SCRIPT)
    # of several reasons the worst is told: it comes last
    reasons = (
        (is_script, Severity.LOW, Confidence.LIKELY, "script by its content"),
        (contradicts, Severity.MEDIUM, Confidence.PROVEN, "content contradicts name"),
        (runs_by_name, Severity.MEDIUM, Confidence.LIKELY, "runs by its name"),
        (runs, Severity.MEDIUM, Confidence.PROVEN, "program by its content"),
        (is_disguised, Severity.HIGH, Confidence.PROVEN, "program in disguise"),
    )
    told = pd.DataFrame(
        {"severity": None, "confidence": None, "reason": None},
        index=files.index,
        dtype="object",
    )
    for holds, severity, confidence, reason in reasons:
        told.loc[holds, :] = [severity.value, confidence.value, reason]
    is_refused = is_true(files["outcome"] == Delivery.REFUSED)
    told.loc[is_refused, "severity"] = Severity.LOW.value
    hit = told["reason"].notna()
    files, told = files[hit], told[hit]
    seen = told["reason"] + ": " + files["name"].fillna("(no name)").str.slice(0, 120)
    seen += " (" + files["detected_type"].fillna("type not known") + ")"
    return facts.hits(
        files, severity=told["severity"], confidence=told["confidence"], seen=seen
    )


def _files(facts: Facts) -> pd.DataFrame:
    """Return a row per attachment: where it can be seen, its name and types."""
    messages = facts.messages
    lists = pa.array(messages["attachments"])
    rows = compute.list_parent_indices(lists).to_numpy()
    items = lists.flatten()
    files = messages.all("outcome").take(rows).reset_index(drop=True)
    for name in ("name", "detected_type"):
        values = compute.struct_field(items, name)
        files[name] = pd.Series(values, dtype=pd.ArrowDtype(pa.string()))
    return files


def _has(texts: pd.Series[Any], pattern: str) -> np.ndarray[Any, Any]:
    return texts.str.contains(pattern, regex=True).to_numpy(dtype=bool)


RULES = (
    Rule(
        "dangerous-attachment",
        "abuse",
        "Attachment that runs, or is not what it is called",
        Severity.MEDIUM,
        Confidence.LIKELY,
        Mender.SERVER,
        "Refuse such files at the server. Ask whether the recipients opened it, and "
        "see what else its sender sent.",
        "The first bytes are a program's, or the name ends as one that a desktop runs; "
        "high if it is disguised: a program named as a document, two extensions, or "
        "characters that turn the name round. Medium, too, if a picture or a PDF is by "
        "its content a page, an archive or a document; low for scripts, and if the "
        "message was refused. Text that begins with the letters of a program is none.",
        _dangerous,
        ("MITRE ATT&CK T1566.001", "MITRE ATT&CK T1036.007"),
        CLIENT,
    ),
)
