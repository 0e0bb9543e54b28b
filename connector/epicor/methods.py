"""What an Epicor method gives back, wherever the release puts it. Pure.

Source: docs/epicor.md, "Addresses".
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]
Dataset = dict[str, list[Row]]


@dataclass(frozen=True, slots=True)
class MethodAnswer:
    """What a method gave back: its return value, and its ref and out parameters."""

    return_obj: Any = None
    parameters: Row = field(default_factory=dict)
    top: Row = field(default_factory=dict)

    @property
    def ds(self) -> Dataset:
        """The tableset, wherever this Epicor puts it; {} when there is none."""
        for place in (self.parameters, self.return_obj, self.top):
            if isinstance(place, dict) and isinstance(place.get("ds"), dict):
                return _dataset(place["ds"])
        return _dataset(self.return_obj) if isinstance(self.return_obj, dict) else {}


def method_answer(body: Any) -> MethodAnswer:
    """The answer in the JSON value of a method's response."""
    if body is None:
        return MethodAnswer()
    if not isinstance(body, dict):
        return MethodAnswer(return_obj=body)
    parameters = body.get("parameters")
    return MethodAnswer(
        body.get("returnObj"), parameters if isinstance(parameters, dict) else {}, body
    )


def _dataset(value: Mapping[str, Any]) -> Dataset:
    """The tables of a tableset: its properties that are lists of rows."""
    return {
        table: [row for row in rows if isinstance(row, dict)]
        for table, rows in value.items()
        if isinstance(rows, list)
    }
