"""Whether a choice in Ramp that belongs to no dimension of the tenant may have been meant for one.

Pure. Ramp has fields that decide nothing in Epicor, and their choices stop no bill. But a choice
that should have decided a segment, and does not because its field is not recognised, would put the
line on the default segment without a word.
"""

from collections.abc import Collection, Iterable

from mappings.coding import DimensionRule, Field

GL_FIELD = "category"  # the external id of Ramp's own GL account field, compared caseless
# Types of Ramp's that no field of a connection of ours has: what they say is never a segment.
_NEVER_A_SEGMENT = frozenset(
    {
        "AMORTIZATION_TEMPLATE",
        "BILLABLE",
        "DEFERRAL_CODE",
        "INVENTORY_ITEM",
        "JOURNAL",
        "MERCHANT",
        "NON_ERP",
        "TAX_CODE",
        "UNIT_OF_MEASURE",
    }
)


def unreadable(field: Field, rules: Iterable[DimensionRule]) -> bool:
    """Whether Ramp does not say enough of a field to know that it decides nothing.

    A field without an id may be any field that the tenant uses, and one without a type may be the
    GL account.
    """
    if not field.type and (not field.id or field.id.casefold() == GL_FIELD):
        return True
    return not field.id and field.type not in _NEVER_A_SEGMENT and any(rules)


def meant(
    field: Field, rules: Iterable[DimensionRule], ramp_fields: Collection[str]
) -> DimensionRule | None:
    """The dimension that the settings may mean by this field, which is not theirs by its id.

    They call it by its name; or by an id that is none of Ramp's fields' (`ramp_fields`, empty
    where they are not known), so that any field may be meant.
    """
    names = {plain(field.id), plain(field.name)} - {""}
    found = next((rule for rule in rules if plain(rule.ramp_field) in names), None)
    if found is not None or not ramp_fields or field.type in _NEVER_A_SEGMENT:
        return found
    return next((rule for rule in rules if rule.ramp_field not in ramp_fields), None)


def plain(name: str) -> str:
    """A name without case and signs: people take Cost Center, cost_center and COST-CENTER for one.

    "" for a name of signs alone.
    """
    return "".join(sign for sign in name.casefold() if sign.isalnum())
