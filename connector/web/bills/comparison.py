"""What Ramp says, what is sent, and what Epicor has, point by point, with each difference. Pure.

A point that one side cannot say in the other's words (Ramp's name of a vendor, Epicor's code) is
shown and not compared.
"""

from collections.abc import Mapping
from dataclasses import dataclass

FIELDS = (
    "Epicor company",
    "Vendor",
    "Invoice number",
    "Invoice date",
    "Apply date",
    "Due date",
    "Terms",
    "Currency",
    "Total",
    "Payment hold",
    "Group",
    "Description",
    "Posted",
    "Entered by",
)
SIDES = ("Ramp", "Sent", "Epicor")
NOT_AS_IN_RAMP = "not as in Ramp"
NOT_AS_SENT = "not as sent"


@dataclass(frozen=True, slots=True)
class Value:
    """One point on one side: how people read it, and what is compared (None = not comparable)."""

    text: str = ""
    means: object = None


NOTHING = Value()
NO_LINE = Value("no such line", means="nothing")


@dataclass(frozen=True, slots=True)
class Line:
    """One line on one side."""

    amount: Value = NOTHING
    account: Value = NOTHING
    text: Value = NOTHING


@dataclass(frozen=True, slots=True)
class Side:
    """An invoice as one side has it: values by the names in FIELDS, lines by their number.

    `lines` is None where nobody knows them; {} says that there are none.
    """

    fields: Mapping[str, Value]
    lines: Mapping[int, Line] | None = None


@dataclass(frozen=True, slots=True)
class Cell:
    """A value in the comparison; `differs` says from what, "" when from nothing."""

    text: str
    differs: str = ""
    compared: bool = False  # with the side before it


@dataclass(frozen=True, slots=True)
class Row:
    """One point on the three sides, in the order Ramp, sent, Epicor."""

    name: str
    cells: tuple[Cell, Cell, Cell]

    @property
    def told(self) -> list[tuple[Cell, str, bool]]:
        """Each cell, what a narrow screen calls it, and whether it repeats the one before.

        A narrow screen leaves the repeated ones out: their sides are named by the first.
        """
        found: list[tuple[Cell, str, bool]] = []
        for number, cell in enumerate(self.cells):
            rest = self.cells[number:]
            alike = next((at for at, one in enumerate(rest) if one.text != cell.text), len(rest))
            repeats = number > 0 and self.cells[number - 1].text == cell.text
            found.append((cell, ", ".join(SIDES[number : number + alike]), repeats))
        return found

    @property
    def differs(self) -> bool:
        """Whether any of the sides differs from another."""
        return any(cell.differs for cell in self.cells)


@dataclass(frozen=True, slots=True)
class Comparison:
    """The points of the whole invoice, then those of each line by its number."""

    rows: list[Row]
    lines: list[tuple[int, list[Row]]]

    @property
    def differences(self) -> int:
        """How many points differ."""
        return sum(row.differs for row in self._every)

    @property
    def with_ramp(self) -> int:
        """In how many points what is sent could be compared with Ramp."""
        return sum(row.cells[1].compared for row in self._every)

    @property
    def with_epicor(self) -> int:
        """In how many points what Epicor has could be compared."""
        return sum(row.cells[2].compared for row in self._every)

    @property
    def _every(self) -> list[Row]:
        return [*self.rows, *(row for _, rows in self.lines for row in rows)]


def compare(ramp: Side | None, sent: Side | None, epicor: Side | None) -> Comparison:
    """Every point that at least one side knows; a side that is None knows nothing.

    What is sent is compared with Ramp, and what Epicor has with what is sent (with Ramp where
    nothing is).
    """
    sides = (ramp, sent, epicor)
    rows = [
        _row(name, *(side.fields.get(name, NOTHING) if side else NOTHING for side in sides))
        for name in FIELDS
    ]
    numbers = sorted({number for side in sides if side for number in side.lines or ()})
    lines = [(number, _line(*(_line_of(side, number) for side in sides))) for number in numbers]
    return Comparison([row for row in rows if any(cell.text for cell in row.cells)], lines)


def _line(ramp: Line, sent: Line, epicor: Line) -> list[Row]:
    return [
        _row("Amount", ramp.amount, sent.amount, epicor.amount),
        _row("Account", ramp.account, sent.account, epicor.account),
        _row("Text", ramp.text, sent.text, epicor.text),
    ]


def _line_of(side: Side | None, number: int) -> Line:
    """The line of a side; one whose lines are known says where it has none."""
    if side is None or side.lines is None:
        return Line()
    return side.lines.get(number, Line(amount=NO_LINE))


def _row(name: str, ramp: Value, sent: Value, epicor: Value) -> Row:
    before, why = (sent, NOT_AS_SENT) if sent.means is not None else (ramp, NOT_AS_IN_RAMP)
    cells = (Cell(ramp.text), _cell(ramp, sent, NOT_AS_IN_RAMP), _cell(before, epicor, why))
    return Row(name, cells)


def _cell(before: Value, value: Value, why: str) -> Cell:
    """A value beside the one that it is compared with, where both can be."""
    compared = before.means is not None and value.means is not None
    differs = compared and before.means != value.means
    return Cell(value.text, why if differs else "", compared)
