"""Who really asks, behind proxies: only what a listed proxy says of its client is believed. Pure.

`X-Forwarded-For` is a list to which each proxy adds the address that it saw, so whatever a client
wrote into it stands on the left. Read from the right, the first address that is not one of ours is
the client's.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

SOCKET = "unix"  # the peer of a Unix socket has no address
_LONGEST_CHAIN = 2000  # characters of the header that are read, from its end
_SITE = 64  # bits: whoever has one IPv6 address has all that begin like it


def client_address(peer: str, forwarded_for: str, trusted: Sequence[str]) -> str:
    """Return the rightmost address of the chain that is not trusted, else its leftmost one.

    `peer` is the address that connected; `trusted` are addresses, networks, or `unix`. A peer that
    is not trusted is the client, whatever it says. An entry that is no address ends the chain:
    the address right of it is the last one that is known.
    """
    if not is_trusted(peer, trusted):
        return peer
    client = peer
    for entry in reversed(forwarded_for[-_LONGEST_CHAIN:].split(",")):
        found = parse_address(entry)
        if found is None:
            break
        client = str(found)
        if not is_trusted(client, trusted):
            break
    return client


def is_trusted(address: str, trusted: Iterable[str]) -> bool:
    """Return whether an address is one of these addresses or in one of these networks."""
    if not address:
        return SOCKET in trusted
    found = parse_address(address)
    return found is not None and any(
        found in _network(entry) for entry in trusted if entry != SOCKET
    )


def is_proxy(text: str) -> bool:
    """Return whether a list of proxies may have this entry: an address, a network, or `unix`."""
    try:
        return text == SOCKET or bool(_network(text))
    except ValueError:
        return False


def parse_address(text: str) -> IPv4Address | IPv6Address | None:
    """Return the address in `1.2.3.4`, `1.2.3.4:80`, `2001:db8::1` or `[2001:db8::1]:80`, or None.

    An IPv4 address written as IPv6 is the IPv4 one; a zone (`%eth0`) means nothing to others.
    """
    plain = text.strip()
    if plain.startswith("["):
        plain = plain[1:].partition("]")[0]
    elif plain.count(":") == 1:
        plain = plain.partition(":")[0]
    try:
        found = ip_address(plain.partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def throttled_as(address: str) -> str:
    """Return the address under which tries are counted: for IPv6 that of its whole site (/64)."""
    found = parse_address(address)
    if found is None:
        return "127.0.0.1"  # a Unix socket: this machine
    if found.version == 4:
        return str(found)
    return str(ip_network((int(found), _SITE), strict=False).network_address)


@lru_cache(maxsize=256)
def _network(text: str) -> IPv4Network | IPv6Network:
    return ip_network(text, strict=False)
