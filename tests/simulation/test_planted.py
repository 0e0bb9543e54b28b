"""The simulation finds the bugs that it is there for, and finds nothing where there is none."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulation import directed, planted
from tests.simulation.many import PRELOAD
from tests.simulation.processes import Zygote
from tests.simulation.worlds import Result, live

pytestmark = pytest.mark.simulation

# Where each bug shows: the directed world, how Epicor saves, and what is then violated.
SHOWS = {
    "retry": (directed.late_and_renumbered, "all", {"doubled"}),
    "early": (directed.dies_when_ramp_was_told, "all", {"told"}),
    "unstamped": (directed.undisturbed, "all", {"stamped"}),
    "claims": (directed.two_everywhere, "all", {"claims", "orderly", "lost"}),
    "unrecorded": (directed.refused, "all", {"attempts"}),
    "forgetful": (directed.unstamped_and_renumbered, "all", {"doubled"}),
    "echo": (directed.undisturbed, "echo", {"cents", "idle"}),
    "rounding": (directed.undisturbed, "all", {"cents"}),
    "spelling": (directed.spelled_twice_everywhere, "all", {"number"}),
    "unguarded": (directed.spelled_twice_everywhere, "all", {"number"}),
}

MANY = ("early", "claims", "spelling", "unguarded")  # a new bill for each of many runs


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    with Zygote(PRELOAD) as running:
        yield running


def lived(zygote: Zygote, folder: Path, bug: str, name: str) -> Result:
    script, saves, _ = SHOWS[name]
    options = directed.options(saves=saves, bills=14 if name in MANY else 6)
    return live(7, zygote, folder, plant=bug, options=options, script=script)


@pytest.mark.parametrize("bug", sorted(planted.BUGS))
def test_a_planted_bug_is_found(bug: str, zygote: Zygote, tmp_path: Path) -> None:
    result = lived(zygote, tmp_path, bug, bug)

    assert result.invariant in SHOWS[bug][2], "\n".join(result.story)


@pytest.mark.parametrize("bug", sorted(planted.BUGS))
def test_the_same_world_without_the_bug_violates_nothing(
    bug: str, zygote: Zygote, tmp_path: Path
) -> None:
    result = lived(zygote, tmp_path, "", bug)

    assert result.ok, "\n".join(result.story)
