"""A worker killed with SIGKILL at any request or commit: each bill once, right, nothing left."""

from collections.abc import Iterator

import pytest

from tests.simulation.crashes import CASES, matrix
from tests.simulation.crashes_scene import INSIDE
from tests.simulation.processes import Zygote

pytestmark = pytest.mark.simulation


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    with Zygote([INSIDE]) as running:
        yield running


@pytest.mark.parametrize("name", ["plain", "named"])
def test_a_death_at_any_request_costs_nothing(zygote, name):
    verdict = matrix(zygote, CASES[name])

    assert verdict.deaths >= 16
    assert verdict.said == []


@pytest.mark.parametrize("name", sorted(CASES.keys() - {"plain", "named"}))
def test_a_death_on_the_way_of_any_other_bill_costs_nothing(zygote, name):
    verdict = matrix(zygote, CASES[name], requests=15)

    assert verdict.deaths >= 4
    assert verdict.said == []


def test_a_death_between_an_answer_and_its_commit_costs_nothing(zygote):
    verdict = matrix(zygote, CASES["plain"], requests=0, commits=7)

    assert verdict.deaths >= 12
    assert verdict.said == []


@pytest.mark.parametrize("bug", ["retries_a_write_blindly", "claims_without_condition"])
def test_a_planted_bug_is_found(zygote, bug):
    planted = f"tests.simulation.planted:{bug}"

    verdict = matrix(zygote, CASES["plain"], requests=30, planted=planted)

    assert verdict.said != []
