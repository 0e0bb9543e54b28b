"""Deciding about one mapping, and the two-person rule: who may, when it counts, what is told."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from audit.trail.as_of import before_and_after
from audit.trail.models import AuditEntry
from connector.tenants.models import Tenant
from mappings.catalog import SegmentValueRow, VendorRow, replace_segment_values, replace_vendors
from mappings.decisions import (
    ChangedMeanwhileError,
    Decision,
    DecisionError,
    OwnChangeError,
    ProposalClosedError,
    WrongMappingError,
    approve,
    decide,
    reject,
    require_approval,
)
from mappings.effective import EVERY, Applied
from mappings.files import MappingRow
from mappings.import_export import import_mappings
from mappings.kinds import UnknownKindError
from mappings.models import Dimension, DimensionMapping, ProposedMapping, VendorMapping

pytestmark = pytest.mark.django_db
CO = "EPIC06"


@pytest.fixture
def tenant():
    return Tenant.objects.create(slug="acme", name="Acme", time_zone="UTC")


@pytest.fixture
def strict(tenant):
    """The same tenant, whose mappings need approval."""
    require_approval(tenant.pk, needed=True, actor="boss")
    AuditEntry.objects.all().delete()
    return tenant


def ask(tenant, target, *, actor="ann", seen=None, kind="vendors", **named):
    values = {"company": "", "ramp_id": "v-1", "ramp_name": ""} | named
    return decide(
        tenant.pk, kind, epicor_id=target, source="manual", actor=actor, seen=seen, **values
    )


def target():
    mapping = VendorMapping.objects.filter(ramp_id="v-1", company="").first()
    return mapping.epicor_id if mapping else ""


def trail():
    return [
        (
            entry.action.removeprefix("mapping_"),
            entry.actor,
            (entry.body.get("before") or before_and_after(entry.changes)[0]).get("epicor_id", ""),
            (entry.body.get("after") or before_and_after(entry.changes)[1]).get("epicor_id", ""),
        )
        for entry in AuditEntry.objects.filter(subject_kind="mapping")
    ]


# At once ----------------------------------------------------------------------------------------


def test_a_mapping_is_set_changed_and_taken_away(tenant):
    first = ask(tenant, "A", ramp_name="Acme", seen="")
    then = Applied("A", EVERY)
    assert first == Decision("vendors", "", "v-1", "", "A", changed=True, then=then)
    mapping = VendorMapping.objects.get()
    assert (mapping.ramp_name, mapping.source, mapping.updated_by) == ("Acme", "manual", "ann")
    second = ask(tenant, "B", seen="A", actor="bob")
    assert (second.before, second.after, second.changed) == ("A", "B", True)
    mapping.refresh_from_db()
    assert (mapping.epicor_id, mapping.ramp_name, mapping.updated_by) == ("B", "Acme", "bob")
    assert ask(tenant, "", seen="B").changed
    assert not VendorMapping.objects.exists()
    assert trail() == [
        ("created", "ann", "", "A"),
        ("changed", "bob", "A", "B"),
        ("deleted", "ann", "B", ""),
    ]


def test_what_is_so_already_changes_nothing(tenant):
    ask(tenant, "A")
    assert not ask(tenant, "A", seen="").changed  # the same click twice
    assert not ask(tenant, "", ramp_id="nobody").changed
    assert len(trail()) == 1


def test_spaces_around_an_answer_do_not_count(tenant):
    ask(tenant, " A ", ramp_id=" v-1 ", company=" ")
    assert target() == "A"


@pytest.mark.parametrize("source", ["manual", "import", "suggestion"])
def test_the_source_is_kept(tenant, source):
    decide(
        tenant.pk,
        "vendors",
        company="",
        ramp_id="v-1",
        ramp_name="",
        epicor_id="A",
        source=source,
        actor="ann",
    )
    assert VendorMapping.objects.get().source == source
    assert AuditEntry.objects.get().body["source"] == source


@pytest.mark.parametrize(
    ("seen", "wanted", "goes"),
    [
        ("A", "B", True),
        (None, "B", True),
        ("", "B", False),
        ("C", "B", False),
        ("C", "A", True),
        ("C", "", False),
        ("A", "", True),
    ],
)
def test_a_decision_counts_for_what_the_person_saw(tenant, seen, wanted, goes):
    ask(tenant, "A", actor="bob")
    if goes:
        ask(tenant, wanted, seen=seen)
        assert target() == wanted
        return
    with pytest.raises(ChangedMeanwhileError, match=r"bob changed the mapping of v-1 .* is A now"):
        ask(tenant, wanted, seen=seen)
    assert target() == "A"
    assert len(trail()) == 1


def test_a_mapping_that_is_gone_is_said_to_be(tenant):
    with pytest.raises(ChangedMeanwhileError, match="Acme is not mapped any more"):
        ask(tenant, "B", seen="A", ramp_name="Acme")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"target": "NOBODY"}, "No company has vendor 'NOBODY'"),
        ({"target": "HOOLI", "company": CO}, "Company EPIC06 has no vendor 'HOOLI'"),
        ({"target": "ACME", "company": "X"}, "Company 'X' is not one of EPIC06, EPIC07"),
        ({"target": "ACME", "ramp_id": " "}, "The Ramp id"),
        ({"target": "", "ramp_id": ""}, "The Ramp id"),
        ({"target": "A" * 256}, "Epicor_id is longer than 255"),
        ({"target": "", "ramp_id": "v" * 256}, "Ramp_id is longer than 255"),
        ({"target": "A\x00"}, "Epicor_id contains a character"),
    ],
)
def test_a_wrong_one_is_refused_with_a_sentence(tenant, values, words):
    replace_vendors(tenant.pk, CO, [VendorRow(1, "ACME", "Acme Inc")])
    replace_vendors(tenant.pk, "EPIC07", [VendorRow(1, "HOOLI", "Hooli")])
    with pytest.raises(WrongMappingError, match=words) as caught:
        ask(tenant, values.pop("target"), **values)
    assert str(caught.value).endswith("Nothing was changed.")
    assert not VendorMapping.objects.exists()


def test_taking_away_needs_no_target_in_the_catalog(tenant):
    ask(tenant, "GONE")
    replace_vendors(tenant.pk, CO, [VendorRow(1, "ACME", "Acme Inc")])
    assert ask(tenant, "").changed


def test_the_catalogs_name_is_taken_with_a_new_target(tenant):
    replace_vendors(tenant.pk, CO, [VendorRow(1, "A", "Acme Inc"), VendorRow(2, "B", "Beta")])
    ask(tenant, "A", epicor_name="Mine")
    assert VendorMapping.objects.get().epicor_name == "Mine"
    ask(tenant, "A")
    assert VendorMapping.objects.get().epicor_name == "Mine"
    ask(tenant, "B")
    assert VendorMapping.objects.get().epicor_name == "Beta"


def test_a_dimension_is_decided_in_its_own_table(tenant):
    with pytest.raises(UnknownKindError):
        ask(tenant, "01", kind="dimension:project")
    Dimension.objects.create(
        tenant=tenant, ramp_field="project", segment=2, kind="dimension:project"
    )
    replace_segment_values(tenant.pk, CO, [SegmentValueRow(2, "01", "West")])
    ask(tenant, "01", kind="dimension:project")
    assert DimensionMapping.objects.get().epicor_name == "West"


def test_errors_are_values_that_are_wrong():
    assert issubclass(DecisionError, ValueError)
    assert issubclass(UnknownKindError, ValueError)


# With approval ----------------------------------------------------------------------------------


def test_nothing_counts_before_somebody_else_approves(strict):
    waiting = ask(strict, "A", ramp_name="Acme", seen="")
    assert (waiting.waits, waiting.changed, target()) == (True, False, "")
    done = approve(strict.pk, waiting.proposal, actor="pat")
    assert (done.changed, done.before, done.after, target()) == (True, "", "A", "A")
    mapping = VendorMapping.objects.get()
    assert (mapping.updated_by, mapping.ramp_name, mapping.source) == ("ann", "Acme", "manual")
    assert trail() == [
        ("proposed", "ann", "", "A"),
        ("approved", "pat", "", "A"),
        ("created", "pat", "", "A"),
    ]
    proposal = ProposedMapping.objects.get()
    assert (proposal.approved, proposal.decided_by) == (True, "pat")


def test_a_rejected_proposal_leaves_everything_as_it_was(strict):
    waiting = ask(strict, "A")
    said = reject(strict.pk, waiting.proposal, actor="pat")
    assert (said.changed, target()) == (False, "")
    assert trail() == [("proposed", "ann", "", "A"), ("rejected", "pat", "", "A")]
    with pytest.raises(ProposalClosedError, match="pat rejected this already"):
        approve(strict.pk, waiting.proposal, actor="pia")


def test_taking_away_needs_approval_too(strict):
    VendorMapping.objects.create(tenant=strict, ramp_id="v-1", epicor_id="A", updated_by="zoe")
    waiting = ask(strict, "", seen="A")
    assert (waiting.waits, target()) == (True, "A")
    approve(strict.pk, waiting.proposal, actor="pat")
    assert target() == ""


@pytest.mark.parametrize("act", [approve, reject])
@pytest.mark.parametrize("who", ["ann", "zoe"])
def test_neither_the_proposer_nor_the_last_editor_decides(strict, act, who):
    VendorMapping.objects.create(tenant=strict, ramp_id="v-1", epicor_id="A", updated_by="zoe")
    waiting = ask(strict, "B")
    with pytest.raises(OwnChangeError, match="somebody else has to decide"):
        act(strict.pk, waiting.proposal, actor=who)
    assert target() == "A"
    assert ProposedMapping.objects.get().approved is None


@pytest.mark.parametrize(
    ("proposer", "who"),
    [
        ("ann (command line)", "ann"),
        ("ann (command line)", "Ann"),
        ("ann", "ann (command line)"),
        ("ann (command line)", "ann (command line)"),
    ],
)
def test_nobody_proposes_by_a_command_and_approves_on_the_page(strict, proposer, who):
    waiting = ask(strict, "B", actor=proposer)
    with pytest.raises(OwnChangeError, match="proposed this yourself"):
        approve(strict.pk, waiting.proposal, actor=who)
    approve(strict.pk, waiting.proposal, actor="bob (command line)")
    second = ask(strict, "A", actor="eve")
    with pytest.raises(OwnChangeError, match="last to edit"):
        approve(strict.pk, second.proposal, actor=who)


def test_the_proposer_of_what_was_approved_is_the_last_editor(strict):
    approve(strict.pk, ask(strict, "A").proposal, actor="pat")
    second = ask(strict, "B", actor="bob")
    with pytest.raises(OwnChangeError, match="last to edit"):
        approve(strict.pk, second.proposal, actor="ann")
    assert approve(strict.pk, second.proposal, actor="pat").changed


def test_deleting_and_making_it_again_is_no_way_around(tenant):
    ask(tenant, "A", actor="ann")
    ask(tenant, "", actor="ann")
    require_approval(tenant.pk, needed=True, actor="boss")
    waiting = ask(tenant, "B", actor="bob")
    with pytest.raises(OwnChangeError, match="last to edit"):
        approve(tenant.pk, waiting.proposal, actor="ann")
    other = ask(tenant, "B", actor="bob", company=CO)  # a mapping that ann never had
    assert approve(tenant.pk, other.proposal, actor="ann").changed


def test_whoever_had_it_deleted_by_approval_is_its_last_editor(strict):
    VendorMapping.objects.create(tenant=strict, ramp_id="v-1", epicor_id="A", updated_by="zoe")
    approve(strict.pk, ask(strict, "", actor="ann").proposal, actor="pat")
    waiting = ask(strict, "B", actor="bob")
    with pytest.raises(OwnChangeError):
        approve(strict.pk, waiting.proposal, actor="ann")
    assert approve(strict.pk, waiting.proposal, actor="pat").changed


def test_a_file_needs_approval_row_by_row(strict):
    VendorMapping.objects.create(tenant=strict, ramp_id="v-1", epicor_id="A", updated_by="zoe")
    rows = [MappingRow(n, f"v-{n}", "", "A", "") for n in (1, 2, 3)]
    result = import_mappings(strict.pk, "vendors", rows, actor="ann")
    assert (result.created, result.updated, result.unchanged, result.proposed) == (0, 0, 1, 2)
    assert VendorMapping.objects.count() == 1
    proposal = ProposedMapping.objects.get(ramp_id="v-2")
    assert proposal.source == "import"
    with pytest.raises(OwnChangeError):
        approve(strict.pk, proposal.pk, actor="ann")
    assert approve(strict.pk, proposal.pk, actor="pat").changed
    assert VendorMapping.objects.get(ramp_id="v-2").source == "import"


def test_a_file_leaves_other_proposals_alone(strict):
    VendorMapping.objects.create(tenant=strict, ramp_id="v-1", epicor_id="A")
    waiting = ask(strict, "B")
    import_mappings(strict.pk, "vendors", [MappingRow(2, "v-1", "", "A", "")], actor="bob")
    assert ProposedMapping.objects.get().pk == waiting.proposal


def test_another_wish_replaces_the_proposal_under_a_new_number(strict):
    first = ask(strict, "A")
    second = ask(strict, "B", actor="bob")
    assert ProposedMapping.objects.filter(approved=None).count() == 1
    with pytest.raises(ProposalClosedError, match="withdrawn or replaced"):
        approve(strict.pk, first.proposal, actor="pat")
    assert target() == ""
    assert approve(strict.pk, second.proposal, actor="pat").after == "B"
    assert trail()[1:3] == [("withdrawn", "bob", "", "A"), ("proposed", "bob", "", "B")]


def test_the_same_wish_again_stays_its_first_proposers(strict):
    first = ask(strict, "A")
    again = ask(strict, "A", actor="bob")
    assert (again.waits, again.proposal) == (True, first.proposal)
    import_mappings(strict.pk, "vendors", [MappingRow(2, "v-1", "", "A", "")], actor="bob")
    with pytest.raises(OwnChangeError):
        approve(strict.pk, first.proposal, actor="ann")
    assert len(trail()) == 1


def test_wanting_what_is_already_so_withdraws_the_proposal(strict):
    VendorMapping.objects.create(tenant=strict, ramp_id="v-1", epicor_id="A")
    ask(strict, "B")
    back = ask(strict, "A")
    assert (back.waits, back.changed) == (False, False)
    assert not ProposedMapping.objects.exists()
    assert trail()[-1] == ("withdrawn", "ann", "A", "B")


def test_a_mapping_that_moved_on_cannot_be_approved(strict):
    waiting = ask(strict, "B")
    require_approval(strict.pk, needed=False, actor="boss")
    ask(strict, "C", actor="bob")
    with pytest.raises(ChangedMeanwhileError, match=r"bob changed .* It was not mapped when"):
        approve(strict.pk, waiting.proposal, actor="pat")
    assert target() == "C"
    assert reject(strict.pk, waiting.proposal, actor="pat")


def test_a_target_that_is_gone_by_then_cannot_be_approved(strict):
    waiting = ask(strict, "A")
    replace_vendors(strict.pk, CO, [VendorRow(1, "ACME", "Acme Inc")])
    with pytest.raises(WrongMappingError, match="No company has vendor 'A'"):
        approve(strict.pk, waiting.proposal, actor="pat")
    assert ProposedMapping.objects.get().approved is None


def test_a_kind_that_is_gone_can_still_be_rejected(strict):
    rule = Dimension.objects.create(
        tenant=strict, ramp_field="project", segment=2, kind="dimension:project"
    )
    waiting = ask(strict, "01", kind="dimension:project")
    rule.delete()
    with pytest.raises(UnknownKindError):
        approve(strict.pk, waiting.proposal, actor="pat")
    reject(strict.pk, waiting.proposal, actor="pat")


@pytest.mark.parametrize("act", [approve, reject])
def test_another_tenants_proposal_does_not_exist(strict, act):
    waiting = ask(strict, "A")
    other = Tenant.objects.create(slug="other", name="Other", time_zone="UTC")
    with pytest.raises(ProposalClosedError):
        act(other.pk, waiting.proposal, actor="pat")
    assert ProposedMapping.objects.get().approved is None


def test_the_switch_is_on_the_record_and_leaves_proposals_to_be_decided(strict):
    waiting = ask(strict, "A")
    assert require_approval(strict.pk, needed=False, actor="boss") == 1
    require_approval(strict.pk, needed=False, actor="boss")  # no second entry
    entry = AuditEntry.objects.get(subject_kind="settings")
    assert (entry.actor, entry.changes) == ("boss", {"needs_approval": [True, False]})
    assert ask(strict, "B", ramp_id="v-2").changed
    assert approve(strict.pk, waiting.proposal, actor="pat").changed


# Two at the same moment -------------------------------------------------------------------------


def together(*works):
    """Runs the works in threads that start at the same moment; errors are results."""
    start = Barrier(len(works))

    def run(work):
        try:
            connection.ensure_connection()
            start.wait(timeout=30)
            return work()
        except DecisionError as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


@pytest.mark.django_db(transaction=True)
def test_of_two_people_one_decides_and_the_other_is_told(tenant):
    ask(tenant, "A", actor="zoe")
    found = together(
        lambda: ask(tenant, "B", seen="A", actor="ann"),
        lambda: ask(tenant, "C", seen="A", actor="bob"),
    )
    assert sorted(type(it).__name__ for it in found) == ["ChangedMeanwhileError", "Decision"]
    assert len(trail()) == 2


@pytest.mark.django_db(transaction=True)
def test_of_two_people_one_makes_it_and_the_other_is_told(tenant):
    found = together(
        lambda: ask(tenant, "B", seen="", actor="ann"),
        lambda: ask(tenant, "C", seen="", actor="bob"),
    )
    assert sorted(type(it).__name__ for it in found) == ["ChangedMeanwhileError", "Decision"]
    assert VendorMapping.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_proposal_is_decided_once(tenant):
    require_approval(tenant.pk, needed=True, actor="boss")
    waiting = ask(tenant, "A").proposal
    found = together(
        lambda: approve(tenant.pk, waiting, actor="pat"),
        lambda: reject(tenant.pk, waiting, actor="pia"),
        lambda: approve(tenant.pk, waiting, actor="pit"),
    )
    assert sorted(type(it).__name__ for it in found) == [
        "Decision",
        "ProposalClosedError",
        "ProposalClosedError",
    ]
    approved = ProposedMapping.objects.get().approved
    assert (target() == "A") == approved


@pytest.mark.django_db(transaction=True)
def test_a_proposal_that_is_replaced_while_it_is_approved_counts_as_it_was_seen(tenant):
    require_approval(tenant.pk, needed=True, actor="boss")
    waiting = ask(tenant, "A").proposal
    together(
        lambda: approve(tenant.pk, waiting, actor="pat"),
        lambda: ask(tenant, "EVIL", actor="bob"),
    )
    assert target() in ("", "A")
