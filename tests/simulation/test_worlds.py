"""Worlds in which one thing goes wrong everywhere in turn; a seed always tells the same story."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.simulation import directed
from tests.simulation.life import Life
from tests.simulation.many import PRELOAD
from tests.simulation.processes import Zygote
from tests.simulation.worlds import live

pytestmark = pytest.mark.simulation


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    with Zygote(PRELOAD) as running:
        yield running


@pytest.mark.parametrize(
    ("script", "writer", "saves"),
    [
        (directed.dies_everywhere, "update_ext", "all"),
        (directed.two_everywhere, "by_the_book", "named"),
        (directed.asleep_everywhere, "two_step", "echo"),
        (directed.late_and_renumbered, "update_ext", "all"),
        (directed.late_and_renumbered, "by_the_book", "all"),
        (directed.unstamped_and_renumbered, "by_the_book", "named"),
        (directed.moved_in_doubt, "two_step", "all"),
        (directed.moved_in_doubt, "update_ext", "all"),
        (directed.typed_in_doubt, "two_step", "all"),
        (directed.typed_in_doubt, "by_the_book", "named"),
        (directed.spelled_twice_everywhere, "two_step", "all"),
        (directed.spelled_twice_everywhere, "update_ext", "all"),
        (directed.restored, "two_step", "all"),
        (directed.restored, "update_ext", "all"),
        (directed.restored, "by_the_book", "named"),
        (directed.numbered_everywhere, "two_step", "all"),
        (directed.numbered_everywhere, "update_ext", "all"),
    ],
)
def test_invariants_hold(
    script: Callable[[Life], None], writer: str, saves: str, zygote: Zygote, tmp_path: Path
) -> None:
    options = directed.options(saves=saves, writer=writer, bills=14)

    result = live(7, zygote, tmp_path, options=options, script=script)

    assert result.ok, "\n".join(result.story)


def test_a_seed_always_tells_the_same_story(zygote: Zygote, tmp_path: Path) -> None:
    first, second = (live(3, zygote, tmp_path) for _ in range(2))

    assert first.story == second.story
    assert first.counts == second.counts
