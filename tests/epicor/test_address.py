"""Addresses of Epicor: which are refused before anything is sent, and how calls are addressed."""

import pytest

from connector.epicor import address

GOOD = {
    "base_url": "https://acme.epicorsaas.com/live",
    "deployment": "cloud",
    "api_version": "v2",
    "auth_method": "oauth2",
}


@pytest.mark.parametrize(
    "base_url",
    [
        "https://acme.epicorsaas.com/live",
        "https://acme.epicorsaas.com/live/",
        "https://erp.local:8443/server/kinetic",
        "http://127.0.0.1:8100/kinetic",
        "http://localhost/kinetic",
        "http://[::1]/kinetic",
    ],
)
@pytest.mark.parametrize("version", ["v1", "v2"])
def test_good_addresses(base_url: str, version: str) -> None:
    assert address.check(**{**GOOD, "base_url": base_url, "api_version": version}) == []


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"base_url": "http://erp.local/kinetic"}, "https"),
        ({"base_url": "ftp://erp.local/kinetic"}, "not an address"),
        ({"base_url": "erp.local/kinetic"}, "not an address"),
        ({"base_url": "https://erp.local:port/kinetic"}, "not an address"),
        ({"base_url": "https://erp.local"}, "must name the instance"),
        ({"base_url": "https://me:pw@erp.local/kinetic"}, "user and password"),
        ({"base_url": "https://erp.local/kinetic?api-key=x"}, "from ? or #"),
        ({"base_url": "https://erp.local/kinetic/api/v2"}, "before /api"),
        ({"base_url": "https://erp.local/kinetic/api/v1"}, "names v1, but the API version is v2"),
        ({"base_url": "https://erp.local/kinetic/api/v2/odata/EPIC06"}, "before /api"),
        ({"base_url": "https://erp.local/api"}, "before /api"),
        ({"base_url": "https://erp.local/kinetic/odata"}, "before /api"),
        ({"base_url": "https://erp.local/kinetic/TokenResource.svc"}, "before /api"),
        ({"base_url": "https://erp.local/k/api/v2", "api_version": "v1"}, "names v2"),
        ({"deployment": "moon"}, "deployment"),
        ({"api_version": "v3"}, "API version"),
        ({"auth_method": "magic"}, "auth method"),
    ],
)
def test_what_must_change(changes: dict[str, str], word: str) -> None:
    problems = address.check(**{**GOOD, **changes})
    assert len(problems) == 1
    assert word in problems[0]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, []),
        ({"api_version": "v1"}, ["v2"]),
        ({"auth_method": "basic"}, ["oauth2"]),
        ({"deployment": "on_premises"}, ["identity provider", "is Epicor's cloud"]),
        ({"base_url": "https://erp.local/kinetic"}, ["does not look like"]),
        ({"base_url": "https://epicorsaas.com.evil.example/live"}, ["does not look like"]),
    ],
)
def test_what_is_only_unusual(changes: dict[str, str], words: list[str]) -> None:
    assert address.check(**{**GOOD, **changes}) == []
    found = address.warnings(**{**GOOD, **changes})
    assert len(found) == len(words)
    assert all(word in text for word, text in zip(words, found, strict=True))


def test_addresses_of_calls() -> None:
    base = "https://h/kinetic/"
    assert (
        address.service_url(base, "v2", "EP 1/x", "Erp.BO.VendorSvc", "Vendors")
        == "https://h/kinetic/api/v2/odata/EP%201%2Fx/Erp.BO.VendorSvc/Vendors"
    )
    assert (
        address.service_url(base, "v1", "EPIC06", "Erp.BO.VendorSvc", "Vendors")
        == "https://h/kinetic/api/v1/Erp.BO.VendorSvc/Vendors"
    )
    assert address.token_resource_url(base) == "https://h/kinetic/TokenResource.svc/"
