"""The client's address behind proxies: what a listed proxy saw, never what a client wrote."""

import pytest

from connector.http_server.client_address import (
    client_address,
    is_proxy,
    is_trusted,
    parse_address,
    throttled_as,
)

OURS = ["10.0.0.5", "10.1.0.0/16", "fd00::/8"]


@pytest.mark.parametrize(
    ("peer", "chain", "client"),
    [
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),  # not our proxy: its word is worth nothing
        ("10.0.0.5", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.5", "10.0.0.9, 198.51.100.1", "198.51.100.1"),  # the left part is the client's own
        ("10.0.0.5", "6.6.6.6, 198.51.100.1, 10.1.2.3", "198.51.100.1"),  # two of our proxies
        ("10.0.0.5", "10.1.2.3", "10.1.2.3"),  # somebody inside, through two proxies
        ("10.0.0.5", "", "10.0.0.5"),
        ("10.0.0.5", " , ,", "10.0.0.5"),
        ("10.0.0.5", "198.51.100.1, nonsense", "10.0.0.5"),
        ("10.0.0.5", "6.6.6.6, unknown, 10.1.2.3", "10.1.2.3"),
        ("10.0.0.5", "198.51.100.1:4711", "198.51.100.1"),
        ("10.0.0.5", "[2001:db8::7]:4711", "2001:db8::7"),
        ("10.0.0.5", "2001:db8::7", "2001:db8::7"),
        ("10.0.0.5", "::ffff:198.51.100.1", "198.51.100.1"),
        ("::ffff:10.0.0.5", "198.51.100.1", "198.51.100.1"),
        ("fd00::1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.5", "fe80::1%eth0", "fe80::1"),
        ("10.0.0.5", "1" * 100_000, "10.0.0.5"),
        ("", "198.51.100.1", ""),
        ("junk", "198.51.100.1", "junk"),
    ],
)
def test_client_address_is_the_rightmost_that_no_proxy_of_ours_has(
    peer: str, chain: str, client: str
) -> None:
    assert client_address(peer, chain, OURS) == client


def test_client_address_believes_a_unix_socket_only_where_it_is_listed() -> None:
    assert client_address("", "198.51.100.1", ["unix"]) == "198.51.100.1"
    assert client_address("", "198.51.100.1", ["10.0.0.5"]) == ""
    assert not is_trusted("10.0.0.5", ["unix"])


@pytest.mark.parametrize(
    ("entry", "good"),
    [
        ("10.0.0.5", True),
        ("10.0.0.5/24", True),
        ("::1", True),
        ("unix", True),
        ("proxy.example", False),
        ("10.0.0.0/33", False),
        ("*", False),
        ("", False),
    ],
)
def test_is_proxy_takes_addresses_and_networks(entry: str, *, good: bool) -> None:
    assert is_proxy(entry) is good


def test_parse_address_knows_every_spelling() -> None:
    assert {
        str(parse_address(text)) for text in ("1.2.3.4", " 1.2.3.4:80 ", "[::ffff:1.2.3.4]")
    } == {"1.2.3.4"}
    assert parse_address("1.2.3") is None


def test_throttled_as_counts_a_whole_ipv6_site_as_one() -> None:
    assert throttled_as("2001:db8:1:2:3:4:5:6") == throttled_as("2001:db8:1:2::9")
    assert throttled_as("2001:db8:1:2::9") != throttled_as("2001:db8:1:3::9")
    assert throttled_as("::ffff:1.2.3.4") == throttled_as("1.2.3.4") == "1.2.3.4"
    assert throttled_as("") == "127.0.0.1"
