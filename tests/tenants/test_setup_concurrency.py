"""Two administrators at the same moment, each with a database connection of their own."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection

from audit.trail.models import AuditEntry
from connector.actions import go_live
from connector.jobs import queue
from connector.jobs.models import Job
from connector.tenants import members, sections
from connector.tenants.form_fields import SettingsError
from connector.tenants.members import MembersError
from connector.tenants.models import FinanceCalendar, Membership, PostingSettings, Tenant
from connector.tenants.sections import SECTIONS, ChangedMeanwhileError
from tests.builders import make_tenant, make_user
from tests.tenants.test_go_live import filled

pytestmark = pytest.mark.django_db(transaction=True)
PEOPLE = ("ann", "bob", "cat")
REFUSED = (MembersError, ChangedMeanwhileError, SettingsError, ValueError)


def together(work: Callable[[str], Any]) -> list[Any]:
    """What each of three people gets who act at the same moment: a result or a refusal."""
    start = Barrier(len(PEOPLE))

    def act(name: str) -> Any:
        try:
            connection.ensure_connection()
            start.wait(timeout=30)
            return work(name)
        except REFUSED as refused:
            return refused
        finally:
            connection.close()

    with ThreadPoolExecutor(len(PEOPLE)) as pool:
        return list(pool.map(act, PEOPLE))


def refusals(results: list[Any]) -> int:
    return sum(isinstance(one, REFUSED) for one in results)


def test_admins_who_remove_each_other_leave_one() -> None:
    tenant = make_tenant("acme")
    ids = {name: make_user(name, tenant, "admin") for name in PEOPLE}
    pks = {name: Membership.objects.get(user=user).pk for name, user in ids.items()}
    following = dict(zip(PEOPLE, (*PEOPLE[1:], PEOPLE[0]), strict=True))
    results = together(lambda name: members.remove(tenant, pks[following[name]], actor=name))
    assert refusals(results) == 1
    assert Membership.objects.filter(tenant=tenant, role="admin").count() == 1
    assert AuditEntry.objects.filter(action="membership_removed").count() == 2


def test_of_three_who_save_a_section_one_is_stored() -> None:
    tenant = make_tenant("acme")
    section = SECTIONS["rules"]
    seen = sections.mark(section, sections.values(tenant))
    lanes = dict(zip(PEOPLE, (3, 4, 5), strict=True))

    def save(name: str) -> list[str]:
        typed = {"posting.lanes": str(lanes[name]), "posting.pay_hold": "1"}
        return sections.save(tenant, section, typed, seen=seen, actor=name)

    assert refusals(together(save)) == 2
    (entry,) = AuditEntry.objects.all()
    assert PostingSettings.objects.get().lanes == lanes[entry.actor]


def test_one_of_three_makes_the_tenant() -> None:
    document = {"slug": "acme", "name": "Acme", "time_zone": "UTC"}
    assert refusals(together(lambda name: sections.create(document, actor=name))) == 2
    assert Tenant.objects.count() == AuditEntry.objects.count() == 1


def test_one_of_three_goes_live() -> None:
    tenant = filled()
    assert refusals(together(lambda name: go_live.go_live(tenant, actor=name))) == 2
    assert FinanceCalendar.objects.count() == 1
    assert AuditEntry.objects.filter(action="tenant.live").count() == 1


def test_three_who_ask_for_a_test_get_one() -> None:
    tenant = make_tenant("acme")
    found = together(lambda name: queue.request(tenant, "setup_test", actor=name, key="k")[0])
    assert len({job.pk for job in found}) == Job.objects.count() == 1


def test_one_of_three_makes_the_user() -> None:
    tenant = make_tenant("acme")
    results = together(
        lambda name: members.create(tenant, "new", "new@example.com", "auditor", actor=name)
    )
    assert refusals(results) == 2
    assert Membership.objects.get().user.username == "new"
