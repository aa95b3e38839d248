"""All headers that may be before an IP packet, in one table.

To read another one, write a function that says what is inside and where it begins, and
add it to the table of `tags`, `links`, `wifi`, `tunnels` or `rare_tunnels`.
"""

from __future__ import annotations

from captures.packets.kinds import (
    FOREIGN,
    UDP_PORTS,
    EtherType,
    Other,
    table_of,
    udp_port,
)
from captures.packets.links import LINKS
from captures.packets.rare_tunnels import RARE_TUNNELS
from captures.packets.segments import PORT_COUNT
from captures.packets.tags import TAGS
from captures.packets.tunnels import TUNNELS
from captures.packets.wifi import WIFI

ENCAPSULATIONS = {**LINKS, **WIFI, **TAGS, **TUNNELS, **RARE_TUNNELS}

IP_KINDS = frozenset({EtherType.IPV4, EtherType.IPV6, Other.IP})
IS_READ = table_of((*ENCAPSULATIONS, *IP_KINDS))
IS_FOREIGN = table_of(FOREIGN)

IS_TUNNEL_PORT = IS_READ[UDP_PORTS : UDP_PORTS + PORT_COUNT]
# whose answers come from the port that requests went to: L2TP, Teredo, ESP, CAPWAP,
# LWAPP
IS_ANSWERING_PORT = table_of(map(udp_port, (1701, 3544, 4500, 5247, 12222, 12223)))[
    UDP_PORTS : UDP_PORTS + PORT_COUNT
]
