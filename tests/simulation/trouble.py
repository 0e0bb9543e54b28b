"""The faults, deaths and pauses of a run, drawn from the world's own dice."""

import random
from dataclasses import dataclass, field
from typing import Any

from tests.simulation.life import Life

BUSINESS = {
    "HttpStatus": 400,
    "ReasonPhrase": "REST API Exception",
    "ErrorMessage": "Tax liability is required.",
    "ErrorType": "Ice.Common.BusinessObjectException",
}
BROKEN = {
    "HttpStatus": 500,
    "ReasonPhrase": "Server Error",
    "ErrorMessage": "An unexpected error occurred.",
}

# Where it can hurt: what is written, what is looked up, the logins.
PLACES = {
    "epicor": (
        (30, "UpdateMaster"),
        (5, "APInvGrpSvc"),
        (8, "GetRows"),
        (3, "GetByID"),
        (6, "GetNewAPInv"),
        (16, "APInvoiceSvc"),
        (6, "/api/"),
        (2, "connect/token"),
    ),
    "ramp": (
        (14, "accounting/syncs"),
        (6, "/bills"),
        (2, "/token"),
        (2, "developer"),
    ),
}
KINDS = (
    (10, "reset_before", {}),
    (16, "reset_after", {}),
    (8, "truncate", {}),
    (6, "html", {}),
    (12, "late", {"until_told": True}),
    (5, "status", {"status": 503, "body": ""}),
    (4, "status", {"status": 500, "body": BROKEN}),
    (4, "status", {"status": 502, "body": "<html>Bad gateway</html>"}),
    (5, "status", {"status": 429, "body": {}}),
    (3, "status", {"status": 429, "body": {}, "headers": {"Retry-After": "3"}}),
    (4, "status", {"status": 429, "body": {}, "headers": {"Retry-After": "300"}}),
    (5, "status", {"status": 401, "body": {}}),
    (4, "after", {"status": 500, "body": BROKEN}),
    (6, "after", {"status": 502, "body": ""}),
    (6, "after", {"status": 504, "body": "Gateway Timeout"}),
    (5, "after", {"status": 400, "body": "<html>The request was blocked.</body></html>"}),
    (3, "after", {"status": 404, "body": ""}),
    (3, "after", {"status": 413, "body": ""}),
    (2, "after", {"status": 302, "body": ""}),
    (2, "status", {"status": 403, "body": "<html>The request was blocked.</body></html>"}),
    (4, "refuse", {}),
    (4, "ask", {}),
    (6, "slow", {}),
)  # fmt: skip


@dataclass(slots=True)
class Trouble:
    """What goes wrong in one run. `plan` and `args` are for the child."""

    words: list[str] = field(default_factory=list)
    plan: dict[str, Any] = field(default_factory=dict)
    args: dict[str, Any] = field(default_factory=dict)
    slow: str = ""

    def __str__(self) -> str:
        return "; ".join(self.words) or "undisturbed"


def draw(life: Life) -> Trouble:
    """Plan the trouble of the next run in the stand-ins, and say what it is."""
    trouble = Trouble()
    rng = life.rng
    storm = life.options.storm
    if not storm and rng.random() < 0.2:
        return trouble
    for _ in range(rng.choice((2, 3, 4, 6) if storm else (0, 1, 1, 2, 2, 3))):
        _fault(life, trouble)
    if rng.random() < (0.5 if storm else 0.35):
        _death(rng, trouble)
    return trouble


def _weighted(rng: random.Random, rows: tuple[Any, ...]) -> Any:
    return rng.choices(rows, [row[0] for row in rows])[0]


def _fault(life: Life, trouble: Trouble) -> None:
    rng = life.rng
    system = "epicor" if rng.random() < 0.8 else "ramp"
    _, match = _weighted(rng, PLACES[system])
    if match == "UpdateMaster" and life.options.settings["writer"] == "update_ext":
        match = "UpdateExt"
    _, kind, detail = _weighted(rng, KINDS)
    skip = rng.choice((0, 0, 0, 0, 1, 2))
    times = rng.choice((1, 1, 1, 1, 2, 4, 7))
    if kind == "slow":
        trouble.args["slow"] = [match, times]
        trouble.slow = match
        trouble.words.append(f"{times} x too slow at {match}")
        return
    if kind == "ask":
        life.box.epicor.app.ask_next("Is this tax code right?")
        trouble.words.append("Epicor asks a question")
        life.trouble["ask"] += 1
        return
    if kind == "refuse":
        system, match, kind = "epicor", "UpdateMaster", "status"
        detail = {"status": 400, "body": BUSINESS}
        life.trouble["refuse"] += 1
    if 300 <= detail.get("status", 0) < 500 and detail["status"] not in (401, 429):
        life.trouble["refuse"] += 1  # something in between refuses what only reads, too
    standin = life.box.epicor if system == "epicor" else life.box.ramp
    standin.fail_next(match, kind, times, skip=skip, **detail)
    shown = [str(detail[name]) for name in ("status", "headers") if name in detail]
    what = " ".join([kind, *shown])
    trouble.words.append(f"{times} x {what} at {system} {match}, after {skip}")


def _death(rng: random.Random, trouble: Trouble) -> None:
    moment = rng.choice(("before", "after", "after"))
    if rng.random() < 0.6:
        number = rng.choice((rng.randint(1, 6), rng.randint(1, 24)))
        trouble.plan["die_at"] = [number, moment]
        trouble.words.append(f"dies {moment} request {number}")
    else:
        number = rng.choice((rng.randint(1, 20), rng.randint(1, 90)))
        trouble.plan["die_at_commit"] = [number, moment]
        trouble.words.append(f"dies {moment} commit {number}")


def clear(life: Life) -> None:
    """The faults stop; those that happened are counted."""
    for standin in (life.box.epicor, life.box.ramp):
        standin.clear_faults()
        for kind, times in standin.failed.items():
            life.trouble[kind] += times
            life.counts["faults"] += times
        standin.failed.clear()
        if standin.waiting() and life.late_due is None:
            seconds = life.rng.choice((20, 60, 100, 150, 230))
            life.late_due = life.now.fromtimestamp(life.now.timestamp() + seconds, life.now.tzinfo)
    life.box.epicor.app.ask_no_more()
