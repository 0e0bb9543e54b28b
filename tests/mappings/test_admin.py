"""The mapping pages of superusers: changes are on the record, mappings and catalogs read-only."""

import pytest
from django.contrib.auth.models import Permission, User

from audit.trail.models import AuditEntry
from connector.tenants.models import Tenant
from connector.web.admin import admin  # with its pages registered
from mappings.catalog import VendorRow, replace_vendors
from mappings.models import CurrencyMapping, Dimension, EpicorVendor, VendorMapping

pytestmark = pytest.mark.django_db
MAPPINGS = "/admin/mappings/vendormapping/"
CURRENCIES = "/admin/mappings/currencymapping/"


@pytest.fixture
def tenant():
    return Tenant.objects.create(slug="acme", name="Acme", time_zone="UTC")


@pytest.fixture(autouse=True)
def no_collected_static_files(settings):
    """Nobody ran collectstatic for the tests; WhiteNoise would complain."""
    settings.WHITENOISE_AUTOREFRESH = True


@pytest.fixture
def root(client):
    client.force_login(User.objects.create_superuser("root"))
    return client


def form(tenant, **values):
    return {"tenant": tenant.pk, "iso": "USD"} | values


def trail():
    return [
        (entry.action, entry.subject_id, entry.actor, entry.changes)
        for entry in AuditEntry.objects.all()
    ]


def values(tenant, code):
    return {"tenant_id": tenant.pk, "iso": "USD", "epicor_code": code}


def both(tenant, before, after):
    """All columns of a mapping that is made or goes."""
    sides = [values(tenant, code) if code else {} for code in (before, after)]
    return {name: [side.get(name) for side in sides] for name in values(tenant, "")}


def test_each_change_is_on_the_record(root, tenant):
    root.post(f"{CURRENCIES}add/", form(tenant, epicor_code="A"))
    pk = CurrencyMapping.objects.get().pk
    root.post(f"{CURRENCIES}{pk}/change/", form(tenant, epicor_code="B"))
    root.post(f"{CURRENCIES}{pk}/delete/", {"post": "yes"})
    same = {name: [value, value] for name, value in values(tenant, "").items()}
    assert trail() == [
        ("mapping_created", f"currencymapping:{pk}", "root", both(tenant, None, "A")),
        ("mapping_changed", f"currencymapping:{pk}", "root", {**same, "epicor_code": ["A", "B"]}),
        ("mapping_deleted", f"currencymapping:{pk}", "root", both(tenant, "B", None)),
    ]
    assert not CurrencyMapping.objects.exists()


def test_deleting_many_records_each(root, tenant):
    for iso in ("USD", "EUR"):
        CurrencyMapping.objects.create(tenant=tenant, iso=iso, epicor_code="X")
    chosen = list(CurrencyMapping.objects.values_list("pk", flat=True))
    root.post(CURRENCIES, {"action": "delete_selected", "_selected_action": chosen, "post": "yes"})
    assert not CurrencyMapping.objects.exists()
    assert AuditEntry.objects.filter(action="mapping_deleted").count() == 2


def test_the_administration_cannot_bypass_approval(root, tenant):
    mapping = VendorMapping.objects.create(tenant=tenant, ramp_id="v", epicor_id="X")
    page = f"{MAPPINGS}{mapping.pk}/"
    assert root.get(MAPPINGS).status_code == 200
    assert root.post(f"{page}change/", {"epicor_id": "Y"}).status_code == 403
    assert root.post(f"{page}delete/", {"post": "yes"}).status_code == 403
    assert root.get(f"{MAPPINGS}add/").status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": [mapping.pk], "post": "yes"}
    root.post(MAPPINGS, chosen)
    assert VendorMapping.objects.get().epicor_id == "X"


def test_a_dimension_is_recorded_although_it_has_no_ramp_id(root, tenant):
    root.post(
        "/admin/mappings/dimension/add/",
        {"tenant": tenant.pk, "ramp_field": "cc", "segment": 3, "kind": "cost_centers"},
    )
    assert Dimension.objects.get().segment == 3
    assert [entry[0] for entry in trail()] == ["mapping_created"]


def test_catalogs_can_be_seen_but_not_changed(root, tenant):
    replace_vendors(tenant.pk, "EPIC06", [VendorRow(1, "ACME", "Acme Office")])
    page = f"/admin/mappings/epicorvendor/{EpicorVendor.objects.get().pk}/"
    assert "Acme Office" in root.get("/admin/mappings/epicorvendor/").content.decode()
    assert root.post(f"{page}change/", {"name": "Mine"}).status_code == 403
    assert root.post(f"{page}delete/", {"post": "yes"}).status_code == 403
    assert root.get("/admin/mappings/epicorvendor/add/").status_code == 403
    assert EpicorVendor.objects.get().name == "Acme Office"


OURS = [model for model in admin.site._registry if model._meta.app_label == "mappings"]


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_every_list_opens_and_can_be_searched(root, tenant, model):
    address = f"/admin/mappings/{model._meta.model_name}/"
    assert root.get(address).status_code == 200
    assert root.get(f"{address}?q=acme&tenant__id__exact={tenant.pk}").status_code == 200


def test_all_mappings_and_catalogs_have_a_page():
    assert len(OURS) == 12


def test_permissions_alone_open_nothing(client, tenant):
    user = User.objects.create_user("staff", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="mappings"))
    client.force_login(user)
    VendorMapping.objects.create(tenant=tenant, ramp_id="v", epicor_id="X")
    pk = VendorMapping.objects.get().pk
    for page in ("", "add/", f"{pk}/change/", f"{pk}/delete/"):
        assert client.get(f"{MAPPINGS}{page}").status_code == 403
    assert client.get("/admin/mappings/").status_code == 404
