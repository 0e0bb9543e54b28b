"""Every hold of a bill has its facts beside its words, because only the facts are compared."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

ROOMS = (
    "connector/domain",
    "connector/epicor",
    "connector/ramp",
    "connector/sync/bills",
    "audit/ledger",
)
# What is raised about one bill; of answers that a system gave, its words are the facts.
RAISED = {
    "Hold",
    "Stop",
    "HeldError",
    "InvalidBillError",
    "RejectedError",
    "DuplicateInvoiceError",
    "QuestionError",
}
# Raised to the person who asked, never written on a bill.
FOR_THE_PERSON = {"connector/sync/bills/duplicate_list.py"}


def raised(path: Path) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in RAISED:
            yield node


@pytest.mark.parametrize("room", ROOMS)
def test_no_hold_is_made_of_words_alone(room: str) -> None:
    root = Path(settings.BASE_DIR)
    bare = [
        f"{path.relative_to(root)}:{call.lineno}"
        for path in sorted((root / room).rglob("*.py"))
        if str(path.relative_to(root)) not in FOR_THE_PERSON
        for call in raised(path)
        if len(call.args) < 3 and not {one.arg for one in call.keywords} & {"detail", "gaps"}
    ]
    assert bare == []
