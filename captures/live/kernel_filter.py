"""The filter for mail, which the kernel runs on every packet of an interface.

It is written in libpcap's language (pcap-filter(7)), and compiled by libpcap.
It lets through what may belong to a connection of a mail port without showing the
port: later fragments, authenticated packets (AH), and IPv6 packets with extension
headers. Tunnels are not looked into: they pass if there is no filter.
"""

from __future__ import annotations

import ctypes
import struct
from socket import SOL_SOCKET
from typing import TYPE_CHECKING, NamedTuple

from captures.link_types import LinkType

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

# only the first fragment has the ports (RFC 791 §3.1)
_LATER_FRAGMENT = "ip proto 6 and ip[6:2] & 0x1fff != 0"
_AUTHENTICATED = "ip proto 51 or ip6[6] = 51"
# hop-by-hop options, routing, fragment, destination options (RFC 8200 §4.1)
_EXTENDED = "ip6[6] = 0 or ip6[6] = 43 or ip6[6] = 44 or ip6[6] = 60"
# 802.1Q in 802.1ad; a kernel may have taken a third one off the frame
_MAX_TAGS = 2

# asm-generic/socket.h, linux/filter.h
_SO_ATTACH_FILTER = 26
_SOCK_FILTER = struct.Struct("HBBI")
_SOCK_FPROG = struct.Struct("HP")
_BPF_RETURN = 0x06
_WHOLE_PACKET = 0x7FFFFFFF


class Instruction(NamedTuple):
    """An instruction of the kernel's filter machine."""

    code: int
    jump_if_true: int
    jump_if_false: int
    operand: int


# lets no packet through
NOTHING = [Instruction(_BPF_RETURN, 0, 0, 0)]


def filter_expression(ports: Sequence[int], link_type: int | None) -> str:
    """Return the expression for the TCP traffic of one or more ports."""
    numbers = " or ".join(map(str, ports))
    hidden = f"({_LATER_FRAGMENT}) or {_AUTHENTICATED} or {_EXTENDED}"
    untagged = f"tcp port ({numbers}) or {hidden}"
    expression = untagged
    # What follows `vlan` is looked for behind the tag, whatever stands between, so
    # a further tag can only be asked for last.
    for _ in range(_MAX_TAGS if link_type == LinkType.ETHERNET else 0):
        expression = f"{untagged} or (vlan and ({expression}))"
    return expression


def compile_filter(ports: Sequence[int], link_type: int) -> list[Instruction]:
    """Compile the filter for the TCP traffic of some ports.

    Raises:
        ImportError: there is no libpcap.
    """
    from scapy.arch import common

    program = common.compile_filter(
        filter_expression(ports, link_type), linktype=link_type
    )
    try:
        # libpcap would cut packets off where Scapy thinks that they end at the latest
        return [
            Instruction(instruction.code, instruction.jt, instruction.jf, _WHOLE_PACKET)
            if instruction.code == _BPF_RETURN and instruction.k
            else Instruction(
                instruction.code,
                instruction.jt,
                instruction.jf,
                instruction.k & 0xFFFFFFFF,
            )
            for instruction in program.bf_insns[: program.bf_len]
        ]
    finally:
        common.free_filter(program)


def attach(packet_socket: socket.socket, program: Sequence[Instruction]) -> None:
    """Have the kernel filter what a socket receives from now on.

    Raises:
        OSError: the program is too long.
    """
    code = b"".join(_SOCK_FILTER.pack(*instruction) for instruction in program)
    memory = ctypes.create_string_buffer(code, len(code))
    packet_socket.setsockopt(
        SOL_SOCKET,
        _SO_ATTACH_FILTER,
        _SOCK_FPROG.pack(len(program), ctypes.addressof(memory)),
    )
