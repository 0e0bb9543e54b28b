"""Who works in a tenant: nobody sets another's password, an admin stays, links work once."""

import json
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from audit.permissions import CAPABILITIES
from audit.trail.models import AuditEntry
from connector.tenants import members
from connector.tenants.members import MembersError
from connector.tenants.models import Membership, Tenant
from tests.builders import make_tenant, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant("acme")


def parts(link: str) -> tuple[str, str]:
    return tuple(link.rstrip("/").rsplit("/", 2)[1:])  # type: ignore[return-value]


class TestAdding:
    @pytest.mark.parametrize("who", ["bea", "BEA@example.com", " bea "])
    def test_an_existing_user_is_found_by_name_or_mail(self, tenant, who):
        user = User.objects.create_user("bea", "bea@example.com", "x")
        members.add(tenant, who, "auditor", actor="ann")
        assert Membership.objects.get().role == "auditor"
        user.refresh_from_db()
        assert user.is_staff  # the login page lets in nobody else
        assert not user.is_superuser
        entry = AuditEntry.objects.get()
        assert (entry.actor, entry.subject_id) == ("ann", "bea")
        assert entry.changes == {"role": ["", "auditor"]}

    @pytest.mark.parametrize(
        ("who", "said"),
        [
            ("", "exact username"),
            ("be", "be cannot be added"),
            ("twin@example.com", "cannot be added"),
            ("off", "cannot be added"),
            ("member", "member already, as approver"),
        ],
    )
    def test_who_cannot_be_added(self, tenant, who, said):
        User.objects.create_user("one", "twin@example.com")
        User.objects.create_user("two", "twin@example.com")
        User.objects.create_user("off", "off@example.com", is_active=False)
        make_user("member", tenant, "approver")
        with pytest.raises(MembersError, match=said) as caught:
            members.add(tenant, who, "auditor", actor="ann")
        assert caught.value.field == "who"
        assert Membership.objects.count() == 1
        assert not AuditEntry.objects.exists()

    @pytest.mark.parametrize("role", ["", "root", "superuser"])
    def test_only_roles_that_there_are(self, tenant, role):
        make_user("bea")
        with pytest.raises(MembersError, match="Choose a role"):
            members.add(tenant, "bea", role, actor="ann")
        with pytest.raises(MembersError, match="Choose a role"):
            members.create(tenant, "new", "new@example.com", role, actor="ann")
        assert not Membership.objects.exists()


class TestTwoTenants:
    """Users are the installation's; an admin of one tenant must not get at those of another."""

    @pytest.fixture
    def other(self) -> Tenant:
        return make_tenant("other")

    @pytest.fixture
    def bob(self, other) -> members.Added:
        """Invited by another tenant; he has not opened his link yet."""
        return members.create(other, "bob", "bob@example.com", "admin", actor="eve")

    @pytest.mark.parametrize("who", ["bob", "BOB@example.com"])
    def test_whom_another_tenant_invited_cannot_be_added(self, tenant, bob, who):
        with pytest.raises(MembersError) as caught:
            members.add(tenant, who, "auditor", actor="mallory")
        with pytest.raises(MembersError) as nobody:
            members.add(tenant, "nobody", "auditor", actor="mallory")
        assert str(caught.value) == str(nobody.value).replace("nobody", who)
        assert not Membership.objects.filter(tenant=tenant).exists()
        assert members.invited(*parts(bob.link)) == bob.member.user

    def test_no_new_link_for_whom_another_tenant_has_too(self, tenant, bob):
        mine = Membership.objects.create(tenant=tenant, user=bob.member.user, role="auditor")
        for where, member in ((tenant, mine), (bob.member.tenant, bob.member)):
            with pytest.raises(MembersError, match="Only a superuser"):
                members.new_link(where, member.pk, actor="mallory")

    def test_a_link_opens_nothing_that_was_given_afterwards(self, tenant, bob):
        """Eve has seen bob's link; he is made a member of another tenant by a superuser."""
        Membership.objects.create(tenant=tenant, user=bob.member.user, role="admin")
        assert members.invited(*parts(bob.link)) is None

    def test_a_link_gives_nobody_a_superuser(self, bob):
        User.objects.filter(pk=bob.member.user.pk).update(is_superuser=True)
        assert members.invited(*parts(bob.link)) is None

    def test_a_link_ends_with_the_membership(self, tenant, other, bob):
        make_user("eve", other, "admin")
        members.remove(other, bob.member.pk, actor="eve")
        assert members.invited(*parts(bob.link)) is None
        # He is nobody's now: who takes him on makes a link of their own, and the old stays dead.
        member = members.add(tenant, "bob", "auditor", actor="ann")
        fresh = members.new_link(tenant, member.pk, actor="ann").link
        assert members.invited(*parts(fresh)) == member.user
        assert members.invited(*parts(bob.link)) is None

    def test_a_user_with_a_password_can_join_two_tenants(self, tenant, other):
        make_user("cat", other, "auditor")
        assert members.add(tenant, "cat", "auditor", actor="ann").role == "auditor"

    @pytest.mark.parametrize(
        ("name", "email"), [("bob", "x@example.com"), ("new", "bob@example.com")]
    )
    def test_a_new_user_does_not_tell_which_of_the_two_is_taken(self, tenant, bob, name, email):
        with pytest.raises(MembersError, match="This username or e-mail cannot be given"):
            members.create(tenant, name, email, "auditor", actor="mallory")


class TestInviting:
    def test_a_new_user_gets_a_link_and_nobody_a_password(self, tenant):
        added = members.create(tenant, "new", "new@example.com", "accountant", actor="ann")
        user = User.objects.get(username="new")
        assert not user.has_usable_password()
        assert (user.is_staff, user.is_superuser, user.is_active) == (True, False, True)
        assert members.invited(*parts(added.link)) == user
        said = json.dumps(list(AuditEntry.objects.values_list("body", flat=True)))
        assert parts(added.link)[1] not in said

    @pytest.mark.parametrize(
        ("name", "email", "field"),
        [
            ("", "a@example.com", "username"),
            ("sp ace", "a@example.com", "username"),
            ("x" * 151, "a@example.com", "username"),
            ("new", "no mail", "email"),
            ("new", "", "email"),
            ("BEA", "other@example.com", "username"),
            ("new", "Bea@example.com", "username"),
        ],
    )
    def test_who_cannot_be_made(self, tenant, name, email, field):
        User.objects.create_user("bea", "bea@example.com")
        with pytest.raises(MembersError) as caught:
            members.create(tenant, name, email, "accountant", actor="ann")
        assert caught.value.field == field
        assert User.objects.count() == 1
        assert not Membership.objects.exists()

    def test_a_link_works_once(self, tenant):
        link = members.create(tenant, "new", "n@example.com", "auditor", actor="ann").link
        user = members.invited(*parts(link))
        assert user is not None
        user.set_password("long enough 77")
        user.save()
        assert members.invited(*parts(link)) is None

    def test_a_link_expires(self, tenant, settings):
        link = members.create(tenant, "new", "n@example.com", "auditor", actor="ann").link
        settings.PASSWORD_RESET_TIMEOUT = -1
        assert members.invited(*parts(link)) is None

    @pytest.mark.parametrize(
        ("uid", "token"),
        [("", ""), ("!!", "x"), ("MQ", "x-y"), ("ff", "a"), ("OTk5OTk5OTk5OTk5OTk5OTk5OTk5", "a")],
    )
    def test_an_invented_invitation_link_is_refused(self, tenant, uid, token):
        make_user("bea")
        assert members.invited(uid, token) is None

    def test_a_new_link_only_for_who_never_had_a_password(self, tenant):
        added = members.create(tenant, "new", "n@example.com", "auditor", actor="ann")
        assert members.new_link(tenant, added.member.pk, actor="ann").link
        make_user("bea", tenant, "admin")  # may work elsewhere, too: her account is her own
        for member in Membership.objects.filter(user__username="bea"):
            with pytest.raises(MembersError, match="has a password already"):
                members.new_link(tenant, member.pk, actor="ann")
        User.objects.filter(username="new").update(is_superuser=True)
        with pytest.raises(MembersError):
            members.new_link(tenant, added.member.pk, actor="ann")

    def test_no_link_for_who_has_logged_in_except_by_a_superuser(self, tenant):
        added = members.create(tenant, "new", "n@example.com", "auditor", actor="ann")
        User.objects.filter(username="new").update(last_login=timezone.now())
        assert members.invited(*parts(added.link)) is None
        with pytest.raises(MembersError, match="only a superuser"):
            members.new_link(tenant, added.member.pk, actor="ann")
        link = members.new_link(tenant, added.member.pk, actor="root", superuser=True).link
        assert members.invited(*parts(link)) == added.member.user

    def test_no_link_for_another_tenants_people(self, tenant):
        other = make_tenant("other")
        added = members.create(other, "new", "n@example.com", "auditor", actor="eve")
        with pytest.raises(MembersError, match="no member"):
            members.new_link(tenant, added.member.pk, actor="ann")


class TestChanging:
    def test_a_role_with_before_and_after(self, tenant):
        make_user("ann", tenant, "admin")
        bea = Membership.objects.get(user=make_user("bea", tenant, "auditor"))
        members.change_role(tenant, bea.pk, "accountant", before="auditor", actor="ann")
        assert Membership.objects.get(pk=bea.pk).role == "accountant"
        assert AuditEntry.objects.get().changes == {"role": ["auditor", "accountant"]}

    def test_twice_the_same_changes_nothing(self, tenant):
        bea = Membership.objects.get(user=make_user("bea", tenant, "auditor"))
        for _ in range(2):
            members.change_role(tenant, bea.pk, "accountant", before="auditor", actor="ann")
        assert AuditEntry.objects.count() == 1

    def test_two_at_once_and_the_second_is_told(self, tenant):
        bea = Membership.objects.get(user=make_user("bea", tenant, "auditor"))
        members.change_role(tenant, bea.pk, "accountant", before="auditor", actor="ann")
        with pytest.raises(MembersError, match="was made accountant meanwhile"):
            members.change_role(tenant, bea.pk, "approver", before="auditor", actor="cat")
        assert Membership.objects.get(pk=bea.pk).role == "accountant"

    def test_the_last_admin_stays(self, tenant):
        ann = Membership.objects.get(user=make_user("ann", tenant, "admin"))
        with pytest.raises(MembersError, match="last admin"):
            members.change_role(tenant, ann.pk, "auditor", before="admin", actor="ann")
        with pytest.raises(MembersError, match="last admin"):
            members.remove(tenant, ann.pk, actor="ann")
        gone = make_user("gone", tenant, "admin")
        User.objects.filter(pk=gone.pk).update(is_active=False)  # cannot log in: no admin
        with pytest.raises(MembersError, match="last admin"):
            members.remove(tenant, ann.pk, actor="gone")
        make_user("bea", tenant, "admin")
        members.remove(tenant, ann.pk, actor="ann")
        assert User.objects.filter(username="ann").exists()
        assert AuditEntry.objects.get().changes == {"role": ["admin", ""]}

    def test_an_admin_elsewhere_does_not_count(self, tenant):
        make_user("eve", make_tenant("other"), "admin")
        ann = Membership.objects.get(user=make_user("ann", tenant, "admin"))
        with pytest.raises(MembersError, match="last admin"):
            members.remove(tenant, ann.pk, actor="ann")

    def test_another_tenants_member_is_nobody_here(self, tenant):
        eve = Membership.objects.get(user=make_user("eve", make_tenant("other"), "auditor"))
        with pytest.raises(MembersError, match="no member"):
            members.change_role(tenant, eve.pk, "admin", before="auditor", actor="ann")
        with pytest.raises(MembersError, match="no member"):
            members.remove(tenant, eve.pk, actor="ann")
        assert Membership.objects.get(pk=eve.pk).role == "auditor"


def test_every_capability_is_explained():
    assert set(members.IN_WORDS) == set().union(*CAPABILITIES.values())


def test_members_are_sorted_by_role_and_name(tenant):
    for name, role in [("z", "admin"), ("b", "auditor"), ("a", "auditor"), ("c", "accountant")]:
        make_user(name, tenant, role)
    User.objects.filter(username="z").update(last_login=timezone.now() - timedelta(days=1))
    assert [one.user.username for one in members.members(tenant)] == ["z", "c", "a", "b"]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Ann@Example.com", "ann@example.COM", True),
        ("jörg@example.com", "JÖRG@example.com", True),
        ("m\u0131ke@example.com", "mike@example.com", False),
        ("ann@\u212aelvin.com", "ann@kelvin.com", False),
    ],
)
def test_letters_that_only_look_alike_make_another_address(
    one: str, other: str, same: bool
) -> None:
    assert members.same_address(one, other) is same
