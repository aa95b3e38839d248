"""The link types of captures that mailtap reads by itself.

See tcpdump.org/linktypes.html.
"""

from __future__ import annotations

from enum import IntEnum

# of packets in which tshark found neither Ethernet nor IP; no LINKTYPE_ value
UNKNOWN_LINK_TYPE = 0xFFFF


class LinkType(IntEnum):
    """LINKTYPE_ values, and two DLT_ values that older files have instead."""

    NULL = 0
    ETHERNET = 1
    PPP = 9
    DLT_RAW_BSD = 12
    DLT_RAW_OPENBSD = 14
    PPP_HDLC = 50
    PPP_ETHER = 51
    ATM_RFC1483 = 100
    RAW = 101
    C_HDLC = 104
    IEEE802_11 = 105
    FRELAY = 107
    LOOP = 108
    ENC = 109
    LINUX_SLL = 113
    PFLOG = 117
    IEEE802_11_PRISM = 119
    IEEE802_11_RADIOTAP = 127
    IEEE802_11_AVS = 163
    PPI = 192
    MPLS = 219
    IPV4 = 228
    IPV6 = 229
    NFLOG = 239
    NETANALYZER = 240
    NETANALYZER_TRANSPARENT = 241
    LINUX_SLL2 = 276
