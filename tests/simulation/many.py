"""Many worlds, one after the other or on several processors."""

import multiprocessing
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.simulation.processes import Zygote
from tests.simulation.worlds import Result, live

_AT_ONCE = 5  # worlds that a worker lives in one go
PRELOAD = ("tests.simulation.within",)


def results(seeds: list[int], *, jobs: int = 1, plant: str = "") -> Iterator[Result]:
    """Each seed's world, as they end."""
    if jobs <= 1 or len(seeds) <= 1:
        yield from _lives(seeds, plant)
        return
    # Spawned, not forked: each worker starts a fork server of its own and has threads.
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        chunks = [(seeds[at : at + _AT_ONCE], plant) for at in range(0, len(seeds), _AT_ONCE)]
        for some in pool.imap_unordered(_chunk, chunks):
            yield from some


def _chunk(work: tuple[list[int], str]) -> list[Result]:
    return list(_lives(*work))


def _lives(seeds: list[int], plant: str) -> Iterator[Result]:
    with tempfile.TemporaryDirectory(prefix="simulation-") as folder, Zygote(PRELOAD) as zygote:
        for seed in seeds:
            yield live(seed, zygote, Path(folder), plant=plant)
