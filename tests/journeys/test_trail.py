"""After whole runs, the fold over a bill's trail is its row, column by column."""

from audit.ledger import lifecycle
from audit.ledger.models import Posting
from audit.trail.models import AuditEntry
from connector.sync.bills.run import run_cycle
from tests.audit.test_as_of import each_begins_where_the_last_ended, of_row, of_trail


def compare(tenant):
    for posting in Posting.objects.filter(tenant=tenant):
        mine = AuditEntry.objects.filter(tenant=tenant, subject_id=posting.bill_id)
        entries = list(mine.order_by("at", "id"))
        assert of_trail(entries) == of_row(posting)
        assert each_begins_where_the_last_ended(entries)


def test_the_trail_folds_to_the_rows_after_faults_holds_and_replays(start):
    box, tenant = start(bills=12)
    box.epicor.app.ask_next("Is this tax code right?")
    box.epicor.fail_next("UpdateMaster", "status", status=503, body={})
    run_cycle(tenant)
    compare(tenant)
    held = list(Posting.objects.filter(tenant=tenant).exclude(hold_reason=""))
    assert held
    lifecycle.replay(held, actor="clerk")
    compare(tenant)
    run_cycle(tenant)
    compare(tenant)
    assert Posting.objects.filter(tenant=tenant, state=Posting.State.CONFIRMED).count() > 5
