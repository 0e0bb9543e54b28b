"""Who pays a bill may change after it was entered: a change that would alter the payment hold of
its invoice is for a person, because the vendor could be paid twice, or never. No HTTP."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from audit.ledger.holds import ASKED, PAYS
from audit.ledger.models import Posting
from connector.domain.bill import Payer
from connector.domain.difference import PAY_HOLD, Difference, in_words, listed, restored, stored
from connector.domain.errors import Hold, Reason
from connector.epicor.ap_invoice.draft import APInvoiceDraft
from connector.epicor.ap_invoice.rows import SavedInvoice
from connector.epicor.values import flag


@dataclass(frozen=True, slots=True)
class Pays:
    """Who pays a bill ("" = was not noted), and whether its invoice is therefore held in Epicor."""

    payer: str
    hold: bool

    def as_json(self) -> dict[str, Any]:
        """As it is kept."""
        return {"payer": str(self.payer), "hold": self.hold}


def known(posting: Posting) -> Pays | None:
    """What our record says: what an open hold names, else what a person settled, else what was
    verified. None where nothing was noted."""
    return _noted(posting.hold_detail) or settled(posting)


def settled(posting: Posting) -> Pays | None:
    """The same without what an open hold names."""
    entered = posting.entered_as
    if noted := _noted(posting.kept):
        return noted
    if not isinstance(entered.get("pay_hold"), bool):
        return None
    return Pays(str(entered.get("payer") or ""), entered["pay_hold"])


def agreed(posting: Posting, payer: Payer, *, setting: bool) -> Pays | None:
    """What the bill's payments ask for now. None where our record cannot tell.

    As long as nobody knew and nobody knows who pays, it stays as it was entered: a `setting` that
    is another one by now changes no old invoice.
    """
    before = known(posting)
    if before is None:
        return None
    if payer != Payer.UNKNOWN:
        return Pays(payer, payer == Payer.RAMP)
    unknown = before.payer in ("", Payer.UNKNOWN)
    return Pays(payer, before.hold if unknown else setting)


def is_news(posting: Posting, payer: Payer, *, setting: bool) -> bool:
    """Whether Epicor must be looked at because of who pays; another hold is settled first."""
    if posting.hold_reason and PAYS not in posting.hold_detail:
        return False
    if not posting.entered_as:  # nothing says how it was entered: looked at once for each payer
        return payer != Payer.UNKNOWN and posting.kept.get(ASKED) != payer
    before, now = known(posting), agreed(posting, payer, setting=setting)
    if before is None or now is None:
        return False
    return now.hold != before.hold or (payer != Payer.UNKNOWN and _is_another(before, payer))


def with_hold(
    posting: Posting, draft: APInvoiceDraft, payer: Payer, *, setting: bool
) -> APInvoiceDraft:
    """The draft of something entered with the payment hold that its payments ask for now."""
    now = agreed(posting, payer, setting=setting)
    return draft if now is None else replace(draft, pay_hold=now.hold)


def differs(posting: Posting, draft: APInvoiceDraft, saved: SavedInvoice, payer: Payer) -> bool:
    """Whether the payment hold in Epicor is a person's to change: who pays is not what it was.

    Once a person has settled it, every later difference is theirs as well.
    """
    if not posting.in_epicor or flag((saved.header or {}).get("PayHold")) == draft.pay_hold:
        return False
    before = settled(posting)
    if before is None:
        return False
    theirs = PAYS in posting.kept or before.hold != draft.pay_hold
    return theirs or _is_another(before, payer)


def accepted(posting: Posting, draft: APInvoiceDraft, payer: Payer) -> bool:
    """Whether a person kept the other payment hold than the draft's while this one paid."""
    return _noted(posting.kept) == Pays(payer, draft.pay_hold)


def changed(
    draft: APInvoiceDraft,
    payer: Payer,
    content: str,
    others: Sequence[Difference] = (),
    currency: str = "",
) -> Hold:
    """The hold: what changed, what it may cost, what to do. `content`: the bill's hash.

    With `others`, what else differs, it is one about the invoice as a whole: whoever keeps it
    has seen all of that.
    """
    points = [*others, _difference(expected=draft.pay_hold)]
    detail = {"differences": stored(points), "content": content, **noted(draft, payer)}
    text = f"Who pays the bill changed after it was entered: {_payer_text(draft, payer)}"
    if not others:
        return Hold(Reason.CHANGED, text, detail)
    differs = _DIFFERS.format(listed=listed(points, currency))
    return Hold(Reason.MISMATCH, f"{differs} {text}", detail)


def beside(hold: Hold, draft: APInvoiceDraft, saved: SavedInvoice, payer: Payer) -> Hold:
    """A hold of something entered without a draft, with the payment hold if it is not what this
    payer asks for: nothing else would compare it."""
    if flag((saved.header or {}).get("PayHold")) == draft.pay_hold:
        return hold
    point = _difference(expected=draft.pay_hold)
    points = [*restored(hold.detail.get("differences")), point]
    detail = {**hold.detail, "differences": stored(points), **noted(draft, payer)}
    text = f"{in_words(point, '')}: {_payer_text(draft, payer)}"
    return replace(hold, message=f"{hold.message} {text}", detail=detail)


def named(points: Sequence[Difference], pays: Pays | None) -> dict[str, Any]:
    """What the detail of a hold with these differences says of who pays: only where one is the
    payment hold, so that whoever keeps it accepts it for the one who pays now."""
    if pays is None or len(besides(points)) == len(points):
        return {}
    return {PAYS: pays.as_json()}


def noted(draft: APInvoiceDraft, payer: Payer) -> dict[str, Any]:
    """What a hold's detail says of who pays."""
    return {PAYS: Pays(payer, draft.pay_hold).as_json()}


def left(posting: Posting, wrong: Sequence[Difference], payer: str) -> list[Difference]:
    """The differences without a payment hold that a person kept as it is while this one paid."""
    kept = _noted(posting.kept)
    if kept is None or kept.payer != payer:
        return list(wrong)
    accepted_point = _difference(expected=kept.hold)
    return [point for point in wrong if point != accepted_point]


def besides(wrong: Sequence[Difference]) -> list[Difference]:
    """The differences without the payment hold."""
    return [point for point in wrong if point.field != PAY_HOLD]


def _payer_text(draft: APInvoiceDraft, payer: Payer) -> str:
    if payer == Payer.UNKNOWN:
        who = _NOBODY.format(setting="held from payment" if draft.pay_hold else "paid by Epicor")
    else:
        who = _RAMP if draft.pay_hold else _OUTSIDE
    return f"{who} {_TWICE if draft.pay_hold else _NEVER}"


def _is_another(before: Pays, payer: Payer) -> bool:
    return payer != (before.payer or Payer.UNKNOWN)


def _difference(*, expected: bool) -> Difference:
    return Difference(PAY_HOLD, expected, not expected)


def _noted(where: Mapping[str, Any]) -> Pays | None:
    found = where.get(PAYS)
    return None if not found else Pays(str(found["payer"]), bool(found["hold"]))


_DIFFERS = (
    "The invoice is in Epicor but differs from the bill: {listed}. Correct it in Epicor or the "
    "bill in Ramp, then replay; or remove it and have the bill entered again."
)
_RAMP = "Ramp pays it now, and its invoice in Epicor is not held from payment."
_OUTSIDE = "it is paid outside Ramp now, and its invoice in Epicor is held from payment."
_NOBODY = (
    "Ramp does not say any more who pays it; by your settings such a bill is {setting}, and its "
    "invoice in Epicor is not."
)
_TWICE = (
    "The vendor could be paid twice, by Ramp and by Epicor. Nothing was changed in Epicor. Set "
    "the payment hold there, or stop the payment in Ramp if Epicor has paid; then replay. Or keep "
    "it as it is: dismiss this with a reason."
)
_NEVER = (
    "The vendor could never be paid, because Epicor passes the invoice by. Nothing was changed in "
    "Epicor. Find out who pays it; take the payment hold off there if it is Epicor, then replay. "
    "Or keep it as it is: dismiss this with a reason."
)
