"""Every documented form of a refusal, and what each status means for reads and for writes."""

import json
from typing import Any

import pytest

from connector.domain.errors import (
    AccessError,
    DuplicateInvoiceError,
    PostingError,
    RejectedError,
    TransientError,
    UncertainOutcomeError,
)
from connector.epicor.errors import (
    ContractMismatchError,
    HeavyServiceError,
    RecordMissingError,
    SeatsError,
    StaleRowError,
    describe,
    fault_of_detail,
    raise_for,
)
from connector.http_client.outcomes import Answer

FULL = {
    "HttpStatus": 400,
    "ReasonPhrase": "REST API Exception",
    "ErrorMessage": "Terms are required.",
    "ErrorType": "Ice.Common.BusinessObjectException",
    "ErrorDetails": [
        {"Message": "Terms are required.", "Type": "Error", "Table": "APInvHed"},
        {"Message": "Pick one", "Type": "Error"},
        "odd",
    ],
    "CorrelationId": "6f1c",
}
XML = (
    '<?xml version="1.0"?><ApiExceptionResponse xmlns="urn:x"><HttpStatus>Unauthorized</HttpStatus>'
    "<ErrorMessage>Invalid username or password.</ErrorMessage>"
    "<ErrorType>System.UnauthorizedAccessException</ErrorType>"
    "<CorrelationId>77</CorrelationId></ApiExceptionResponse>"
)


def answer(status: int, body: Any) -> Answer:
    if isinstance(body, str):
        return Answer(status, {}, None, body, "", 0.0)
    return Answer(status, {}, body, json.dumps(body), "", 0.0)


class TestForms:
    def test_the_whole_json(self) -> None:
        fault = describe(answer(400, FULL))
        assert fault.said == "Terms are required; Pick one"
        assert fault.correlation_id == "6f1c"
        assert fault.is_a("BusinessObjectException")

    @pytest.mark.parametrize(
        ("body", "said"),
        [
            ({"error": {"code": "", "message": "Bad filter"}}, "Bad filter"),
            ({"error": {"message": {"lang": "en", "value": "Bad v1 filter"}}}, "Bad v1 filter"),
            ({"error": "invalid_client"}, "invalid_client"),
            (
                {"HttpStatus": "NotFound", "ReasonPhrase": "REST API Exception"},
                "REST API Exception",
            ),
            ({}, "status 400"),
            ("<html><head></head><body><h1>Please wait</h1></body></html>", "Please wait"),
            ("<broken", "<broken"),
            ("Service Unavailable", "Service Unavailable"),
            ("", "status 400"),
        ],
    )
    def test_other_forms(self, body: Any, said: str) -> None:
        assert describe(answer(400, body)).said == said

    def test_xml(self) -> None:
        fault = describe(answer(401, XML))
        assert fault.said == "Invalid username or password"
        assert fault.correlation_id == "77"
        assert fault.is_a("UnauthorizedAccessException")

    def test_xml_with_entities_is_only_text(self) -> None:
        bomb = '<!DOCTYPE x [<!ENTITY a "aaaa">]><x><ErrorMessage>&a;</ErrorMessage></x>'
        assert "aaaa" not in describe(answer(400, bomb)).error_type
        assert describe(answer(400, bomb)).correlation_id == ""

    def test_a_body_whose_end_is_cut_off(self) -> None:
        body = json.dumps(FULL)[:170]
        fault = fault_of_detail({"status": 500, "body": body})
        assert fault.message == "Terms are required."
        assert fault.is_a("BusinessObjectException")

    def test_secrets_are_hidden_and_long_texts_cut(self) -> None:
        fault = describe(answer(400, {"ErrorMessage": "Bearer abcdefghijkl " + "x" * 900}))
        assert "abcdefghijkl" not in fault.message
        assert len(fault.message) == 500


def of_type(name: str, message: str = "Sorry") -> dict[str, str]:
    return {"ErrorMessage": message, "ErrorType": f"Ice.Common.{name}"}


PROXY = (
    "<html><head><title>Bad</title></head><body>Blocked: This is a duplicate entry</body></html>"
)
NOT_SENT = of_type("X", "Parameter confirmCheck is not found in the input object")
DUPLICATE = of_type("X", "This is a duplicate entry of an existing record")
SEATS = of_type("BusinessObjectException", "Maximum users exceeded on license")
STALE = of_type("X", "Row has been modified by another user and couldn't be updated.")


class TestMeanings:
    @pytest.mark.parametrize(
        ("status", "body", "reading", "writing"),
        [
            (400, FULL, RejectedError, RejectedError),
            (400, of_type("ODataException"), RejectedError, RejectedError),
            (400, NOT_SENT, ContractMismatchError, ContractMismatchError),
            (400, DUPLICATE, DuplicateInvoiceError, DuplicateInvoiceError),
            (401, XML, AccessError, AccessError),
            (302, "", AccessError, UncertainOutcomeError),
            (302, of_type("X"), AccessError, AccessError),
            (400, PROXY, RejectedError, UncertainOutcomeError),
            (400, "", RejectedError, UncertainOutcomeError),
            (400, {"message": "Bad request"}, RejectedError, UncertainOutcomeError),
            (400, {"error": {"code": "X", "message": "No"}}, RejectedError, UncertainOutcomeError),
            (403, PROXY, AccessError, UncertainOutcomeError),
            (401, PROXY, AccessError, AccessError),
            (404, PROXY, ContractMismatchError, UncertainOutcomeError),
            (405, "", ContractMismatchError, UncertainOutcomeError),
            (406, "", RejectedError, UncertainOutcomeError),
            (409, PROXY, DuplicateInvoiceError, UncertainOutcomeError),
            (410, PROXY, TransientError, UncertainOutcomeError),
            (413, PROXY, RejectedError, UncertainOutcomeError),
            (413, of_type("X"), RejectedError, RejectedError),
            (421, PROXY, RejectedError, UncertainOutcomeError),
            (499, "", RejectedError, UncertainOutcomeError),
            (408, of_type("X"), TransientError, UncertainOutcomeError),
            (403, of_type("UnauthorizedAccessException"), AccessError, AccessError),
            (404, of_type("ApiException"), ContractMismatchError, ContractMismatchError),
            (404, of_type("RecordNotFoundException"), RecordMissingError, RecordMissingError),
            (409, of_type("X"), DuplicateInvoiceError, DuplicateInvoiceError),
            (410, of_type("InvalidSessionException"), TransientError, TransientError),
            (500, of_type("BLException"), RejectedError, RejectedError),
            (500, DUPLICATE, HeavyServiceError, UncertainOutcomeError),
            (408, "slow", TransientError, UncertainOutcomeError),
            (
                500,
                of_type("X", "Maximum users exceeded on license"),
                SeatsError,
                UncertainOutcomeError,
            ),
            (400, SEATS, SeatsError, SeatsError),
            (400, STALE, StaleRowError, StaleRowError),
            (409, STALE, StaleRowError, StaleRowError),
            (500, STALE, HeavyServiceError, UncertainOutcomeError),
            (500, of_type("Exception"), HeavyServiceError, UncertainOutcomeError),
            (502, "gateway", TransientError, UncertainOutcomeError),
            (503, "busy", TransientError, UncertainOutcomeError),
            (503, of_type("ConversionsPendingException"), TransientError, TransientError),
        ],
    )
    def test_each_status(
        self, status: int, body: Any, reading: type[PostingError], writing: type[PostingError]
    ) -> None:
        for kind, is_write in ((reading, False), (writing, True)):
            with pytest.raises(PostingError) as caught:
                raise_for(answer(status, body), writing=is_write, what="save")
            assert type(caught.value) is kind
            assert caught.value.detail["status"] == status

    @pytest.mark.parametrize(
        ("status", "body"),
        [(413, ""), (414, "URI Too Long"), (404, "<h2>HTTP Error 404.13 - Not Found</h2>")],
    )
    @pytest.mark.parametrize("writing", [True, False])
    def test_what_is_too_large_is_said_to_be(self, status: int, body: str, writing: bool) -> None:
        with pytest.raises(PostingError, match="too large") as caught:
            raise_for(answer(status, body), writing=writing)
        assert "maxAllowedContentLength" in caught.value.message
        assert caught.value.detail["too_large"] is True

    def test_an_ordinary_missing_page_is_not_too_large(self) -> None:
        with pytest.raises(ContractMismatchError, match="does not know the address"):
            raise_for(answer(404, "<h2>404 - File or directory not found.</h2>"), writing=False)

    @pytest.mark.parametrize("writing", [True, False])
    def test_a_redirect_never_says_that_nothing_was_sent(self, writing: bool) -> None:
        with pytest.raises(PostingError, match=r"epicor\.base_url") as caught:
            raise_for(answer(302, ""), writing=writing)
        assert "Nothing was sent" not in caught.value.message

    def test_success_raises_nothing(self) -> None:
        raise_for(answer(200, {}), writing=True)

    @pytest.mark.parametrize(
        ("status", "message", "where"),
        [
            (401, "Invalid username or password.", "epicor.auth."),
            (401, "Unauthorized", "epicor.api_key"),
            (401, "The API key is invalid.", "epicor.api_key"),
            (403, "Access to company X is denied.", "into the company"),
            (403, "Access denied", "access scope"),
        ],
    )
    def test_access_says_where_to_look(self, status: int, message: str, where: str) -> None:
        with pytest.raises(AccessError) as caught:
            raise_for(answer(status, {"ErrorMessage": message}), writing=False)
        assert where in caught.value.message
