"""Both stand-in systems in a process of their own, and their counters over HTTP."""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import httpx

ROOT = Path(__file__).resolve().parent.parent
_READS = ("Get", "Check", "Pre", "Validate")  # how Epicor's methods that save nothing begin


@dataclass(frozen=True, slots=True)
class StandIns:
    """The addresses of both systems."""

    ramp: str
    epicor: str

    def calls(self) -> tuple["Calls", "Calls"]:
        """What Ramp and Epicor were asked so far."""
        return _calls(self.ramp), _calls(self.epicor)

    def reset(self) -> None:
        """Count anew."""
        for url in (self.ramp, self.epicor):
            httpx.post(f"{url}/_sandbox/reset-calls").raise_for_status()


@dataclass(frozen=True, slots=True)
class Calls:
    """Requests of one system by "METHOD /label"; fetching a token is none."""

    by_label: Counter[str]

    @property
    def total(self) -> int:
        """All requests."""
        return self.by_label.total()

    @property
    def writes(self) -> int:
        """Requests that change something on the other side."""
        return sum(count for label, count in self.by_label.items() if _is_write(label))


@contextmanager
def standins(bills: int, latency_ms: float, update_master: str) -> Iterator[StandIns]:
    """Serve a world of `bills` on free ports, without Ramp's rate limit, until the end."""
    command = [sys.executable, "-m", "sandbox", "--ramp-port", "0", "--epicor-port", "0"]
    command += ["--bills", str(bills), "--latency-ms", str(latency_ms)]
    command += ["--update-master", update_master]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        found = StandIns(
            _address(process.stdout), _address(process.stdout).removesuffix("/kinetic")
        )
        order = {"action": "set_rate_limit", "most": None}
        httpx.post(f"{found.ramp}/_sandbox/do", json=order).raise_for_status()
        yield found
    finally:
        process.terminate()
        process.wait(30)


def _address(stdout: IO[str] | None) -> str:
    line = stdout.readline() if stdout is not None else ""
    if " at " not in line:
        raise SystemExit("The stand-ins did not start; the lines above say why.")
    return line.split(" at ")[-1].strip()


def _calls(url: str) -> Calls:
    answer = httpx.get(f"{url}/_sandbox/calls").raise_for_status().json()
    return Calls(Counter({label: n for label, n in answer.items() if not label.endswith("/token")}))


def _is_write(label: str) -> bool:
    verb, _, path = label.partition(" ")
    return verb != "GET" and not path.rsplit("/", 1)[-1].startswith(_READS)
