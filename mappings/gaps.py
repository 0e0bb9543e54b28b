"""Collects what stops a bill, so that the same trouble on ten lines is one thing to fix.

Pure. A gap's sentence starts with the lines it is about, or with none when it is about the bill.
"""

from collections.abc import Iterator

from connector.domain.errors import Gap, Reason
from mappings.coding import Ref

_LINES_NAMED = 5  # more lines than this are counted, not named


class Gaps:
    """The gaps of one bill in the order they were found, without repeats."""

    def __init__(self, company: str) -> None:
        self._company = company
        self._lines: dict[tuple[Reason, str, Ref, str, tuple[str, ...]], list[int]] = {}

    def add(
        self,
        reason: Reason,
        kind: str,
        ref: Ref,
        text: str,
        line: int = 0,
        facts: tuple[object, ...] = (),
    ) -> None:
        """Note a gap; `text` is a sentence, `line` counts from 1, 0 means the whole bill.

        `facts`: what the sentence says besides, as values; with others it is another gap.
        """
        known = tuple(map(str, facts))
        self._lines.setdefault((reason, kind, ref, text, known), []).append(line)

    def all(self) -> tuple[Gap, ...]:
        """Every gap found."""
        return tuple(self._gaps())

    def _gaps(self) -> Iterator[Gap]:
        for (reason, kind, ref, text, facts), lines in self._lines.items():
            named = tuple(lines) if lines[0] else ()
            message = f"{_named(lines)}: {text}" if named else text
            yield Gap(reason, kind, ref.ramp_id, ref.name, message, self._company, named, facts)


def _named(lines: list[int]) -> str:
    if len(lines) == 1:
        return f"Line {lines[0]}"
    if len(lines) > _LINES_NAMED:
        first = ", ".join(str(line) for line in lines[:_LINES_NAMED])
        return f"Lines {first} and {len(lines) - _LINES_NAMED} more"
    return f"Lines {', '.join(str(line) for line in lines[:-1])} and {lines[-1]}"
