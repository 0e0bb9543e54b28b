"""One method call: who asks, in which company, with which checked parameters."""

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sandbox.epicor.contract import COLUMNS, DEFAULTS, MAX_LENGTH, NO_GUID, Method, Service
from sandbox.epicor.errors import bad_call, business
from sandbox.epicor.rules import Rules, day_text
from sandbox.epicor.tables import Row, Store, Table
from sandbox.server import Request

Dataset = dict[str, list[Row]]
Answer = tuple[Any, dict[str, Any]]  # (returnObj, parameters)

_DATE = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?)?")


@dataclass(frozen=True, slots=True)
class Question:
    """What Epicor asks in the next call of a method. `saved`: it only says so, and saves."""

    text: str
    method: str = "UpdateMaster"
    saved: bool = False
    always: bool = False  # asked in every call, not once


@dataclass(slots=True)
class Switches:
    """What a test can turn: how this Epicor behaves where releases differ or things go wrong."""

    update_master: str = "all"
    skeleton: str = "GetNewAPInvHedInvoice"
    heavy: set[str] = field(default_factory=set)
    questions: list[Question] = field(default_factory=list)
    page_limit: int = 0  # rows of any page at most, whatever is asked for; 0 = as released
    next_links: bool = False  # whether pages of a set name the next one
    complete_rows: bool = True  # a changed row must come back with every column

    def question(self, method: str) -> Question | None:
        """What is asked in this call of the method; asked once unless it is asked always."""
        found = next((one for one in self.questions if one.method == method), None)
        if found is not None and not found.always:
            self.questions.remove(found)
        return found


@dataclass(slots=True)
class Call:
    """A custom-method call on its way through the services."""

    store: Store
    switches: Switches
    service: Service
    method: Method
    company: str
    user: str
    now: dt.datetime
    params: dict[str, Any]

    @property
    def rules(self) -> Rules:
        """The company's rules."""
        return Rules(self.store, self.company)

    @property
    def today(self) -> str:
        """The day of the call, as rows hold it."""
        return day_text(self.now.date())

    @property
    def ds(self) -> Dataset:
        """The tableset sent with the call."""
        dataset: Dataset = self.params["ds"]
        return dataset

    def table(self, name: str) -> Table:
        """A table of the company."""
        return self.store.table(self.company, name)


Handler = Callable[[Call], Answer]


def with_ds(call: Call, dataset: Dataset, **outs: Any) -> Answer:
    """The usual answer of a method that hands its tableset back, with every table named."""
    return None, {**outs, "ds": whole_dataset(call.service, dataset)}


def worded(text: str, row: Row) -> str:
    """A question with the values of a row: "Is {InvoiceNum} right?"."""
    return text.format_map({**dict.fromkeys(("InvoiceNum", "VendorNumVendorID"), ""), **row})


def whole_dataset(service: Service, dataset: Dataset) -> Dataset:
    """A tableset with an entry for each table of the service."""
    return {table: dataset.get(table, []) for table in service.tables}


# -- parameters ----------------------------------------------------------------------------------


def sent_parameters(request: Request, method: Method) -> dict[str, Any]:
    """The parameters of a request: JSON object of a POST, query of a GET."""
    if request.method == "GET":
        kinds = dict(method.params)
        query = {name: value for name, value in request.query if name != "api-key"}
        return {name: _from_query(value, kinds.get(name, "s")) for name, value in query.items()}
    body = request.json() if request.body.strip() else {}
    if not isinstance(body, dict):
        raise bad_call("The request body must be a JSON object.")
    return body


def _from_query(text: str, kind: str) -> Any:
    if kind == "i" and re.fullmatch(r"-?\d+", text):
        return int(text)
    if kind == "b" and text in ("true", "false"):
        return text == "true"
    return text


def checked_parameters(sent: dict[str, Any], method: Method, service: Service) -> dict[str, Any]:
    """Every parameter there, none too many, each of its type. Raises 400."""
    checked = {}
    for name, kind in method.params:
        if name not in sent:
            raise bad_call(f"Parameter {name} is not found in the input object")
        if kind == "ds":
            checked[name] = checked_dataset(sent[name], service)
        else:
            checked[name] = checked_value(sent[name], kind, name)
    unknown = sent.keys() - checked.keys()
    if unknown:
        raise bad_call(f"Parameter {min(unknown)} is not known to method {method.name}")
    return checked


def checked_dataset(dataset: Any, service: Service) -> Dataset:
    """A tableset: known tables, rows of known columns and right types. Raises 400."""
    if not isinstance(dataset, dict):
        raise bad_call("Parameter ds must be an object.")
    checked: Dataset = {}
    for table, rows in dataset.items():
        if table not in service.tables:
            raise bad_call(f"Table {table} does not exist in the tableset.")
        if not isinstance(rows, list):
            raise bad_call(f"Table {table} must be an array of rows.")
        if rows and table not in COLUMNS:
            raise bad_call(f"Rows of table {table} are not supported here.")
        checked[table] = [checked_row(row, table) for row in rows]
    return checked


def checked_row(row: Any, table: str) -> Row:
    """A row of known columns and right types. Raises 400."""
    if not isinstance(row, dict):
        raise bad_call(f"A row of {table} must be an object.")
    columns = COLUMNS[table]
    checked = {}
    for name, value in row.items():
        kind = columns.get(name)
        if kind is None:
            raise bad_call(f"Table {table} has no column {name}.")
        checked[name] = checked_value(value, kind, f"{table}.{name}")
        longest = MAX_LENGTH.get((table, name))
        if longest and len(checked[name].strip()) > longest:
            raise business(f"{name} may have at most {longest} characters.", table, name)
    return checked


def checked_value(value: Any, kind: str, name: str) -> Any:
    """A value of the type its letter names; null becomes the type's empty value. Raises 400."""
    if value is None:
        return {"s": "", "t": None, "b": False, "g": NO_GUID}.get(kind, 0)
    if kind == "t":
        return _checked_date(value, name)
    fits = {
        "s": isinstance(value, str),
        "g": isinstance(value, str),
        "b": isinstance(value, bool),
        "d": isinstance(value, int | Decimal) and not isinstance(value, bool),
    }.get(kind, isinstance(value, int) and not isinstance(value, bool))
    if not fits:
        raise bad_call(f"The value of {name} has the wrong type: {value!r}.")
    return value


def _checked_date(value: Any, name: str) -> str:
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        raise bad_call(f"The value of {name} is not a date without zone: {value!r}.")
    try:
        return day_text(dt.date.fromisoformat(value[:10]))
    except ValueError as error:
        raise bad_call(f"The value of {name} is not a date: {value!r}.") from error


# -- rows ----------------------------------------------------------------------------------------


def new_row(call: Call, table: str, **values: Any) -> Row:
    """A row that is not saved yet: every column, RowMod A, no row version."""
    row = {**DEFAULTS[table], **values, "RowMod": "A"}
    return {**row, "Company": call.company} if "Company" in row else row


def only_row(rows: list[Row], table: str) -> Row:
    """The row a Change method works on: the last one marked A or U, else the last. Raises 400."""
    marked = [row for row in rows if row.get("RowMod") in ("A", "U")] or rows
    if not marked:
        raise business(f"The tableset has no row of {table}.", table)
    return marked[-1]
