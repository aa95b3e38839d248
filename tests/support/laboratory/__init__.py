"""Real mail traffic, made on this machine for the tests.

Servers and clients of Debian run in Linux network namespaces; what they say to
each other is captured on the server's side. `python -m tests.support.laboratory` makes
all captures anew, or those of the scenarios that are named. It needs root, and
the packages below; the tests only need the files that it wrote.

A scenario's capture comes with facts (`.json`), which the clients and servers
told and no analyser had a part in, and with the TLS secrets (`.keys`) where the
client gave them.
"""

from __future__ import annotations

# the Debian package of every command that the lab runs
PACKAGES = {
    "curl": "curl",
    "dovecot": "dovecot-imapd dovecot-pop3d",
    "/usr/lib/dovecot/lmtp": "dovecot-lmtpd",
    "dumpcap": "wireshark-common",
    "ethtool": "ethtool",
    "fetchmail": "fetchmail",
    "gnutls-cli": "gnutls-bin",
    "ip": "iproute2",
    "java": "default-jdk-headless",
    "mbsync": "isync",
    "nats-server": "nats-server",
    "openssl": "openssl",
    "postfix": "postfix",
    "redis-server": "redis-server",
    "swaks": "swaks libauthen-sasl-perl libio-socket-ssl-perl",
    "tcpdump": "tcpdump",
    "tstclnt": "libnss3-tools",
    "vsftpd": "vsftpd",
}
