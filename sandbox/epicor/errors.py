"""Everything Epicor says no with: one exception type and the exact JSON body of a refusal."""

from dataclasses import dataclass
from typing import Any

BUSINESS = "Ice.Common.BusinessObjectException"
DUPLICATE = "Ice.Common.DuplicateRecordException"
NOT_FOUND = "Ice.Common.RecordNotFoundException"
API = "Epicor.RESTApi.ErrorHandling.ApiException"
ODATA = "Microsoft.OData.ODataException"
UNAUTHORIZED = "System.UnauthorizedAccessException"

DUPLICATE_TEXT = "This is a duplicate entry of an existing record"


@dataclass(slots=True)
class ApiError(Exception):
    """A refusal: HTTP status, Epicor's type of error, and the text a person would see."""

    status: int
    kind: str
    message: str
    table: str = ""
    column: str = ""

    def body(self, correlation_id: str) -> dict[str, Any]:
        """The JSON document of this refusal (docs/epicor.md)."""
        detail = {"Message": self.message, "Type": "Error"}
        if self.table:
            detail["Table"] = self.table
        if self.column:
            detail["Field"] = self.column
        return {
            "HttpStatus": self.status,
            "ReasonPhrase": "REST API Exception",
            "ErrorMessage": self.message,
            "ErrorType": self.kind,
            "ErrorDetails": [detail],
            "CorrelationId": correlation_id,
        }


def business(message: str, table: str = "", column: str = "") -> ApiError:
    """A business rule said no (400)."""
    return ApiError(400, BUSINESS, message, table, column)


def duplicate(table: str) -> ApiError:
    """The key exists already (409)."""
    return ApiError(409, DUPLICATE, DUPLICATE_TEXT, table)


def not_found(message: str = "Record not found.", table: str = "") -> ApiError:
    """No record with that key (404)."""
    return ApiError(404, NOT_FOUND, message, table)


def bad_odata(message: str) -> ApiError:
    """A query option or a name in it is wrong (400)."""
    return ApiError(400, ODATA, message)


def bad_call(message: str, status: int = 400) -> ApiError:
    """The address or the shape of the call is wrong."""
    return ApiError(status, API, message)


def internal() -> ApiError:
    """The server's own trouble, without a cause (500)."""
    return ApiError(
        500,
        "System.Exception",
        "An unexpected internal problem occurred. Contact your system administrator.",
    )
