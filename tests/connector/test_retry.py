"""When a posting is tried again by itself, and when a person is asked."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.retry import doubt_delay, transient_delay


@pytest.mark.parametrize(
    ("delay", "minutes"),
    [
        (transient_delay, [1, 5, 15, 60, 240]),
        (doubt_delay, [2, 2, 10, 60]),
    ],
)
def test_each_failure_waits_as_long_as_the_table_says_and_then_a_person_is_asked(delay, minutes):
    waits = [delay(failures) for failures in range(1, len(minutes) + 2)]
    assert waits == [*(timedelta(minutes=m) for m in minutes), None]


@pytest.mark.parametrize("delay", [transient_delay, doubt_delay])
@pytest.mark.parametrize("failures", [0, -1])
def test_a_count_below_one_waits_like_the_first_failure(delay, failures):
    assert delay(failures) == delay(1)


@given(st.sampled_from([transient_delay, doubt_delay]), st.integers(-3, 40))
def test_waits_never_shrink_and_asking_a_person_is_final(
    delay: Callable[[int], timedelta | None], failures: int
):
    now, later = delay(failures), delay(failures + 1)
    if now is None:
        assert later is None
    else:
        assert now > timedelta(0)
        assert later is None or later >= now
