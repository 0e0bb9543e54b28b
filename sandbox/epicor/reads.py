"""GetRows, GetList and GetByID: reading with SQL-like clauses, for every service alike."""

from collections.abc import Iterable
from typing import Any

from sandbox.epicor.call import Answer, Call, Dataset
from sandbox.epicor.contract import COLUMNS, DEFAULT_OF_TYPE, columns_of
from sandbox.epicor.errors import business, internal, not_found
from sandbox.epicor.tables import Row, Table, fold
from sandbox.epicor.where import SQL, Query, WhereError, parse

_OTHER_NAME = {"GLAccount": "GLAccount1", "GLAcctDisp": "GLAcctDisp1"}


def compiled(clause: str, table: str, defaults: Row) -> Query:
    """A where clause. Raises 400 when it is wrong, 500 when it compares unlike types."""
    try:
        return parse(clause, COLUMNS[table], defaults, SQL)
    except WhereError as error:
        raise internal() if error.clash else business(f"Invalid where clause: {error}") from error


def page_of(rows: list[Row], call: Call) -> tuple[list[Row], bool]:
    """The page of the rows that a call asks for, and whether more follow."""
    size, number = call.params["pageSize"], max(call.params["absolutePage"], 1)
    limit = call.switches.page_limit
    if limit:
        size = min(size, limit) if size > 0 else limit
    if size <= 0:
        return rows, False
    start = (number - 1) * size
    return rows[start : start + size], len(rows) > start + size


def get_rows(call: Call) -> Answer:
    """Rows of the main table by its clause, one page, with the children the clauses ask for."""
    main = call.service.tables[0]
    stored = call.service.stored(main)
    table = call.table(stored)
    query = compiled(call.params[f"whereClause{main}"], stored, table.defaults)
    children: dict[str, Query | None] = {
        name: compiled(call.params.get(f"whereClause{name}", ""), name, call.table(name).defaults)
        for name in call.service.tables[1:]
        if name in COLUMNS
    }
    page, more = page_of(query.select(table), call)
    result = assemble(call, page, children)
    return result, {"morePages": more}


def get_list(call: Call) -> Answer:
    """Short rows of the main table."""
    service = call.service
    stored = service.stored(service.tables[0])
    table = call.table(stored)
    query = compiled(call.params["whereClause"], stored, table.defaults)
    page, more = page_of(query.select(table), call)
    shown = [list_row(row, service.list_table) for row in page]
    return {service.list_table: shown}, {"morePages": more}


def list_row(row: Row, list_table: str) -> Row:
    """The columns that a list table has of a row."""
    return {
        name: row.get(_OTHER_NAME.get(name, name), row.get(name, DEFAULT_OF_TYPE[kind]))
        for name, kind in columns_of(list_table).items()
    }


def get_by_id(call: Call) -> Answer:
    """One record with all its children. Raises 404."""
    main = call.service.tables[0]
    table = call.table(call.service.stored(main))
    values = list(call.params.values())
    lead = [call.company] if table.keys[0] == "Company" else []
    row = table.find(*lead, *values)
    if row is None:
        raise not_found(table=main)
    return assemble(call, [row], dict.fromkeys(call.service.tables[1:])), {}


def assemble(call: Call, parents: list[Row], children: dict[str, Query | None]) -> Dataset:
    """A tableset of these parents and their children (those a query keeps, None = all)."""
    service = call.service
    main = service.tables[0]
    result: Dataset = {name: [] for name in service.tables}
    parent_table = call.table(service.stored(main))
    result[main] = [parent_table.full(row) for row in parents]
    for name, query in children.items():
        if name not in COLUMNS or not parents:
            continue
        table = call.table(name)
        rows = children_of(parents, parent_table, table)
        result[name] = [table.full(row) for row in (query.keep(rows) if query else rows)]
    return result


def children_of(parents: Iterable[Row], parent_table: Table, table: Table) -> list[Row]:
    """A child table's rows that belong to these parents, by the key columns both have."""
    shared = [name for name in parent_table.keys if name in COLUMNS[table.name]]
    shared = [name for name in shared if name not in ("Company", "Company1")]
    if not shared:
        return list(table.rows.values())
    wanted = {_key(row, shared, parent_table) for row in parents}
    rows: Iterable[Row] = table.rows.values()
    if table.indexed("InvoiceNum") and "InvoiceNum" in shared:
        numbers = {fold(row.get("InvoiceNum", "")) for row in parents}
        rows = [row for number in numbers for row in table.where("InvoiceNum", number)]
    return [row for row in rows if _key(row, shared, table) in wanted]


def _key(row: Row, names: list[str], table: Table) -> tuple[Any, ...]:
    return tuple(fold(row.get(name, table.defaults[name])) for name in names)
