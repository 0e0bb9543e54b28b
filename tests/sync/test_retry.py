"""When a posting is tried again by itself, and when a person is asked."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.sync.retry import DELAYS, delay

CAUSES = st.sampled_from(sorted(DELAYS))


@pytest.mark.parametrize(
    ("cause", "minutes"),
    [
        ("unavailable", [1, 5, 15, 60, 240]),
        ("in_doubt", [2, 2, 10, 60]),
        ("occupied", [10, 10, 30, 60, 240]),
        ("untold", [5, 15, 60, 240]),
    ],
)
def test_each_time_waits_as_long_as_the_table_says_and_then_a_person_is_asked(cause, minutes):
    waits = [delay(cause, times) for times in range(1, len(minutes) + 2)]
    assert waits == [*(timedelta(minutes=m) for m in minutes), None]


@given(CAUSES, st.integers(-3, 0))
def test_a_count_below_one_waits_like_the_first_time(cause: str, times: int):
    assert delay(cause, times) == delay(cause, 1)


@given(CAUSES, st.integers(-3, 40))
def test_waits_never_shrink_and_asking_a_person_is_final(cause: str, times: int):
    now, later = delay(cause, times), delay(cause, times + 1)
    if now is None:
        assert later is None
    else:
        assert now > timedelta(0)
        assert later is None or later >= now
