"""Texts are counted and cut as SQL Server counts them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.domain.texts import cut, units


@pytest.mark.parametrize(("text", "count"), [("", 0), ("abc", 3), ("é", 1), ("😀", 2), ("a😀b", 4)])
def test_a_sign_beyond_the_basic_plane_counts_twice(text, count):
    assert units(text) == count


@given(st.text(), st.integers(0, 12))
def test_what_is_cut_fits_and_nothing_more_is_taken_away(text, longest):
    found = cut(text, longest)
    assert text.startswith(found)
    assert units(found) <= longest
    rest = text[len(found) :]
    assert not rest or units(found + rest[0]) > longest


def test_without_a_limit_nothing_is_cut():
    assert cut("x" * 5000, None) == "x" * 5000
