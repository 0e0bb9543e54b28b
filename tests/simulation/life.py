"""One seeded world while it is lived: both stand-ins, our database, the clock, and the story."""

import datetime as dt
import json
import random
import sqlite3
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox import Sandbox
from sandbox.epicor.app import Epicor
from sandbox.ramp import Ramp
from sandbox.server import StandIn
from sandbox.world import Expectation, World
from sandbox.world_catalog import Row
from tests.simulation import truth
from tests.simulation.processes import Child, Outcome, Zygote

BEGIN = dt.datetime(2026, 11, 16, 9, 0, tzinfo=dt.UTC)
ACT = "tests.simulation.within:act"
OUR_USER = "integration"


class Violation(Exception):  # noqa: N818 (a finding, not an error of this program)
    """An invariant does not hold. `invariant` is its name."""

    def __init__(self, invariant: str, message: str) -> None:
        super().__init__(f"{invariant}: {message}")
        self.invariant = invariant


@dataclass(slots=True)
class BillLife:
    """What has become known of one bill. `shown`: every invoice it should ever have become."""

    bill_id: str
    shown: list[Expectation] = field(default_factory=list)
    reasons: set[str] = field(default_factory=set)  # that were ever true
    allowed: bool = False  # whether an invoice may be created in the present act
    allowed_at: dt.datetime = BEGIN - dt.timedelta(days=1)  # when that was last true
    elsewhere: bool = False


@dataclass(slots=True)
class Options:
    """How this world differs from the others."""

    bills: int
    saves: str
    settings: dict[str, Any]
    auto_lock: bool = False
    storm: bool = False  # much goes wrong, in every run
    page_limit: int = 0  # rows of any page of Epicor's at most, 0 for as many as usual

    def __str__(self) -> str:
        words = [f"{self.bills} bills", f"UpdateMaster saves {self.saves}"]
        words += [f"{name} {value}" for name, value in self.settings.items()]
        words += ["groups lock themselves"] * self.auto_lock + ["a storm"] * self.storm
        words += [f"pages of {self.page_limit} rows"] * bool(self.page_limit)
        return ", ".join(words)


class Life:
    """The world of one seed. Everything that happens goes through here and into the story."""

    def __init__(
        self, seed: int, options: Options, zygote: Zygote, folder: Path, *, plant: str = ""
    ) -> None:
        self.seed = seed
        self.options = options
        self.rng = random.Random(f"simulation {seed}")
        self.now = self.act_began = BEGIN
        self.story: list[str] = []
        self.counts: Counter[str] = Counter()
        self.plant = plant
        self.zygote = zygote
        self.database = zygote.new_database(folder / f"world-{seed}.sqlite3")
        self.world = World(seed, options.bills)
        self.books = truth.Books(self.world)
        self.to_come: list[Row] = []
        self.bills: dict[str, BillLife] = {}
        self.typed: list[dict[str, Any]] = []  # invoices that people typed
        self.owners: dict[str, str] = {}  # SysRowID of an invoice of ours → bill
        self.touched: set[str] = set()  # SysRowIDs that people changed
        self.deleted: set[str] = set()  # bills whose invoice a person deleted
        self.dismissed: set[str] = set()
        self.kept: set[str] = set()  # bills that a person left in Epicor as they are
        self.removed: set[str] = set()  # bills whose invoice a person had us remove
        self.again: set[str] = set()  # … to be entered anew
        self.different: set[str] = set()  # bills of which a person said "that is another one"
        self.sent_late: set[str] = set()  # bills with a request that takes effect later
        self.poison: set[str] = set()  # odd bills: seen only where they are asked for
        self.unseen_edits: set[str] = set()  # bills changed after Ramp stopped to offer them
        self.resumes = False  # whether the present act may go on with a run begun before
        self.late_due: dt.datetime | None = None
        self.trouble: Counter[str] = Counter()  # kinds of trouble that happened
        self.box = self._start()

    def _start(self) -> Sandbox:
        rows = self.world.ramp["bills"]
        later = [row for row in rows[1:] if self.rng.random() < 0.8]
        self.to_come = later
        self.world.ramp["bills"] = [row for row in rows if row not in later]
        ramp = Ramp(self.world, clock=lambda: self.now.timestamp())
        epicor = Epicor(self.world, clock=lambda: self.now, update_master=self.options.saves)
        box = Sandbox(
            self.world,
            StandIn.of("ramp", ramp).start(),
            StandIn.of("epicor", epicor).start(),
        )
        ramp.set_rate_limit(None)
        epicor.limit_pages(self.options.page_limit, links=self.seed % 2 == 0)
        if self.options.auto_lock:
            for company in ("EPIC06", "EPIC07"):
                epicor.auto_lock(company)
        return box

    def stop(self) -> None:
        self.box.stop()

    def tell(self, sentence: str) -> None:
        """One line of the story."""
        self.story.append(f"{self.now:%m-%d %H:%M:%S}  {sentence}")

    def name(self, bill_id: str) -> str:
        """A bill as the story calls it."""
        return bill_id[:8]

    # -- processes ---------------------------------------------------------------------------

    def install(self) -> None:
        """The tenant, its mappings and catalogs."""
        outcome = self.end(
            self.begin(
                "install",
                seed=self.seed,
                bills=self.options.bills,
                ramp_url=self.box.ramp.url,
                epicor_url=self.box.epicor.url,
                settings=self.options.settings,
            )
        )
        assert outcome.ok, outcome.traceback
        self.end(self.begin("sync", kinds=["accounts", "vendors"]))

    def begin(self, name: str, plan: dict[str, Any] | None = None, **args: Any) -> Child:
        """Start one of our acts in a process of its own, at this moment."""
        action = {
            "do": "call",
            "function": ACT,
            "args": {"name": name, "at": self.now.isoformat(), "plant": self.plant, **args},
        }
        seeded = {"seed": self.rng.getrandbits(32), **(plan or {})}
        return self.zygote.run(action, database=self.database, plan=seeded)

    def end(self, child: Child) -> Outcome:
        """Wait for its end; the clock moves to that moment. Raises Violation when it crashed."""
        try:
            outcome = child.wait()
        except TimeoutError:
            child.kill()
            raise Violation("orderly", "an act does not come to its end") from None
        if outcome.killed:
            self.counts["deaths"] += 1
            self.trouble["death"] += 1
            self.pass_time(5)
        elif outcome.error:
            self.tell(f"    {outcome.traceback}")
            raise Violation("orderly", f"an act ended with {outcome.error}: {outcome.message}")
        else:
            ended = dt.datetime.fromisoformat(outcome.value["at"])
            self.now = max(self.now, ended.replace(microsecond=0) + dt.timedelta(seconds=1))
        return outcome

    def act(self, name: str, plan: dict[str, Any] | None = None, **args: Any) -> Any:
        """One act of ours from beginning to end; what it answered."""
        outcome = self.end(self.begin(name, plan, **args))
        return {"killed": True} if outcome.killed else outcome.value

    def copy_database(self) -> Path:
        """A backup of our database as it is now."""
        copy = self.database.with_name(f"{self.database.name}.backup")
        with sqlite3.connect(self.database) as source, sqlite3.connect(copy) as target:
            source.backup(target)
        source.close()
        target.close()
        self.tell("ours: a backup is made")
        return copy

    def put_back(self, copy: Path) -> None:
        """The backup is put back; both systems stay as they are."""
        with sqlite3.connect(copy) as source, sqlite3.connect(self.database) as target:
            source.backup(target)
        source.close()
        target.close()
        self.tell("ours: the backup is put back")

    # -- time --------------------------------------------------------------------------------

    def pass_time(self, seconds: float) -> None:
        """Move the clock on; late effects whose time has come happen."""
        self.now += dt.timedelta(seconds=seconds)
        if self.late_due is not None and self.late_due <= self.now:
            self.apply_late()

    def apply_late(self) -> None:
        """What waits in front of either system happens now."""
        self.late_due = None
        for standin in (self.box.epicor, self.box.ramp):
            done = standin.apply_late()
            if done:
                self.tell(f"late: {done} request(s) take effect in {standin.name} only now")

    # -- what can be seen --------------------------------------------------------------------

    def rows(self, query: str) -> list[dict[str, Any]]:
        """Rows of our database, read while nobody writes."""
        with sqlite3.connect(f"file:{self.database}?mode=ro", uri=True) as connection:
            connection.row_factory = sqlite3.Row
            found = [dict(row) for row in connection.execute(query)]
        connection.close()
        return found

    def last_run(self) -> dict[str, Any]:
        """What our last run reported."""
        row = self.rows("select summary from connector_syncrun order by id desc limit 1")[0]
        found: dict[str, Any] = json.loads(row["summary"])
        return found

    def postings(self, *, odd: bool = False) -> dict[str, dict[str, Any]]:
        """Our postings by bill: those of the world's own bills, or of the odd ones."""
        rows = self.rows("select * from audit_posting order by id")
        return {row["bill_id"]: row for row in rows if (row["bill_id"] in self.poison) is odd}

    def invoices(self, *, odd: bool = False) -> list[dict[str, Any]]:
        """Epicor's invoices, without those of odd bills, or these alone."""
        found: list[dict[str, Any]] = self.box.epicor.state()["invoices"]
        return [one for one in found if (one["header"].get("ExternalID") in self.poison) is odd]

    def ramp_bills(self, *, odd: bool = False) -> list[Row]:
        """Ramp's bills as they are now: the world's own, or the odd ones."""
        with self.box.ramp.app.lock:
            rows = list(self.box.ramp.app.bills)
        return [row for row in rows if (row["id"] in self.poison) is odd]

    def bill(self, bill_id: str) -> Row:
        """One bill in Ramp as it is now."""
        row: Row = self.box.ramp.app.bills.get(bill_id)
        return row

    def verdict(self, bill_id: str) -> truth.Verdict:
        """What must become of a bill as it is now."""
        return truth.judge(self.bill(bill_id), self.books)

    def remember(self) -> None:
        """Note what each bill shows, and whether the act that comes may create its invoice."""
        self.act_began = self.now
        for row in self.ramp_bills():
            known = self.bills.setdefault(row["id"], BillLife(row["id"]))
            known.allowed = self._note(known, row)
            if known.allowed:
                known.allowed_at = self.now

    def remember_more(self) -> None:
        """The same in the middle of an act: what was allowed before stays so."""
        for row in self.ramp_bills():
            known = self.bills.setdefault(row["id"], BillLife(row["id"]))
            known.allowed = self._note(known, row) or known.allowed

    def _note(self, known: BillLife, row: Row) -> bool:
        verdict = truth.judge(row, self.books)
        known.reasons |= verdict.reasons
        fixed = not (verdict.reasons - {"period_closed", "vendor_unusable"})
        shown = verdict.invoice
        if shown is not None and not any(truth.like(shown, old) for old in known.shown):
            known.shown.append(shown)
        wanted = verdict.ready or (verdict.wanted and known.bill_id in self.again)
        return wanted and fixed and known.bill_id not in self.dismissed


def pick(life: Life, rows: list[Any]) -> Any:
    """One of these, None when there is none."""
    return life.rng.choice(rows) if rows else None


def shortly(answer: dict[str, Any]) -> str:
    """A run's answer in few words."""
    if answer.get("killed"):
        return "killed on the way"
    if "stopped" in answer:
        return f"{answer['stopped']}: {answer['message'][:110]}"
    value = answer.get("value")
    if isinstance(value, dict) and "moved" in value:
        value = value["run"]
    if not isinstance(value, dict) or "fetched" not in value:
        return str(value)
    names = ("fetched", "entered", "updated", "confirmed", "exceptions", "held", "in_doubt")
    return ", ".join(f"{value[name]} {name}" for name in names if value[name]) or "nothing to do"


def draw_options(seed: int) -> Options:
    """The kind of world that belongs to a seed."""
    rng = random.Random(f"options {seed}")
    settings: dict[str, Any] = {
        "writer": rng.choice(WRITERS),
        "lanes": rng.choice((1, 2, 2, 3)),
        "after_entry_edits": rng.choice(("update", "hold")),
    }
    return Options(
        bills=rng.randint(6, 14),
        saves=rng.choice(("all", "named", "echo")),
        settings=settings,
        auto_lock=rng.random() < 0.15,
        storm=rng.random() < 0.3,
        page_limit=rng.choice((0, 0, 10)),
    )


WRITERS = ("two_step", "two_step", "update_ext", "by_the_book")
