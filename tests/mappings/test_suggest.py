"""Suggestions: which target comes first, how sure that is, and why."""

import pytest

from mappings.suggest import (
    Catalog,
    Known,
    RampReference,
    Suggestion,
    Target,
    alike,
    plain_name,
    suggest,
    tied,
)

VENDORS = Catalog.of(
    [
        Target("ACME", "Acme Corporation", frozenset({"ACME", "7"})),
        Target("ACMEEU", "ACME Europe GmbH", frozenset({"ACMEEU", "8"})),
        Target("AWS", "Amazon Web Services, Inc.", frozenset({"AWS", "9"})),
        Target("OLD", "Acme Corp", frozenset({"OLD"}), "is inactive"),
        Target("MULLER", "Müller & Söhne GmbH & Co. KG", frozenset({"MULLER"})),
        Target("NONAME", "", frozenset({"NONAME"})),
    ]
)


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("Acme Corp.", "acme"),
        ("ACME, Inc.", "acme"),
        ("The Acme Company LLC", "acme"),
        ("Müller & Söhne GmbH", "muller sohne"),
        ("Amazon.com", "amazon com"),
        ("Co.", "co"),
        ("  ", ""),
        ("日本", "日本"),
    ],
)
def test_names_are_compared_without_their_trimmings(name: str, plain: str) -> None:
    assert plain_name(name) == plain


@pytest.mark.parametrize(
    ("asked", "known", "first", "evidence"),
    [
        (RampReference("ACME Corp."), Known(), "ACME", ("same name",)),
        (RampReference("Muller und Sohne"), Known(), "MULLER", ("same name",)),
        (RampReference("Web Services Amazon"), Known(), "AWS", ("same name",)),
        (RampReference("Amazon Web Service"), Known(), "AWS", ("name 97 % alike",)),
        (RampReference("", frozenset({"aws "})), Known(), "AWS", ("same number aws",)),
        (
            RampReference("AMZN"),
            Known(same_number={"AWS": 3}),
            "AWS",
            ("past invoices: 3 with the same number",),
        ),
        (
            RampReference("AMZN"),
            Known(mapped={"AWS": "EPIC07"}),
            "AWS",
            ("mapped so in company EPIC07",),
        ),
        (RampReference("AMZN"), Known(mapped={"AWS": ""}), "AWS", ("mapped so for every company",)),
        (
            RampReference("Acme"),
            Known(same_amount={"ACMEEU": 1}, same_number={"ACMEEU": 1}),
            "ACMEEU",
            (
                "name 90 % alike",
                "past invoices: 1 with the same number",
                "past invoices: 1 over the same amount",
            ),
        ),
    ],
)
def test_the_best_comes_first_and_says_why(
    asked: RampReference, known: Known, first: str, evidence: tuple[str, ...]
) -> None:
    found = suggest(asked, VENDORS, known)
    assert (found[0].id, found[0].evidence) == (first, evidence)
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    assert all(40 <= one.score <= 100 for one in found)


@pytest.mark.parametrize(
    ("asked", "known"),
    [
        (RampReference("Totally different"), Known()),
        (RampReference(""), Known()),
        (RampReference("x"), Known(same_amount={"AWS": 5})),  # by itself a chance
        (RampReference("x"), Known(usual={"AWS": 50})),
        (RampReference("x"), Known(mapped={"GONE": "EPIC07"})),
        (RampReference("", frozenset({"OLD"})), Known()),  # cannot be used
    ],
)
def test_weak_or_useless_hints_suggest_nothing(asked: RampReference, known: Known) -> None:
    assert suggest(asked, VENDORS, known) == []


def test_hints_add_up_and_never_pass_a_hundred() -> None:
    name = suggest(RampReference("Acme Corp"), VENDORS, Known())[0]
    more = suggest(
        RampReference("Acme Corp", frozenset({"7"})),
        VENDORS,
        Known({"ACME": "EPIC07"}, {"ACME": 9}, {"ACME": 9}, {"ACME": 9}),
    )[0]
    assert name.score < more.score <= 100
    assert "other segments as in 9 mappings" in more.evidence


@pytest.mark.parametrize(
    ("scores", "number"), [([], 0), ([90], 0), ([90, 84], 0), ([90, 85], 2), ([90, 90, 88, 80], 3)]
)
def test_a_near_tie_is_no_answer(scores: list[int], number: int) -> None:
    found = [Suggestion(f"V{n}", "Acme", score, ()) for n, score in enumerate(scores)]
    assert tied(found) == number


def test_an_unusable_target_is_not_in_the_catalog() -> None:
    assert Suggestion("OLD", "Acme Corp", 0, ()).id not in VENDORS.by_id
    assert alike("Acme", Catalog.of([])) == {}


def test_at_most_so_many_come_in_a_stable_order() -> None:
    many = Catalog.of(Target(f"V{n:02}", "Acme", frozenset()) for n in range(60))
    assert [one.id for one in suggest(RampReference("Acme"), many, Known())] == [
        f"V{n:02}" for n in range(5)
    ]
