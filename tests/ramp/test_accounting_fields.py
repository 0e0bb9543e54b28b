"""Which accounting fields of the settings Ramp does not have, and what they may be meant for."""

import pytest

from connector.ramp.accounting_fields import faults

FIELDS = [
    {"id": "cost_center", "name": "Kostenstelle", "is_active": True},
    {"id": "c-2", "name": "Profit Center"},
    {"id": "old", "name": "Old", "is_active": False},
]


@pytest.mark.parametrize("good", ["cost_center", "c-2"])
def test_a_field_of_ramp_has_no_fault(good):
    assert faults([good], FIELDS) == {}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("Profit Center", "the field Profit Center has the id c-2"),
        ("COST_CENTER", "the field Kostenstelle has the id cost_center"),
        ("old", "switched off"),
        ("department", "no field with the id department"),
    ],
)
def test_another_one_says_what_is_wrong(wrong, says):
    found = faults([wrong, "c-2"], FIELDS)
    assert list(found) == [wrong]
    assert says in found[wrong]


def test_without_fields_every_one_is_unknown():
    assert set(faults(["a", "b"], [])) == {"a", "b"}
