"""Writes many rows quickly: COPY on PostgreSQL, prepared statements on SQLite."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from django.core.management.color import no_style
from django.db import connection, models, transaction

_CHUNK = 5000


def insert(model: type[models.Model], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    """Insert rows of these fields (by attribute name); says how many. Others get their default."""
    others = [field for field in model._meta.concrete_fields if _needs_default(field, columns)]
    fields = [model._meta.get_field(name) for name in columns] + others
    prepare = [_ready(field) for field in fields]
    defaults = [field.get_default() for field in others]
    ready = (
        [make(value) for make, value in zip(prepare, [*row, *defaults], strict=True)]
        for row in rows
    )
    names = ", ".join(connection.ops.quote_name(field.column) for field in fields)
    table = connection.ops.quote_name(model._meta.db_table)
    write = _copy if connection.vendor == "postgresql" else _statements
    with transaction.atomic():
        return write(table, names, len(fields), ready)


def _needs_default(field: Any, columns: Sequence[str]) -> bool:
    return not (field.attname in columns or field.primary_key or field.null)


def next_pk(model: type[models.Model]) -> int:
    """The first number that no row has."""
    return (model._default_manager.aggregate(last=models.Max("pk"))["last"] or 0) + 1


def settle(*changed: type[models.Model]) -> None:
    """Sequences go on behind what was inserted, and the database learns what it holds now."""
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), list(changed)):
            cursor.execute(statement)
        cursor.execute("ANALYZE")


def without_indexes(model: type[models.Model], work: Callable[[], None]) -> None:
    """Do `work` while the table's plain indexes are away: building them once is much quicker."""
    indexes = list(model._meta.indexes)
    with connection.schema_editor() as editor:
        for index in indexes:
            editor.remove_index(model, index)
    try:
        work()
    finally:
        with connection.schema_editor() as editor:
            for index in indexes:
                editor.add_index(model, index)


def _copy(table: str, names: str, width: int, rows: Iterator[list[Any]]) -> int:
    count = 0
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
            count += 1
    return count


def _statements(table: str, names: str, width: int, rows: Iterator[list[Any]]) -> int:
    count = 0
    marks = ", ".join(["%s"] * width)
    with connection.cursor() as cursor:
        while piece := list(islice(rows, _CHUNK)):
            cursor.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", piece)
            count += len(piece)
    return count


def _ready(field: Any) -> Callable[[Any], Any]:
    if isinstance(field, models.JSONField):
        return lambda value: value if isinstance(value, str) else json.dumps(value)
    spelled = (models.DateTimeField, models.DateField, models.DecimalField, models.UUIDField)
    if connection.vendor != "postgresql" and isinstance(field, spelled):
        return lambda value: field.get_db_prep_save(value, connection)
    return lambda value: value
