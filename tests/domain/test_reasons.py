"""The table of reasons: one row each, and all that is said of a reason is in it."""

import runpy

import pytest

from connector.domain import reasons
from connector.domain.reasons import LABELS, Case, Reason, ReasonText, as_markdown
from mappings.coding import CHOICE, DECIMALS, FIELD, GL_ACCOUNTS

KINDS = {CHOICE, DECIMALS, FIELD, GL_ACCOUNTS, "dimension", "terms", "currency"}


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_its_words(reason: Reason) -> None:
    words = reason.words
    assert Reason(reason.value) is reason
    assert len(reason.value) <= 24  # the column's length
    for sentence in (words.explanation, words.next_step):
        assert sentence[0].isupper()
        assert sentence.endswith(".")
    assert not words.not_kept.endswith(".")
    assert {kind for kind, _ in words.cases} <= KINDS


def test_labels_and_titles_tell_reasons_apart() -> None:
    assert list(LABELS) == [one.value for one in Reason]
    assert len(set(LABELS.values())) == len(Reason)
    assert len({one.words.title for one in Reason}) == len(Reason)


def test_ramp_is_told_of_nothing_that_may_be_in_epicor_or_is_our_own_trouble() -> None:
    assert {one.value for one in Reason if not one.words.told_to_ramp} == {
        "in_doubt",
        "unavailable",
        "bug",
        "changed",
        "mismatch",
        "archived",
        "synced_elsewhere",
    }


def test_a_case_says_what_it_says_otherwise_and_leaves_the_rest() -> None:
    words = ReasonText("A", "B", "C.", "D.", cases={("terms", True): Case(next_step="E.")})
    assert words.case("terms", has_id=True) == Case("B", "C.", "E.")
    assert words.case("terms", has_id=False) == Case("B", "C.", "D.")


def test_documentation_has_a_row_for_each_reason() -> None:
    assert [row.split("`")[1] for row in as_markdown()] == list(LABELS)


def test_the_module_prints_the_table_for_the_documentation(
    capsys: pytest.CaptureFixture[str],
) -> None:
    runpy.run_path(reasons.__file__, run_name="__main__")
    assert capsys.readouterr().out.splitlines() == as_markdown()
