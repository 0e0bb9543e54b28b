"""Kills a worker with SIGKILL at every request of a bill's way, and sees that nothing is lost.

For each death: the world as it was before, a child that dies there, time that passes, ordinary
runs until nothing moves any more; then exactly one right invoice, one right confirmation, and
nothing left behind. `python -m tests.simulation.crashes [case …]` runs all and prints a table.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from sandbox.world_sketch import Expectation
from tests.journeys import truth
from tests.simulation.crashes_scene import INSIDE, Case, Kept, Scene, Step
from tests.simulation.processes import Zygote

MINUTE = 60.0
AFTER_DEATH_S = 21 * MINUTE  # every lease is over then
MOST_RUNS = 12
WRITES = ("/Update", "/UpdateMaster", "/UnlockGroup", "/accounting/syncs")
NEW_DUE = date(2026, 12, 29)
MOMENTS = ("before", "after")
# A loose end is a note that nobody will finish; no bill and no money depends on it.
KINDS = ("doubled", "lost", "wrong", "loose")


@dataclass(frozen=True, slots=True)
class Death:
    """Where a worker dies: in which step, at which request or commit, when, and by whose hand."""

    step: int
    number: int
    moment: str
    what: str
    kind: str = "request"  # request: itself; outside: from the stand-in's side; commit: itself

    def __str__(self) -> str:
        return f"step {self.step + 1}, {self.kind} {self.number} {self.moment} ({self.what})"


@dataclass(slots=True)
class Verdict:
    """What came of one case."""

    case: str
    requests: int = 0
    deaths: int = 0
    faults: Counter[str] = field(default_factory=Counter)  # by KINDS
    said: list[str] = field(default_factory=list)
    loose: list[str] = field(default_factory=list)

    def add(self, death: Death | None, found: Sequence[tuple[str, str]]) -> None:
        """Count what was found after a death (None = nobody died)."""
        self.deaths += death is not None
        for kind, words in found:
            self.faults[kind] += 1
            said = self.loose if kind == "loose" else self.said
            said.append(f"{self.case}, {death or 'undisturbed'}: {kind}: {words}")


def matrix(
    zygote: Zygote, case: Case, *, requests: int = 1, commits: int = 0, planted: str = ""
) -> Verdict:
    """A worker dies before and after each n-th request and each n-th commit (0 = at none).

    Requests that write are never left out. `planted` names a bug ("module:function") that every
    worker has.
    """
    verdict = Verdict(case.name)
    with Scene(zygote, case, planted) as scene:
        kept, at_request, at_commit = _learned(scene, verdict)
        for death in (*_spread(at_request, requests), *_spread(at_commit, commits)):
            verdict.add(death, _died(scene, kept[death.step], death))
    return verdict


def _spread(deaths: list[Death], every: int) -> list[Death]:
    """Both deaths of each n-th place and of every write; none for 0."""
    return [
        death
        for n, death in enumerate(deaths)
        if every and (n // 2 % every == 0 or death.what.endswith(WRITES))
    ]


def _learned(scene: Scene, verdict: Verdict) -> tuple[list[Kept], list[Death], list[Death]]:
    """The undisturbed way: the scene before each step, and every place to die, in pairs."""
    kept: list[Kept] = []
    at_request: list[Death] = []
    at_commit: list[Death] = []
    for place, step in enumerate(scene.case.steps):
        kept.append(scene.keep())
        if step.first is not None:
            step.first(scene)
        scene.witness.forget()
        outcome = scene.work(step.at_s)
        assert outcome.ok, outcome.traceback
        assert len(scene.witness.seen) == len(outcome.requests)
        if step.deadly:
            for number, what in enumerate(outcome.requests, start=1):
                at_request.append(Death(place, number, "before", what))
                at_request.append(Death(place, number, "after", what, "outside"))
            for number, what in enumerate(outcome.commits, start=1):
                at_commit += [Death(place, number, moment, what, "commit") for moment in MOMENTS]
    verdict.requests = len(at_request) // 2
    verdict.add(None, judged(scene, step.at_s))
    return kept, at_request, at_commit


def _died(scene: Scene, kept: Kept, death: Death) -> list[tuple[str, str]]:
    """Die there, recover, and judge."""
    scene.put_back(kept)
    step = scene.case.steps[death.step]
    if step.first is not None:
        step.first(scene)
    if death.kind == "outside":
        outcome = scene.work_killed_outside(step.at_s, death.number, death.moment)
    else:
        key = "die_at_commit" if death.kind == "commit" else "die_at"
        outcome = scene.work(step.at_s, {key: [death.number, death.moment]})
    if not outcome.killed:
        return [("wrong", f"it did not die: {outcome.error} {outcome.message}")]
    at_s = step.at_s
    for later in scene.case.steps[death.step + 1 :]:
        if later.first is not None:
            later.first(scene)
        at_s = later.at_s
    return judged(scene, recovered(scene, at_s + AFTER_DEATH_S))


def recovered(scene: Scene, at_s: float) -> float:
    """Ordinary runs from this time on until nothing moves, and one more; the time after them."""
    quiet = False
    for _ in range(MOST_RUNS):
        postings = scene.work(at_s).value or []
        at_s += max(5 * MINUTE, *(row["waits_s"] for row in postings), 0) + 1
        if quiet:
            break
        quiet = _is_quiet(postings)
    return at_s


def _is_quiet(postings: list[dict[str, Any]]) -> bool:
    return bool(postings) and all(
        row["hold"] or row["state"] in ("confirmed", "removed", "dismissed") for row in postings
    )


# -- judging ---------------------------------------------------------------------------------


def judged(scene: Scene, at_s: float) -> list[tuple[str, str]]:
    """Everything that is not as it must be: (doubled | lost | wrong | loose, what)."""
    facts = scene.call("facts", slug=scene.slug, at_s=at_s)
    return [*_in_epicor(scene), *_in_ramp(scene), *_with_us(facts)]


def _in_epicor(scene: Scene) -> Iterator[tuple[str, str]]:
    invoices = scene.box.epicor.state()["invoices"]
    mine = truth.ledger(scene.box).get(scene.bill_id, [])
    if not mine:
        yield "lost", "no invoice"
    if len(mine) > 1 or len(invoices) > scene.invoices + 1:
        yield "doubled", f"{len(invoices) - scene.invoices} invoices"
    wanted = truth.planned(scene.case.becomes(scene.expected))
    for invoice in mine:
        if (seen := _seen(invoice)) != wanted:
            names = [name for name in wanted if seen.get(name) != wanted[name]]
            yield "wrong", ", ".join(f"{n} {seen.get(n)} not {wanted[n]}" for n in names)
    for group in scene.box.epicor.state()["groups"]:
        if group["ActiveUserID"]:
            yield "wrong", f"group {group['GroupID']} is locked by {group['ActiveUserID']}"


def _seen(invoice: dict[str, Any]) -> dict[str, Any]:
    try:
        return truth.seen(invoice)
    except KeyError as error:
        return {"unreadable": str(error)}  # an invoice that was begun and never completed


def _in_ramp(scene: Scene) -> Iterator[tuple[str, str]]:
    syncs = scene.box.ramp.app.syncs
    calls = [call for call in syncs.calls if not call["repeated"]]
    told = sum(scene.bill_id in call["successful"] for call in calls)
    if told == 0:
        yield "lost", "not confirmed to Ramp"
    if told > 1:
        yield "doubled", f"confirmed {told} times"
    if any(scene.bill_id in call["failed"] for call in calls):
        yield "wrong", "Ramp was told that it failed"
    wanted = scene.case.becomes(scene.expected)
    reference = f"{wanted.company}/{wanted.vendor_num}/{wanted.invoice_num}"
    actual = syncs.references.get(scene.bill_id, {}).get("BILL_SYNC")
    if told and actual != reference:
        yield "wrong", f"confirmed as {actual}, not {reference}"


def _with_us(facts: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if len(facts["postings"]) != 1:
        yield "lost", f"{len(facts['postings'])} postings"
    for row in facts["postings"]:
        if row["state"] != "confirmed" or row["hold"] or row["owner"]:
            words = (row["state"], row["hold"], row["message"], row["owner"])
            yield "wrong", f"posting {' '.join(words)}"
    for name in ("paused", "leases", "doubts", "broken"):
        if facts[name]:
            yield "wrong", f"{name}: {facts[name]}"
    if facts["loose"]:
        yield "loose", ", ".join(facts["loose"])


# -- the canonical bills ---------------------------------------------------------------------


def _plain(expected: Expectation) -> bool:
    return not expected.credit and len(expected.lines) == 2


def _log_out(scene: Scene) -> None:
    scene.box.ramp.app.expire_tokens()
    scene.box.epicor.app.expire_tokens()


def _lose_the_answer(scene: Scene) -> None:
    scene.box.epicor.fail_next("UpdateMaster", "reset_after")


def _lose_the_request(scene: Scene) -> None:
    scene.box.epicor.fail_next("UpdateMaster", "reset_before")


def _edit(scene: Scene) -> None:
    changes = {"due_at": f"{NEW_DUE.isoformat()}T00:00:00+00:00"}
    scene.box.ramp.app.edit_bill(scene.bill_id, changes)


CASES = {
    case.name: case
    for case in (
        Case("plain", _plain),
        Case("lines", lambda expected: len(expected.lines) == 30),
        Case("credit", lambda expected: expected.credit),
        Case("named", _plain, update_master="named"),
        Case("locking", _plain, auto_lock=True),
        Case("login", _plain, (Step(first=_log_out),)),
        Case(
            "edited",
            _plain,
            (Step(deadly=False), Step(90 * MINUTE, first=_edit)),
            becomes=lambda expected: replace(expected, due_date=NEW_DUE),
        ),
        Case("doubt", _plain, (Step(first=_lose_the_answer), Step(10 * MINUTE))),
        Case(
            "vanished",
            _plain,
            (
                Step(first=_lose_the_request),
                Step(10 * MINUTE),
                Step(30 * MINUTE),
                Step(50 * MINUTE),
            ),
        ),
    )
}


# -- the table -------------------------------------------------------------------------------


def table(verdicts: Sequence[Verdict]) -> str:
    """One line a bill."""
    titles = ("bill", "requests", "deaths", *KINDS)
    rows = [
        (one.case, one.requests, one.deaths, *(one.faults[kind] for kind in KINDS))
        for one in verdicts
    ]
    lines = ["".join(f"{cell!s:>10}" for cell in row) for row in (titles, *rows)]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the matrix and print it; 1 when anything was doubled, lost or wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.crashes")
    parser.add_argument("cases", nargs="*", metavar="case", help=f"of {', '.join(CASES)}")
    parser.add_argument("--every", type=int, default=1, help="only each n-th request and commit")
    parser.add_argument("--jobs", type=int, default=2, help="cases at the same time")
    chosen = parser.parse_args(arguments)
    names = chosen.cases or list(CASES)
    with Zygote([INSIDE]) as zygote, ThreadPoolExecutor(chosen.jobs) as pool:

        def run(name: str) -> Verdict:
            commits = chosen.every if name == "plain" else 0
            return matrix(zygote, CASES[name], requests=chosen.every, commits=commits)

        verdicts = list(pool.map(run, names))
    said = [line for one in verdicts for line in (*one.said, *one.loose)]
    sys.stdout.write("\n".join([table(verdicts), *said, ""]))
    return int(any(one.said for one in verdicts))


if __name__ == "__main__":
    sys.exit(main())
