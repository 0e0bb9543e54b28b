"""What this Epicor understands: every service with its sets and methods, every table's columns.

Read from the two data modules at import. Notation: a service name, then indented one line each:
`tableset NAME: TABLE…`, `set NAME TABLE: KEY…`, `list TABLE`, `rows` (GetRows), `getlist`
(GetList), `get|post METHOD: PARAMETER:type… -> OUT…`; deeper indented lines continue the line.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sandbox.epicor.columns_data import COLUMNS as _COLUMNS_TEXT
from sandbox.epicor.contract_data import SERVICES as _SERVICES_TEXT

NO_GUID = "00000000-0000-0000-0000-000000000000"
DEFAULT_OF_TYPE: dict[str, Any] = {
    "s": "", "i": 0, "i8": 0, "d": 0, "b": False, "t": None, "g": NO_GUID,
}  # fmt: skip

MAX_LENGTH = {
    ("APInvHed", "InvoiceNum"): 50,
    ("APInvHed", "GroupID"): 9,
    ("APInvHed", "ExternalID"): 50,
    ("APInvHed", "Description"): 30,
    ("APInvHed", "InvoiceComment"): 1000,
    ("APInvHed", "XRefInvoiceNum"): 50,
    ("APInvHed", "ExtSysURL"): 1000,
    ("APInvGrp", "GroupID"): 9,
    ("APInvDtl", "InvoiceNum"): 50,
    ("APInvDtl", "Description"): 1000,
    ("APInvDtl", "LineComment"): 1000,
    ("APInvDtl", "PartNum"): 50,
    ("APInvExp", "InvoiceNum"): 50,
    ("APInvExpTGLC", "InvoiceNum"): 50,
    ("APInvExpTGLC", "GLAccount"): 200,
    ("Vendor", "Name"): 50,
    ("Vendor", "VendorID"): 8,
    ("Vendor", "Address1"): 50,
    ("Vendor", "City"): 50,
    ("Vendor", "State"): 50,
    ("Vendor", "ZIP"): 10,
    ("Vendor", "ExternalId"): 50,
}


@dataclass(frozen=True, slots=True)
class Method:
    """A custom method: parameters with their types (`ds` = a tableset), names of its outs."""

    name: str
    params: tuple[tuple[str, str], ...]
    outs: tuple[str, ...]
    reads: bool = False  # also answers GET with the parameters in the query


@dataclass(frozen=True, slots=True)
class EntitySet:
    """An OData set: the table behind it and its key columns."""

    name: str
    table: str
    keys: tuple[str, ...]


@dataclass(slots=True)
class Service:
    """One service: the tables of its tableset (the first is the main one), sets, methods."""

    name: str
    tables: tuple[str, ...] = ()
    list_table: str = ""
    sets: dict[str, EntitySet] = field(default_factory=dict)
    methods: dict[str, Method] = field(default_factory=dict)

    def stored(self, table: str) -> str:
        """The stored table behind a name: both company services call theirs `Company`."""
        return "Ice.Company" if self.name == "Ice.BO.CompanySvc" else table


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Logical lines (indentation, text), continuations joined."""
    indent, whole = 0, ""
    for line in text.strip("\n").split("\n"):
        depth = len(line) - len(line.lstrip())
        if whole and depth >= 6:
            whole += " " + line.strip()
            continue
        if whole:
            yield indent, whole
        indent, whole = depth, line.strip()
    yield indent, whole


def _typed(text: str) -> tuple[tuple[str, str], ...]:
    pairs = (item.rsplit(":", 1) for item in text.split())
    return tuple((name, kind) for name, kind in pairs)


def _reading(name: str, *clauses: str) -> Method:
    """GetRows or GetList: where clauses and paging."""
    params = (*((clause, "s") for clause in clauses), ("pageSize", "i"), ("absolutePage", "i"))
    return Method(name, params, ("morePages",), reads=True)


def _describe(service: Service, line: str) -> None:
    word, _, rest = line.partition(" ")
    head, _, tail = rest.partition(":")
    if word == "tableset":
        service.tables = tuple(tail.split())
    elif word == "set":
        name, table = head.split()
        service.sets[name] = EntitySet(name, table, tuple(tail.split()))
    elif word == "list":
        service.list_table = rest
    elif word == "rows":
        clauses = [f"whereClause{table}" for table in service.tables]
        service.methods["GetRows"] = _reading("GetRows", *clauses)
    elif word == "getlist":
        service.methods["GetList"] = _reading("GetList", "whereClause")
    else:
        params, _, outs_text = tail.partition("->")
        service.methods[head] = Method(
            head, _typed(params), tuple(outs_text.split()), reads=word == "get"
        )


def _read_services() -> dict[str, Service]:
    services: dict[str, Service] = {}
    current = Service("")
    for indent, line in _lines(_SERVICES_TEXT):
        if indent == 0:
            current = services[line] = Service(line)
        else:
            _describe(current, line)
    return services


def _read_columns() -> dict[str, dict[str, str]]:
    columns: dict[str, dict[str, str]] = {}
    for line in _COLUMNS_TEXT.strip("\n").replace("\n    ", " ").split("\n"):
        table, _, rest = line.partition(": ")
        columns[table] = dict(_typed(rest))
    return columns


SERVICES = _read_services()
COLUMNS = _read_columns()


def columns_of(table: str) -> dict[str, str]:
    """Column name to type. A list table without columns of its own shows its main table's."""
    if table in COLUMNS:
        return COLUMNS[table]
    hidden = {"SysRevID", "UD_SysRevID"}
    base = COLUMNS.get(table.removesuffix("List"), {})
    return {name: kind for name, kind in base.items() if name not in hidden}


DEFAULTS = {
    table: {name: DEFAULT_OF_TYPE[kind] for name, kind in columns.items()}
    for table, columns in COLUMNS.items()
}


def keys_of(table: str) -> tuple[str, ...]:
    """The key columns of a stored table."""
    return _KEYS.get(table, ("SysRowID",))


_KEYS = {
    service.stored(entity.table): entity.keys
    for service in SERVICES.values()
    for entity in service.sets.values()
}
