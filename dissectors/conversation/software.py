"""Mail server software that names itself in its greeting."""

from __future__ import annotations

import re
from functools import lru_cache

# product words of greetings, and the version that may follow; not in host names
_PRODUCT = re.compile(
    r"""(?<![\w.-])
    ( Postfix | Exim | Sendmail | OpenSMTPD | qmail | Haraka | gsmtp | Gpop | Gimap
    | Microsoft\ ESMTP\ MAIL\ Service | Microsoft\ Exchange(?:\ Server(?:\ \d{4})?)?
    | Lotus\ Domino | IBM\ Domino | Dovecot | Cyrus | Courier(?:-IMAP)? | Qpopper
    | Zimbra | Coremail | MDaemon | MailEnable | hMailServer | Kerio\ Connect
    | CommuniGate\ Pro | IceWarp | SmarterMail | CMailServer | Apache\ James
    | Stalwart | ArGoSoft | IMail | Mercury/32 | PowerMTA
    )
    (?![\w-]|\.\w)
    (?:,?[ ](?:[A-Z]{3,5}\d?[ ])?\(?(?:version[ :]\ ?|v)?(\d[\w.+~-]*))?
    """,
    re.VERBOSE | re.IGNORECASE,
)


# servers repeat their banners; a dissector keeps no more than 1 KiB of one
@lru_cache(maxsize=256)
def find_software(banner: str) -> str | None:
    """Find the product that a banner names, with its version if it has one."""
    match = _PRODUCT.search(banner)
    if match is None:
        return None
    name, version = match.groups()
    return f"{name} {version.rstrip('.')}" if version else name
