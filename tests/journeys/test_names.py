"""What people read are names: they are read with each sync, and no bill waits for them."""

from django.test import Client

from connector.sync.bills.run import run_cycle
from connector.tenants import entities
from connector.tenants.models import EntityRoute, LearnedFact
from tests import builders


def test_a_sync_reads_what_ramp_calls_its_entities(ready):
    box, tenant = ready
    told = {row["id"]: row["entity_name"] for row in box.world.ramp["entities"]}
    assert entities.names_of(tenant) == told  # by a cycle of catalogs alone
    EntityRoute.objects.filter(tenant=tenant).delete()
    run_cycle(tenant)
    client = Client()
    client.force_login(builders.make_user("ann", tenant, "accountant"))
    for page in ("", "exceptions/"):
        shown = client.get(f"/t/{tenant.slug}/{page}").content.decode()
        names = [name for name in told.values() if name in shown]
        assert names, page
        assert not [id_ for id_ in told if f">{id_}<" in shown]


def test_a_sync_goes_on_where_we_may_not_read_the_entities(ready):
    box, tenant = ready
    LearnedFact.objects.filter(tenant=tenant, name=entities.FACT).delete()
    box.ramp.app.revoke_scope("entities:read")
    summary = run_cycle(tenant)
    assert summary.entered > 0
    tenant.refresh_from_db()
    assert tenant.paused_reason == ""
    assert entities.names_of(tenant) == {}


def test_an_entity_that_is_gone_from_ramp_keeps_its_name(transactional_db):
    tenant = builders.make_tenant("acme")
    entities.remember(tenant, [{"id": "e-1", "entity_name": "Old"}, {"id": "e-2", "name": "New"}])
    entities.remember(tenant, [{"id": "e-2", "entity_name": "Newer"}, {"id": "e-3"}])
    assert entities.names_of(tenant) == {"e-1": "Old", "e-2": "Newer"}
