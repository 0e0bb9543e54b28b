"""Reads a tenant file: every key checked, every problem named with its path. Stores nothing."""

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connector.tenants.tenant_lists import (
    Dimension,
    Entity,
    read_currencies,
    read_dimensions,
    read_entities,
)
from connector.tenants.tenant_schema import KEYS, SECTIONS

MOST_BYTES = 1_000_000
_LISTS = ("entities", "currencies", "dimensions")


class TenantFileError(Exception):
    """The file cannot be used; `problems` are sentences that begin with a path."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__(" ".join(f"{problem}." for problem in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class TenantConfig:
    """What a tenant file says. Keys it does not have are absent from `values`, lists are None.

    `values` is path → typed value, with what null clears it to. `problems` are all faults found;
    `tenantfile.apply` refuses a configuration that has any.
    """

    slug: str
    values: Mapping[str, Any]
    entities: tuple[Entity, ...] | None
    currencies: tuple[tuple[str, str], ...] | None
    dimensions: tuple[Dimension, ...] | None
    problems: tuple[str, ...]


def read(path: str | Path) -> TenantConfig:
    """The configuration in a JSON file. Raises TenantFileError when it cannot be read at all."""
    file = Path(path)
    try:
        if file.stat().st_size > MOST_BYTES:
            raise TenantFileError((f"{file} is too big for a tenant file",))
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise TenantFileError((f"{file} cannot be read: {error.strerror}",)) from error
    except UnicodeDecodeError as error:
        raise TenantFileError((f"{file} is not a text in UTF-8",)) from error
    try:
        document = json.loads(text, object_pairs_hook=_without_doubles)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise TenantFileError((f"{file} is not JSON: {error.msg} at {where}",)) from error
    except RecursionError as error:
        raise TenantFileError((f"{file} is nested too deeply",)) from error
    return parse(document)


def parse(document: Any) -> TenantConfig:
    """Check a document. Raises TenantFileError when it is no object or has no usable slug."""
    if not isinstance(document, dict):
        raise TenantFileError(("A tenant file is one JSON object",))
    reader = _Reader()
    reader.walk(document, "")
    if "slug" not in reader.values:
        if document.get("slug") is None:
            reader.report("slug", "is required")
        raise TenantFileError(reader.all())
    lists: dict[str, Any] = dict.fromkeys(_LISTS)
    if "entities" in document:
        lists["entities"] = read_entities(document["entities"], reader.report)
    if "currencies" in document:
        lists["currencies"] = read_currencies(document["currencies"], reader.report)
    if "dimensions" in document:
        lists["dimensions"] = read_dimensions(document["dimensions"], reader.report)
    return TenantConfig(reader.values["slug"], reader.values, **lists, problems=reader.all())


class _Reader:
    """Collects values and problems while it walks through the sections."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.problems: list[str] = []

    def report(self, path: str, problem: str) -> None:
        self.problems.append(f"{path}: {problem}")

    def all(self) -> tuple[str, ...]:
        return tuple(self.problems)

    def walk(self, section: Mapping[str, Any], prefix: str) -> None:
        for name, value in section.items():
            path = f"{prefix}{name}"
            if path in SECTIONS:
                if isinstance(value, dict):
                    self.walk(value, f"{path}.")
                else:
                    self.report(path, "must be an object")
            elif path in KEYS:
                self._value(path, value)
            elif path not in _LISTS:
                self.report(path, f"is not a key{_suggestion(path)}")

    def _value(self, path: str, value: Any) -> None:
        key = KEYS[path]
        if value is None and key.required:
            self.report(path, "cannot be null")
        elif value is None:
            self.values[path] = key.cleared
        else:
            try:
                self.values[path] = key.read(value)
            except ValueError as error:
                self.report(path, str(error))


def _suggestion(path: str) -> str:
    close = difflib.get_close_matches(path, [*KEYS, *SECTIONS, *_LISTS], n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        double = next(name for name in names if names.count(name) > 1)
        raise TenantFileError((f"{double}: is given twice in the same object",))
    return found
