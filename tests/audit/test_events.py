"""Every action has words, every sentence reads well, and no body breaks one."""

import ast
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from audit.trail.events import ACTIONS, name_of, sentence
from tests.audit.test_as_of import BODIES, CHANGES

ROOT = Path(settings.BASE_DIR)
CODE = ("connector", "mappings", "audit")
Function = ast.FunctionDef


def modules() -> dict[str, ast.Module]:
    files = [file for folder in CODE for file in (ROOT / folder).rglob("*.py")]
    return {
        str(file): ast.parse(file.read_text(encoding="utf-8"))
        for file in files
        if "migrations" not in file.parts
    }


class Writers:
    """The functions that write an entry, each with the place of its argument `action`.

    `NewEntry` and `record` do; so does whatever hands its own `action` on to one that does. A
    function is known by its file and name, and followed through imports.
    """

    def __init__(self, trees: dict[str, ast.Module]) -> None:
        self.trees = trees
        self.imported = {file: imports(tree) for file, tree in trees.items()}
        log = str(ROOT / "audit" / "trail" / "log.py")
        self.places: dict[tuple[str, str], int] = {(log, "NewEntry"): 1, (log, "record"): 1}
        while self._grow():
            pass

    def _grow(self) -> bool:
        before = len(self.places)
        for file, tree in self.trees.items():
            for function in functions(tree):
                names = [arg.arg for arg in function.args.args]
                handed = (self.action_of(file, call) for call in calls(function))
                if "action" in names and any(is_name(it, "action") for it in handed):
                    place = names.index("action") - (names[0] == "self")
                    self.places.setdefault((file, function.name), place)
        return len(self.places) > before

    def action_of(self, file: str, call: ast.Call) -> ast.expr | None:
        """What a call gives as `action`; None when it writes no entry."""
        place = self.places.get(self._called(file, call.func))
        if place is None:
            return None
        for keyword in call.keywords:
            if keyword.arg == "action":
                return keyword.value
        return call.args[place] if place < len(call.args) else None

    def _called(self, file: str, func: ast.expr) -> tuple[str, str]:
        """The file and the name of a called function; our own file when it is not imported."""
        known = self.imported[file]
        if isinstance(func, ast.Attribute):
            module = known.get(func.value.id, "") if isinstance(func.value, ast.Name) else ""
            return path_of(module) or file, func.attr
        name = getattr(func, "id", "")
        module, _, original = known.get(name, "").rpartition(".")
        return (path_of(module), original) if module else (file, name)


def imports(tree: ast.Module) -> dict[str, str]:
    """Every imported name, with where it comes from."""
    froms = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return {it.asname or it.name: f"{node.module}.{it.name}" for node in froms for it in node.names}


def path_of(module: str) -> str:
    """The file of a module of ours, "" for any other."""
    file = (ROOT / module.replace(".", "/")).with_suffix(".py")
    return str(file) if module and file.is_file() else ""


def functions(tree: ast.AST) -> list[Function]:
    return [node for node in ast.walk(tree) if isinstance(node, Function)]


def calls(tree: ast.AST) -> list[ast.Call]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call)]


def is_name(node: ast.expr | None, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def texts(node: ast.expr | None, scope: ast.AST, module: ast.AST) -> Iterator[str]:
    """The texts that an expression can be; what an f-string fills in is a star."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(it.value if isinstance(it, ast.Constant) else "*" for it in node.values)
    for part in parts(node, scope, module):
        yield from texts(part, scope, module)


def parts(node: ast.expr | None, scope: ast.AST, module: ast.AST) -> list[ast.expr]:
    """What an expression takes its value from: a choice, a table, or what a name was given."""
    if isinstance(node, ast.IfExp):
        return [node.body, node.orelse]
    if isinstance(node, ast.Dict):
        return node.values
    if isinstance(node, ast.Subscript):
        return [node.value]
    if isinstance(node, ast.Name):
        given = [*ast.walk(scope), *ast.iter_child_nodes(module)]
        assigned = [it for it in given if isinstance(it, ast.Assign)]
        return [it.value for it in assigned if any(is_name(to, node.id) for to in it.targets)]
    return []


def written() -> set[str]:
    """Every action that the code writes, and patterns where it is put together."""
    trees = modules()
    writers = Writers(trees)
    found = set()
    for file, tree in trees.items():
        for scope in [*functions(tree), tree]:
            for call in calls(scope):
                found |= set(texts(writers.action_of(file, call), scope, tree))
    return found


def test_every_action_that_the_code_writes_has_words() -> None:
    """What an older release wrote keeps its words, too: the trail is for ever."""
    found = written()
    # The search is worth something only while it finds what is known to be there.
    known = {"posting.entered", "attempt.begun", "tenant.paused", "membership_saved"}
    known |= {"posting.opened", "tenant_created", "mapping_*", "posting.*", "audit.verified"}
    assert known <= found
    without = {it for it in found if not any(fnmatchcase(action, it) for action in ACTIONS)}
    assert without == set(), "write a sentence for them in audit/trail/events.py"


def entry(action: str, body: Any = None, **values: Any) -> SimpleNamespace:
    prefix = action.replace("_", ".").partition(".")[0]
    kind = {"attempt": "posting", "membership": "user"}.get(prefix, prefix)
    return SimpleNamespace(
        **{
            "action": action,
            "subject_kind": kind,
            "subject_id": "b-1",
            "actor": "system",
            "body": {} if body is None else body,
            "changes": {},
            **values,
        }
    )


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (
            entry(
                "mapping_created",
                {"company": ""},
                changes={"ramp_name": [None, "Acme Corp"], "epicor_id": [None, "ACME1"]},
                subject_id="vendors:v-1",
                actor="ann",
            ),
            "ann mapped vendor Acme Corp to ACME1 (before: none).",
        ),
        (
            entry(
                "mapping_changed",
                {"company": "EPIC06"},
                changes={"ramp_name": ["", ""], "epicor_id": ["100", "200"]},
                subject_id="dimension:Team:t-9",
                actor="ann",
            ),
            "ann mapped Team t-9 in EPIC06 to 200 (before: 100).",
        ),
        (
            entry(
                "mapping_deleted",
                changes={"ramp_name": ["Acme", None], "epicor_id": ["A", None]},
                subject_id="vendormapping:v-1",
                actor="root",
            ),
            "root removed the mapping of vendor Acme (before: A).",
        ),
        (
            entry("posting.held", {"reason": "vendor_unmapped", "message": "Acme has no vendor."}),
            "The connector held bill b-1 (Vendor not mapped): Acme has no vendor.",
        ),
        (
            entry("posting.dismissed", {"reason": "Paid by hand"}, actor="ann"),
            "ann dismissed bill b-1: Paid by hand.",
        ),
        (
            entry(
                "posting.entered",
                {
                    "vendor_id": "ACME1",
                    "invoice_num": "INV-1",
                    "total": "120.00",
                    "currency": "USD",
                },
                changes={
                    "company": ["", "EPIC06"],
                    "vendor_num": [None, 7],
                    "group_id": ["", "R261102A"],
                },
            ),
            "The connector entered bill b-1 into Epicor as INV-1 of vendor ACME1 in EPIC06, "
            "group R261102A (120.00 USD).",
        ),
        (
            entry(
                "posting.seen_changed",
                changes={"amount": ["1.00", "2.00"], "due_on": [None, "2026-12-24"]},
            ),
            "Bill b-1 changed in Ramp: amount 1.00 → 2.00, due none → 2026-12-24.",
        ),
        (
            entry("posting.seen_changed", changes={"seen_hash": ["a", "b"]}),
            "Bill b-1 changed in Ramp: its coding or its lines.",
        ),
        (
            entry(
                "attempt.finished",
                {"attempt": 12, "action": "enter_invoice", "outcome": "unknown", "message": "?"},
            ),
            "The connector got no sure answer from Epicor to attempt 12, enter invoice, for bill "
            "b-1: ?",
        ),
        (
            entry("attempt.finished", {"action": "enter_invoice", "outcome": "done"}),
            "The connector got Epicor's answer to enter invoice, for bill b-1: done.",
        ),
        (
            entry(
                "attempt.finished", {"attempt": 7, "action": "open_group", "outcome": "not_sent"}
            ),
            "The connector did not send attempt 7, open group, for bill b-1, after all.",
        ),
        (
            entry(
                "attempt.finished",
                {"attempt": 7, "action": "confirm", "outcome": "done", "bills": 12},
                subject_kind="confirmation",
            ),
            "The connector told Ramp of 12 bills (attempt 7).",
        ),
        (
            entry(
                "attempt.finished",
                {"action": "confirm", "outcome": "done"},
                subject_kind="confirmation",
            ),
            "The connector told Ramp of a batch of bills.",
        ),
        (
            entry(
                "attempt.finished",
                {"attempt": 8, "action": "confirm", "outcome": "refused", "bills": 1},
                subject_kind="confirmation",
            ),
            "The connector got Ramp's answer to attempt 8, confirm, for 1 bill: refused.",
        ),
        (
            entry("tenant_changed", {"changed": ["posting.lanes", "entities"]}, actor="root"),
            "root changed the settings of tenant b-1: posting.lanes, entities.",
        ),
        (
            entry("membership_saved", changes={"role": ["", "auditor"]}, actor="root"),
            "root gave b-1 the role auditor (before: none).",
        ),
        (
            entry("audit.verified", {"ok": True, "entries": 12}, actor="bob"),
            "bob had the audit chain verified: all 12 entries fit.",
        ),
        (
            entry(
                "mapping_approved",
                {
                    "before": None,
                    "after": {"ramp_name": "Acme", "epicor_id": "A"},
                    "by": "ann",
                },
                subject_id="vendors:v-1",
                actor="bob",
            ),
            "bob approved mapping vendor Acme to A (before: none), as ann proposed.",
        ),
        (
            entry("mapping_rules", changes={"needs_approval": [False, True]}, actor="root"),
            "root decided that changes of mappings need the approval of a second person.",
        ),
        (
            entry("posting.assigned", changes={"assignee": ["", "bob"]}, actor="ann"),
            "ann gave bill b-1 to bob.",
        ),
        (
            entry("posting.noted", {"note": "Call them"}, actor="ann"),
            "ann noted on bill b-1: Call them.",
        ),
        (
            entry("bills.exported", {"rows": 7, "format": "csv", "filter": "held"}, actor="ann"),
            "ann exported 7 bills as CSV: held.",
        ),
        (
            entry(
                "question.accepted",
                {"method": "UpdateExt", "text": "Is 7 right?", "every_bill": False},
                subject_kind="posting",
                actor="ann",
            ),
            "ann said that bill b-1 goes on in spite of what Epicor asked: “Is 7 right?” "
            "(UpdateExt).",
        ),
        (
            entry(
                "question.accepted",
                {"method": "UpdateExt", "text": "Is 7 right?", "every_bill": True},
                subject_kind="tenant",
                subject_id="acme",
                actor="ann",
            ),
            "ann said that every bill of tenant acme goes on in spite of what Epicor asked: "
            "“Is 7 right?” (UpdateExt).",
        ),
        (
            entry(
                "question.forgotten",
                {"method": "UpdateExt", "text": "Is 7 right?", "every_bill": True},
                subject_kind="tenant",
                subject_id="acme",
                actor="ann",
            ),
            "ann had bills of tenant acme stop again at what Epicor asks: “Is 7 right?” "
            "(UpdateExt).",
        ),
        (
            entry("question.forgotten", {}, subject_kind="posting", actor="ann"),
            "ann had bill b-1 stop again at what Epicor asks.",
        ),
        (
            entry(
                "posting.twins_cleared",
                {"reason": "Not ours"},
                changes={"twins_cleared": [[], [["EPIC06", 7, "1"]]]},
            ),
            "",
        ),
        (entry("something.new", actor="ann"), "ann: Something: new (something b-1)"),
    ],
    ids=lambda it: it.action if isinstance(it, SimpleNamespace) else "",
)
def test_sentences_that_a_controller_reads(told: SimpleNamespace, expected: str) -> None:
    said = sentence(told)
    assert said == expected or (not expected and said.endswith("another invoice: Not ours."))


def test_a_bill_is_called_what_people_call_it() -> None:
    said = sentence(entry("posting.replayed", actor="ann"), "bill INV-7 of Acme Corp")
    assert said == "ann replayed bill INV-7 of Acme Corp."


def test_a_long_reason_is_cut_in_the_sentence() -> None:
    assert len(sentence(entry("posting.dismissed", {"reason": "x" * 5000}))) < 500


def test_an_action_has_a_name_also_without_words() -> None:
    assert name_of("posting.held") == "Held"
    assert name_of("vendor.pushed") == "Vendor: pushed"


@given(
    st.sampled_from(sorted(ACTIONS)),
    BODIES,
    CHANGES,
    st.text(max_size=12),
    st.sampled_from(["posting", "mapping", "x", ""]),
    st.sampled_from(["", "system", "ann"]),
)
def test_no_body_breaks_a_sentence(
    action: str, body: Any, changes: Any, subject: str, kind: str, actor: str
) -> None:
    about = {"subject_id": subject, "subject_kind": kind, "actor": actor}
    told = entry(action, body, changes=changes, **about)
    assert len(sentence(told)) > 5
