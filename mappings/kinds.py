"""The kinds of mappings that a tenant can have, and where each lives."""

from dataclasses import dataclass, field

from mappings.coding import COST_CENTERS, DIMENSION_PREFIX, GL_ACCOUNTS, VENDORS, dimension_field
from mappings.models import Dimension, DimensionMapping, GLAccountMapping, VendorMapping

AnyMapping = VendorMapping | GLAccountMapping | DimensionMapping


class UnknownKindError(ValueError):
    """No such kind of mapping in this tenant; the message is a sentence for people."""


@dataclass(frozen=True, slots=True)
class Store:
    """Where the mappings of a kind live; `extra` picks the field of a dimension."""

    model: type[VendorMapping] | type[GLAccountMapping] | type[DimensionMapping]
    extra: dict[str, str] = field(default_factory=dict)


def known_kinds(tenant_id: int) -> list[str]:
    """The kinds of mappings that this tenant can have."""
    kinds = [VENDORS, GL_ACCOUNTS, COST_CENTERS]
    named = Dimension.objects.filter(tenant_id=tenant_id).order_by("segment")
    kinds += [kind for kind in named.values_list("kind", flat=True) if kind not in kinds]
    return kinds


def check_kind(tenant_id: int, kind: str) -> None:
    """Raises UnknownKindError when the tenant cannot have mappings of this kind."""
    kinds = known_kinds(tenant_id)
    if kind in kinds:
        return
    hint = ""
    if kind.startswith(DIMENSION_PREFIX):
        hint = (
            " A dimension must be in the settings (or the tenant file) before its values can be "
            "mapped."
        )
    raise UnknownKindError(
        f"There is no mapping kind {kind!r} here; use one of {', '.join(kinds)}.{hint}"
    )


def label_of(kind: str) -> str:
    """What people call a kind: Vendors, GL accounts, Cost centers, Project."""
    if kind == GL_ACCOUNTS:
        return "GL accounts"
    name = dimension_field(kind).replace("_", " ").strip()
    return name[:1].upper() + name[1:]


def store_of(kind: str) -> Store:
    """Where the mappings of a kind live, whether the tenant still has that kind or not."""
    if kind == VENDORS:
        return Store(VendorMapping)
    if kind == GL_ACCOUNTS:
        return Store(GLAccountMapping)
    return Store(DimensionMapping, {"field": dimension_field(kind)})
