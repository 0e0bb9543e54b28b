"""Lives one world: people, runs, trouble; then quiet; then a person puts everything right."""

import itertools
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.simulation import in_epicor, in_ramp, invariants, people, poisoned, trouble, with_us
from tests.simulation.life import Life, Options, Violation, draw_options, shortly
from tests.simulation.processes import Zygote, drop_database

MINUTE = 60.0
HOUR = 60 * MINUTE
PAUSES = (30.0, 3 * MINUTE, 15 * MINUTE, 70 * MINUTE, 5 * HOUR, 26 * HOUR)
BEFORE_A_RUN = (0.0, 0.0, 130.0, 5 * MINUTE, 16 * MINUTE)
# Longer than every wait after a failure, in an order that gives each look-up its turn.
QUIET = (5 * MINUTE, 5 * MINUTE, 80 * MINUTE, 5 * HOUR, 5 * HOUR)


@dataclass(slots=True)
class Result:
    """How one world ended."""

    seed: int
    options: str = ""
    story: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    invariant: str = ""
    message: str = ""
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        return not self.invariant


def live(
    seed: int,
    zygote: Zygote,
    folder: Path,
    *,
    plant: str = "",
    options: Options | None = None,
    script: Callable[[Life], None] | None = None,
) -> Result:
    """Live the world of a seed, or a directed `script` in it, to its end."""
    started = time.monotonic()
    life = Life(seed, options or draw_options(seed), zygote, folder, plant=plant)
    result = Result(seed, str(life.options), life.story)
    try:
        life.install()
        (script or _script)(life)
        _quiet(life)
        _healed(life)
    except Violation as violation:
        result.invariant, result.message = violation.invariant, str(violation)
        life.tell(f"VIOLATED {violation}")
    except Exception as error:  # noqa: BLE001 (the other worlds are lived all the same)
        result.invariant, result.message = "simulation", str(error)
        life.tell(traceback.format_exc())
    finally:
        life.stop()
        drop_database(life.database)
    result.counts = invariants.totals(life)
    result.seconds = time.monotonic() - started
    return result


def _script(life: Life) -> None:
    poisoned.scatter(life)
    for _ in range(life.rng.randint(10, 24)):
        life.remember()
        roll = life.rng.random()
        if roll < 0.40:
            life.pass_time(life.rng.choice(BEFORE_A_RUN))
            if life.rng.random() < 0.6:
                in_ramp.arrive(life)
                life.remember()
            run(life)
        elif roll < 0.50:
            two_at_once(life)
        elif roll < 0.62:
            life.pass_time(life.rng.choice(PAUSES))
        else:
            people.someone_acts(life)
        life.remember_more()
        invariants.after_act(life)
        life.resumes = False


def run(life: Life) -> None:
    """One run of ours, with the trouble that the dice say."""
    planned = trouble.draw(life)
    name = life.rng.choice(("sync", "sync", "sync", "job"))
    life.tell(f"run ({name}), {planned}")
    life.resumes = name == "job"
    answer = life.act(name, planned.plan, **planned.args)
    if name == "job" and answer.get("value") == "done":
        answer["value"] = life.last_run()
    _ended(life, answer)


def _ended(life: Life, answer: dict[str, object]) -> None:
    trouble.clear(life)
    life.counts["runs"] += 1
    life.tell(f"    → {shortly(answer)}")


def two_at_once(life: Life) -> None:
    """A run stands still in the middle; meanwhile another runs, and perhaps people act."""
    planned = trouble.draw(life)
    if life.rng.random() < 0.5:
        planned.plan.pop("die_at", None)
        planned.plan.pop("die_at_commit", None)
    place = life.rng.choice((life.rng.randint(1, 6), life.rng.randint(2, 16)))
    stands_s = life.rng.choice((1.0, 20.0, 80.0, 80.0, 1000.0))
    life.tell(f"run A, {planned}; it stands still before request {place} for {stands_s:.0f} s")
    jumps = {str(place): stands_s}
    first = life.begin("sync", {**planned.plan, "pause_at": [place]}, jumps=jumps, **planned.args)
    if first.until_pause() is None:
        life.tell("    A ended before it came so far")
        _ended(life, _value(life, first))
        return
    began = life.now
    for _ in range(2 if stands_s > 500 else 1):
        life.pass_time(min(stands_s / 3, 400.0))
        if life.rng.random() < 0.3:
            people.someone_acts(life)
            life.remember_more()
        answer = life.act("sync")
        life.counts["runs"] += 1
        life.tell(f"    run B meanwhile → {shortly(answer)}")
    first.go_on()
    answer = _value(life, first)
    life.pass_time(max(0.0, stands_s - (life.now - began).total_seconds()))
    life.tell("    A goes on")
    _ended(life, answer)


def _value(life: Life, child: object) -> dict[str, object]:
    outcome = life.end(child)  # type: ignore[arg-type]
    return {"killed": True} if outcome.killed else outcome.value


def _quiet(life: Life) -> None:
    """The trouble is over: time passes, runs find everything."""
    life.tell("-- from here on nothing goes wrong any more")
    life.apply_late()
    _end_of_shift(life)
    for seconds in QUIET:
        _calm_run(life, seconds)
    life.remember()
    invariants.at_end(life, healed=False)
    poisoned.at_rest(life)


def _healed(life: Life) -> None:
    """A person puts right what can be put right, and replays everything."""
    life.tell("-- a person puts everything right and replays what waits")
    for company, vendor_id in [key for key, off in life.books.inactive.items() if off]:
        in_epicor.set_vendor(life, company, vendor_id, inactive=False)
    for (company, year, month), closed in list(life.books.periods.items()):
        if closed:
            in_epicor.set_period(life, company, year, month, closed=False)
    while in_ramp.approve(life):
        pass
    life.pass_time(2 * HOUR)
    life.remember()
    _calm_run(life, MINUTE)  # renews what we know of Epicor
    for seconds in itertools.repeat(10 * MINUTE, 2):
        life.remember()
        with_us.record_removals(life)
        with_us.replay_all(life)
        invariants.after_act(life)
        _calm_run(life, seconds)
    invariants.at_end(life, healed=True)
    poisoned.at_rest(life)


def _calm_run(life: Life, seconds: float) -> None:
    life.pass_time(seconds)
    life.remember()
    answer = life.act("sync")
    life.counts["runs"] += 1
    life.tell(f"quiet run → {shortly(answer)}")
    invariants.after_act(life)
    if "stopped" in answer:
        raise Violation("lost", f"a quiet run was stopped: {shortly(answer)}")


def _end_of_shift(life: Life) -> None:
    """Nobody sits in a group any more."""
    while in_epicor.unlock_group(life):
        pass
