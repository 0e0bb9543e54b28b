"""OData reads: sets, single rows by key, counts, and the $metadata document."""

import re
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode
from xml.sax.saxutils import quoteattr

from sandbox.epicor.contract import (
    COLUMNS,
    DEFAULT_OF_TYPE,
    MAX_LENGTH,
    SERVICES,
    EntitySet,
    Service,
    columns_of,
)
from sandbox.epicor.errors import ApiError, bad_odata, not_found
from sandbox.epicor.tables import Row, Table
from sandbox.epicor.where import V1, V2, WhereError, parse, sort_rows
from sandbox.epicor.where_lex import tokenize
from sandbox.server import Response, json_response

DEFAULT_PAGE, LARGEST_PAGE = 100, 1000
_OPTIONS = {
    V2: {"$select", "$filter", "$orderby", "$top", "$skip", "$count", "$expand", "$apply",
         "api-key"},
    V1: {"$select", "$filter", "$orderby", "$top", "$skip", "$inlinecount", "$expand", "$format"},
}  # fmt: skip
_EDM = {"s": "Edm.String", "i": "Edm.Int32", "i8": "Edm.Int64", "d": "Edm.Decimal",
        "b": "Edm.Boolean", "t": "Edm.DateTimeOffset", "g": "Edm.Guid"}  # fmt: skip
ADDRESS = re.compile(r"(?P<set>\w+)(?:\((?P<key>.*)\))?(?P<count>/\$count)?", re.DOTALL)


def list_entity(service: Service) -> EntitySet:
    """The read-only `List` set of a service."""
    return EntitySet("List", service.list_table, ())


def read_set(
    service: Service,
    entity: EntitySet,
    table: Table,
    query: list[tuple[str, str]],
    *,
    dialect: str,
    count_only: bool = False,
    limit: int = 0,
    links: bool = False,
) -> Response:
    """GET of a whole set with its query options.

    `limit`: the rows of a page at most, 0 for the usual; `links`: pages name the next one.
    """
    options = _options(query, dialect)
    columns = columns_of(entity.table)
    try:
        rows = _filtered(table, options, dialect)
        order = _order(options.get("$orderby", ""), table.name)
    except WhereError as error:
        raise bad_odata(str(error)) from error
    if count_only:
        return Response(200, str(len(rows)))
    if order:
        rows = sort_rows(rows, order, table.defaults)
    skip = _number(options, "$skip", 0)
    top = min(_number(options, "$top", DEFAULT_PAGE), limit or LARGEST_PAGE)
    shown = _selected(options.get("$select", ""), columns)
    page = [_shown(row, shown, columns, dialect) for row in rows[skip : skip + top]]
    answer = _envelope(service, entity, page, len(rows), options, dialect)
    asked = skip + _number(options, "$top", len(rows))
    if links and skip + top < min(len(rows), asked):
        left = {"$top": str(asked - skip - top)} if "$top" in options else {}
        name = "odata.nextLink" if dialect == V1 else "@odata.nextLink"
        following = urlencode({**options, "$skip": str(skip + top), **left})
        # As behind a proxy: the host is the server's own name for itself.
        answer[name] = f"http://inside.example/{service.name}/{entity.name}?{following}"
    return json_response(200, answer)


def read_one(
    entity: EntitySet, table: Table, key: str, query: list[tuple[str, str]], dialect: str
) -> Response:
    """GET of one row by key: Set('EPIC06',123)."""
    options = _options(query, dialect)
    columns = columns_of(entity.table)
    values = key_values(entity, key, dialect)
    found = table.find(*values)
    if found is None:
        raise not_found(table=entity.table)
    shown = _selected(options.get("$select", ""), columns)
    return json_response(200, _shown(found, shown, columns, dialect))


def key_values(entity: EntitySet, key: str, dialect: str) -> list[Any]:
    """The values inside the parentheses of a key address. Raises 400."""
    try:
        tokens = tokenize(key, dialect)[:-1]
    except WhereError as error:
        raise bad_odata(str(error)) from error
    values = [token.value for token in tokens if token.kind != "op"]
    if len(values) != len(entity.keys) or any(token.kind == "name" for token in tokens):
        raise bad_odata(f"The key of {entity.name} is {', '.join(entity.keys)}.")
    return values


def _options(query: list[tuple[str, str]], dialect: str) -> dict[str, str]:
    options = dict(query)
    unknown = options.keys() - _OPTIONS[dialect]
    if unknown:
        raise bad_odata(f"The query parameter '{min(unknown)}' is not supported.")
    if options.get("$expand"):
        raise bad_odata("The query option '$expand' is not supported here.")
    return options


def _filtered(table: Table, options: dict[str, str], dialect: str) -> list[Row]:
    text = options.get("$filter", "")
    return parse(text, COLUMNS[table.name], table.defaults, dialect).select(table)


def _order(text: str, table: str) -> list[tuple[str, bool]]:
    order = []
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, _, direction = part.partition(" ")
        if name not in COLUMNS[table] or direction.strip() not in ("", "asc", "desc"):
            raise WhereError(f"Could not find a property named '{part}'.")
        order.append((name, direction.strip() == "desc"))
    return order


def _number(options: dict[str, str], name: str, default: int) -> int:
    text = options.get(name)
    if text is None:
        return default
    if not text.isdecimal():
        raise bad_odata(f"Invalid value '{text}' for {name}.")
    return int(text)


def _selected(text: str, columns: dict[str, str]) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in columns and name != "*":
            raise bad_odata(f"Could not find a property named '{name}'.")
    return list(columns) if not names or "*" in names else names


def _shown(row: Row, names: list[str], columns: dict[str, str], dialect: str) -> Row:
    shown = {name: row.get(name, DEFAULT_OF_TYPE[columns[name]]) for name in names}
    if dialect == V1:  # OData 3 writes decimals and 64-bit numbers as text
        for name, value in shown.items():
            if columns[name] in ("d", "i8"):
                shown[name] = f"{value:f}" if isinstance(value, Decimal) else str(value)
    return shown


def _envelope(
    service: Service,
    entity: EntitySet,
    page: list[Row],
    total: int,
    options: dict[str, str],
    dialect: str,
) -> dict[str, Any]:
    context = f"{service.name}/$metadata#{entity.name}"
    if dialect == V1:
        head: dict[str, Any] = {"odata.metadata": context}
        if options.get("$inlinecount") == "allpages":
            head["odata.count"] = str(total)
    else:
        head = {"@odata.context": context}
        if options.get("$count") == "true":
            head["@odata.count"] = total
    return {**head, "value": page}


def metadata(service: Service) -> Response:
    """The EDMX description of a service: sets, keys, columns, text lengths."""
    types, sets = [], []
    for entity in service.sets.values():
        sets.append(f'<EntitySet Name="{entity.name}" EntityType="Erp.Tablesets.{entity.table}" />')
        keys = "".join(f'<PropertyRef Name="{key}" />' for key in entity.keys)
        columns = columns_of(service.stored(entity.table))
        properties = "".join(_property(entity.table, *column) for column in columns.items())
        types.append(
            f'<EntityType Name="{entity.table}"><Key>{keys}</Key>{properties}</EntityType>'
        )
    document = (
        '<?xml version="1.0" encoding="utf-8"?>'
        '<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx">'
        "<edmx:DataServices>"
        '<Schema Namespace="Erp.Tablesets" xmlns="http://docs.oasis-open.org/odata/ns/edm">'
        f"{''.join(dict.fromkeys(types))}</Schema>"
        '<Schema Namespace="Default" xmlns="http://docs.oasis-open.org/odata/ns/edm">'
        f'<EntityContainer Name="Container">{"".join(sets)}</EntityContainer></Schema>'
        "</edmx:DataServices></edmx:Edmx>"
    )
    return Response(200, document, {"Content-Type": "application/xml; charset=utf-8"})


def _property(table: str, name: str, kind: str) -> str:
    length = MAX_LENGTH.get((table, name))
    limit = f" MaxLength={quoteattr(str(length))}" if length else ""
    return f"<Property Name={quoteattr(name)} Type={quoteattr(_EDM[kind])}{limit} />"


def find_entity(service: Service, name: str) -> EntitySet | None:
    """The set of this name in a service, or None."""
    if name == "List" and service.list_table:
        return list_entity(service)
    return service.sets.get(name)


def unknown_address(service: str, name: str) -> ApiError:
    """Neither a set nor a method of the service (404)."""
    known = "" if service in SERVICES else "service "
    return ApiError(
        404,
        "Epicor.RESTApi.ErrorHandling.ApiException",
        f"Unable to find {known}{service}{'/' + name if not known else ''}.",
    )
