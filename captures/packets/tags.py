"""Tags between the addresses of an Ethernet frame and its contents.

Each stands where the EtherType is, and brings another EtherType along.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from captures.packets.columns import Encapsulation, Inside, one_by_one
from captures.packets.kinds import EtherType, Other, of_ethertype, of_ethertypes

if TYPE_CHECKING:
    from captures.packets.columns import Gather, Packets, Peel

_VLAN_ID = 0x0FFF

# IEEE 802.1AE §9.5: the TAG control information
_MACSEC_VERSION = 0x80
_MACSEC_SCI = 0x20
_MACSEC_ENCRYPTED_OR_CHANGED = 0x0C
_MACSEC_SHORT_LENGTH = 0x3F
# §14.5, §14.6: of the default cipher suites
_MACSEC_ICV_BYTES = 16


def _vlan(gather: Gather, packets: Packets) -> Inside:
    """Peel a VLAN tag (IEEE 802.1Q §9.6); the outermost one names the VLAN."""
    tag = packets.start
    identifier = (gather.be16[tag] & _VLAN_ID).astype(np.int32)
    vlan = np.where(packets.vlan < 0, identifier, packets.vlan)
    return Inside(of_ethertypes(gather.be16[tag + 2]), tag + 4, vlan=vlan)


def _tag(size: int) -> Peel:
    """Peel a tag of so many bytes, with the EtherType at its end."""

    def peel(gather: Gather, packets: Packets) -> Inside:
        start = packets.start + size
        return Inside(of_ethertypes(gather.be16[start - 2]), start)

    return peel


def _macsec(gather: Gather, packets: Packets) -> Inside:
    """Peel MACsec (IEEE 802.1AE §9), whose integrity check value comes last."""
    tag = packets.start
    control = gather.byte[tag]
    data = tag + np.where(control & _MACSEC_SCI, 14, 6)
    short = (gather.byte[tag + 1] & _MACSEC_SHORT_LENGTH).astype(np.int64)
    data_end = np.where(short > 0, data + short, packets.wire_end - _MACSEC_ICV_BYTES)
    kind = of_ethertypes(gather.be16_before(packets.end, data))
    kind[control & _MACSEC_ENCRYPTED_OR_CHANGED != 0] = Other.MACSEC_ENCRYPTED
    kind[control & _MACSEC_VERSION != 0] = Other.UNCLEAR
    return Inside(kind, data + 2, np.minimum(data_end, packets.wire_end))


def _cisco_metadata(packet: memoryview) -> tuple[int, int]:
    """Peel TrustSec's security group: version, length in words, options."""
    size = 2 + 4 * packet[1]
    return of_ethertype(packet[size] << 8 | packet[size + 1]), size + 2


def _cisco_metadata_in_gre(packet: memoryview) -> tuple[int, int]:
    return packet[0] << 8 | packet[1], 4 + 4 * packet[3]


def _arista_timestamp(packet: memoryview) -> tuple[int, int]:
    """Peel subtype, version, and a time of 64 bits, or 48 in 0x20 and 0x120."""
    size = 4 + (6 if packet[3] & 0x20 else 8)
    return of_ethertype(packet[size] << 8 | packet[size + 1]), size + 2


_VLAN = Encapsulation("frame", 4, _vlan)

TAGS: dict[int, Encapsulation] = {
    EtherType.VLAN: _VLAN,
    EtherType.SERVICE_VLAN: _VLAN,
    EtherType.OLD_VLAN: _VLAN,
    EtherType.OLDER_VLAN: _VLAN,
    EtherType.OLDEST_VLAN: _VLAN,
    EtherType.MACSEC: Encapsulation("MACsec", 6, _macsec),
    # Cisco's virtual interfaces, and IEEE 802.1BR §7.5
    EtherType.VN_TAG: Encapsulation("VN-Tag", 6, _tag(6)),
    EtherType.E_TAG: Encapsulation("802.1BR tag", 8, _tag(8)),
    # IEC 62439-3 §5.7, IEEE 802.1CB §7.8
    EtherType.HSR: Encapsulation("HSR tag", 6, _tag(6)),
    EtherType.REDUNDANCY_TAG: Encapsulation("802.1CB tag", 6, _tag(6)),
    # between a switch chip and its processor
    EtherType.BROADCOM_TAG: Encapsulation("Broadcom tag", 6, _tag(6)),
    EtherType.DSA_TAG: Encapsulation("DSA tag", 8, _tag(8)),
    EtherType.CISCO_TIMESTAMP: Encapsulation("Cisco timestamp tag", 8, _tag(8)),
    EtherType.CISCO_METADATA: Encapsulation(
        "Cisco MetaData", 2, one_by_one(_cisco_metadata)
    ),
    Other.CISCO_METADATA_IN_GRE: Encapsulation(
        "Cisco MetaData", 4, one_by_one(_cisco_metadata_in_gre)
    ),
    EtherType.ARISTA_TIMESTAMP: Encapsulation(
        "Arista timestamp", 4, one_by_one(_arista_timestamp)
    ),
}
