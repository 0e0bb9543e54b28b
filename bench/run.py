"""Runs one measurement with its own stand-ins, its own process and its own database."""

import base64
import json
import os
import secrets
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.measure import Sync
from bench.standins import ROOT, standins


@dataclass(frozen=True, slots=True)
class Case:
    """What is measured. `enter_s`: the first sync only reads, the second enters about that long;
    None: the first enters everything.
    """

    bills: int
    latency_ms: float = 0
    lanes: int = 2
    update_master: str = "all"
    writer: str = "two_step"
    enter_s: float | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What came out; `start_mb` is the memory before the first sync, catalogs included."""

    case: Case
    start_mb: float
    first: Sync
    second: Sync
    planned: int | None

    @property
    def ok(self) -> bool:
        """Whether exactly the enterable bills were entered and confirmed, and none twice.

        Where entering is limited only that what was entered was confirmed.
        """
        first, second = self.first, self.second
        if self.planned is None:
            return first.entered == 0 and second.entered == second.confirmed > 0
        entered = first.entered == first.confirmed == self.planned
        return entered and second.entered == second.epicor_writes == second.ramp_writes == 0

    @property
    def of_limit(self) -> float | None:
        """The speed as a part of what these lanes could do at this latency, if each were always
        waiting for Epicor; None without latency."""
        first, latency_s = self.first, self.case.latency_ms / 1000
        if not latency_s or not first.entered:
            return None
        limit = self.case.lanes / (first.epicor / first.entered * latency_s)
        return first.entered / first.seconds / limit


def run(case: Case) -> Result:
    """Measure `case`. Raises CalledProcessError when the measured process fails."""
    with (
        standins(case.bills, case.latency_ms, case.update_master) as boxes,
        tempfile.TemporaryDirectory(prefix="ml-connector-bench-") as folder,
    ):
        variables = environment(Path(folder))
        python(variables, "manage.py", "migrate", "--verbosity", "0")
        how = json.dumps(asdict(case))
        output = python(variables, "-m", "bench.measure", boxes.ramp, boxes.epicor, how)
    document: dict[str, Any] = json.loads(output)
    first, second = Sync(**document["first"]), Sync(**document["second"])
    entered = planned(case.bills) if case.enter_s is None else None
    return Result(case, document["start_mb"], first, second, entered)


def environment(folder: Path) -> dict[str, str]:
    """As in production: no DEBUG (under it Django keeps every query in memory), new keys."""
    return {
        **{name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")},
        "DJANGO_SETTINGS_MODULE": "connector.settings",
        "DATABASE_URL": f"sqlite:///{folder / 'bench.sqlite3'}",
        "SECRET_KEY": _key(),
        "FIELD_ENCRYPTION_KEY": _key(),
        "AUDIT_KEY": _key(),
        "LOG_LEVEL": "WARNING",
    }


def _key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode("ascii")


def python(variables: dict[str, str] | None, *arguments: str, fine: int = 0) -> str:
    """The output of a Python process. Raises CalledProcessError for an exit code above `fine`.

    Without `variables` it has the environment of this one.
    """
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=variables,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode > fine or done.returncode < 0:
        done.check_returncode()
    return done.stdout


def planned(bills: int) -> int:
    """How many bills of this world must be entered; of a group of twins exactly one."""
    from sandbox.world import World

    fates = World(bills=bills).expected().values()
    groups = {fate.group for fate in fates if fate.outcome == "one_of"}
    return sum(fate.outcome == "entered" for fate in fates) + len(groups)
