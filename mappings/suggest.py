"""Which Epicor target a Ramp reference probably means: a score and the evidence for it, in words.

Pure. Nothing is ever applied by itself: a person accepts a suggestion. Each kind of evidence has a
weight between 0 and 1, and several of them add up as independent hints do, so that the score
never passes 100.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from rapidfuzz import fuzz, process

LEAST = 40  # a score below that is noise
MOST = 5
CLOSE = 5  # points between the best and the next one, up to which neither is the answer
_ALIKE = 60.0  # names less alike than that say nothing, in per cent
_NEAR = 50  # as many of the most similar names are looked at

# What one kind of evidence is worth.
_NAME, _NUMBER, _MAPPED, _INVOICES, _AMOUNT, _USUAL = 0.92, 0.8, 0.9, 0.85, 0.35, 0.15
_LEGAL = frozenset(
    {"ab", "ag", "as", "bv", "co", "company", "corp", "corporation", "gmbh", "inc", "kg", "limited"}
    | {"incorporated", "llc", "llp", "lp", "ltd", "nv", "oy", "plc", "pty", "sa", "sarl", "se"}
    | {"spa", "srl", "the", "und", "and"}
)
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Target:
    """Something that a reference may be mapped to; `numbers` are the codes that name it.

    `unusable`: why it cannot be used, "" when it can.
    """

    id: str
    name: str
    numbers: frozenset[str] = frozenset()
    unusable: str = ""


@dataclass(frozen=True, slots=True)
class RampReference:
    """The reference as Ramp names it, with the codes that Ramp knows it by."""

    name: str
    numbers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Known:
    """What else is known of targets, by their id.

    Where the same reference is mapped to them ("" = every company); how many past invoices have
    the number, or only the amount, of a bill that waits; how many other mappings share all but
    the first segment.
    """

    mapped: Mapping[str, str] = field(default_factory=dict)
    same_number: Mapping[str, int] = field(default_factory=dict)
    same_amount: Mapping[str, int] = field(default_factory=dict)
    usual: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A target with its score (0 to 100) and why, each a few words."""

    id: str
    name: str
    score: int
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Catalog:
    """Usable targets, ready to be searched by name: made once, asked often."""

    targets: tuple[Target, ...]
    keys: tuple[str, ...]
    by_id: Mapping[str, int]
    by_number: Mapping[str, tuple[int, ...]]

    @classmethod
    def of(cls, targets: Iterable[Target]) -> "Catalog":
        """The catalog of those that can be used."""
        usable = tuple(target for target in targets if not target.unusable)
        numbers: dict[str, list[int]] = {}
        for place, target in enumerate(usable):
            for number in target.numbers:
                numbers.setdefault(_code(number), []).append(place)
        return cls(
            usable,
            tuple(plain_name(target.name) for target in usable),
            {target.id: place for place, target in enumerate(usable)},
            {number: tuple(places) for number, places in numbers.items()},
        )


def plain_name(name: str) -> str:
    """A name as it is compared: lower case, without accents, punctuation and legal forms."""
    decomposed = unicodedata.normalize("NFKD", name.casefold())
    letters = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    words = _WORD.findall(letters.replace("&", " and "))
    short = [word for word in words if word not in _LEGAL]
    return " ".join(short or words)


def alike(asked: str, catalog: Catalog, *, most: int = _NEAR) -> dict[int, float]:
    """The places of the most similar names with how alike they are, in per cent."""
    key = plain_name(asked)
    if not key:
        return {}
    found: dict[int, float] = {}
    for scorer, worth in ((fuzz.token_sort_ratio, 1.0), (fuzz.token_set_ratio, 0.9)):
        for _, score, place in process.extract(
            key, catalog.keys, scorer=scorer, score_cutoff=_ALIKE, limit=most
        ):
            found[place] = max(found.get(place, 0.0), score * worth)
    return {place: score for place, score in found.items() if score >= _ALIKE}


def numbered(asked: RampReference, catalog: Catalog) -> dict[int, str]:
    """The places of targets that have one of the reference's numbers, with that number."""
    return {
        place: number.strip()
        for number in sorted(asked.numbers)
        for place in catalog.by_number.get(_code(number), ())
    }


def suggest(
    asked: RampReference,
    catalog: Catalog,
    known: Known,
    *,
    names: Mapping[int, float] | None = None,
    most: int = MOST,
) -> list[Suggestion]:
    """The best targets, best first. `names`: what `alike` found, when that is known already."""
    names = alike(asked.name, catalog) if names is None else names
    numbers = numbered(asked, catalog)
    ids = {*known.mapped, *known.same_number, *known.same_amount}
    places = {*names, *numbers, *(catalog.by_id[id_] for id_ in ids if id_ in catalog.by_id)}
    found = [
        _rate(catalog.targets[place], names.get(place, 0.0), numbers.get(place, ""), known)
        for place in places
    ]
    good = [one for one in found if one.score >= LEAST]
    return sorted(good, key=lambda one: (-one.score, one.name, one.id))[:most]


def tied(found: Sequence[Suggestion]) -> int:
    """How many fit about as well as the best one, that included; 0 when it is clearly the best."""
    near = [one for one in found if found[0].score - one.score <= CLOSE]
    return len(near) if len(near) > 1 else 0


def _rate(target: Target, name: float, number: str, known: Known) -> Suggestion:
    weights: list[float] = []
    said: list[str] = []

    def hint(weight: float, words: str) -> None:
        weights.append(weight)
        said.append(words)

    if name:
        share = (name - 50) / 50
        hint(_NAME * share**1.5, "same name" if name >= 100 else f"name {name:.0f} % alike")
    if number:
        hint(_NUMBER, f"same number {number}")
    if target.id in known.mapped:
        where = known.mapped[target.id]
        hint(_MAPPED, f"mapped so in company {where}" if where else "mapped so for every company")
    if count := known.same_number.get(target.id, 0):
        hint(_INVOICES, f"past invoices: {count} with the same number")
    if count := known.same_amount.get(target.id, 0):
        hint(_AMOUNT, f"past invoices: {count} over the same amount")
    if weights and (count := known.usual.get(target.id, 0)):
        hint(_USUAL, f"other segments as in {count} mappings")
    return Suggestion(target.id, target.name, _together(weights), tuple(said))


def _together(weights: Sequence[float]) -> int:
    doubt = 1.0
    for weight in weights:
        doubt *= 1 - weight
    return round(100 * (1 - doubt))


def _code(number: str) -> str:
    return number.strip().casefold()
