"""What an address of Epicor means while it is typed."""

import pytest

from connector.web.settings.address import explain


def explained(url, *, version="v2", deployment="cloud", method="oauth2", company=""):
    return explain(
        base_url=url,
        deployment=deployment,
        api_version=version,
        auth_method=method,
        company=company,
    )


@pytest.mark.parametrize("url", ["", "h", "https", "https://", "ftp://x/y", "https://[", "acme"])
def test_half_typed_is_nothing_yet(url):
    assert explained(url) is None


def test_a_good_address():
    found = explained("https://acme.epicorsaas.com/live/ ", company="EPIC06")
    assert (found.host, found.instance, found.version, found.company) == (
        "acme.epicorsaas.com",
        "live",
        "",
        "",
    )
    assert found.problems == found.warnings == ()
    assert found.call == (
        "https://acme.epicorsaas.com/live/api/v2/odata/EPIC06/Erp.BO.APInvoiceSvc/APInvoices"
    )
    assert "here EPIC06" in found.verdict


@pytest.mark.parametrize(
    ("url", "version", "company"),
    [
        ("https://h.example.com/erp/api/v2/odata/EPIC06", "v2", "EPIC06"),
        ("https://h.example.com/erp/api/v1/Erp.BO.VendorSvc", "v1", ""),
        ("https://h.example.com/erp/api/V2/odata/", "v2", ""),
        ("https://h.example.com/erp/apps/erp/home", "", ""),
        ("https://h.example.com/erp/api", "", ""),
    ],
)
def test_what_is_too_much_is_recognised_and_the_right_address_proposed(url, version, company):
    found = explained(url, deployment="on_premises", method="basic")
    assert (found.version, found.company) == (version, company)
    assert found.base == "https://h.example.com/erp"


def test_the_wrong_version_is_a_problem():
    found = explained("https://h.example.com/erp/api/v1/x")
    assert "names v1, but the API version is v2" in found.problems[0]
    assert found.verdict == ""


def test_a_missing_instance_is_a_problem():
    found = explained("https://acme.epicorsaas.com")
    assert found.instance == ""
    assert found.problems[0].startswith("The address must name the instance")


def test_unusual_pairs_are_warned_of():
    found = explained("https://erp.example.com/kinetic", method="basic")
    assert len(found.warnings) == 2
    assert "v1" in explained("https://erp.example.com/kinetic", version="v1").verdict


def test_a_login_in_the_address_is_not_repeated():
    found = explained("https://user:hidden@h.example.com/erp")
    assert "hidden" not in found.base + found.call + " ".join(found.problems)
