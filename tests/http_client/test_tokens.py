import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from connector.domain.errors import AccessError
from connector.http_client import tokens
from connector.http_client.models import AccessToken
from tests.builders import make_tenant


class Login:
    """Counts logins; each gives another token."""

    def __init__(self, lives_s=3600.0):
        self.count = 0
        self.lives_s = lives_s

    def __call__(self):
        self.count += 1
        return f"token-{self.count}", self.lives_s


@pytest.mark.django_db
class TestCache:
    def get(self, tenant, login, fingerprint="f", **options):
        return tokens.token(tenant.pk, "ramp", fingerprint, login, **options)

    def test_a_token_is_fetched_once_and_stored_encrypted(self):
        tenant, login = make_tenant(), Login()
        assert self.get(tenant, login) == self.get(tenant, login) == "token-1"
        with connection.cursor() as cursor:
            cursor.execute("SELECT token FROM connector_accesstoken")
            assert "token-1" not in cursor.fetchone()[0]

    def test_a_token_is_renewed_ahead_of_its_end(self):
        tenant, login = make_tenant(), Login(lives_s=200)
        self.get(tenant, login)
        assert self.get(tenant, login, renew_before_s=100) == "token-1"
        assert self.get(tenant, login, renew_before_s=300) == "token-2"

    def test_other_credentials_need_another_token(self):
        tenant, login = make_tenant(), Login()
        self.get(tenant, login)
        assert self.get(tenant, login, fingerprint="other") == "token-2"

    def test_systems_and_tenants_have_tokens_of_their_own(self):
        one, two, login = make_tenant(), make_tenant(), Login()
        found = {
            self.get(one, login),
            self.get(two, login),
            tokens.token(one.pk, "epicor", "f", login),
        }
        assert len(found) == 3

    def test_while_another_process_renews_the_old_token_is_used(self):
        tenant, login = make_tenant(), Login(lives_s=200)
        self.get(tenant, login)
        AccessToken.objects.update(lease_until=timezone.now() + timedelta(seconds=30))
        assert self.get(tenant, login, renew_before_s=300) == "token-1"

    def test_a_lease_that_was_left_behind_runs_out(self):
        tenant, login = make_tenant(), Login()
        AccessToken.objects.create(
            tenant=tenant, system="ramp", lease_until=timezone.now() - timedelta(seconds=1)
        )
        assert self.get(tenant, login) == "token-1"

    def test_a_failed_login_gives_the_lease_back(self):
        tenant = make_tenant()

        def refuse():
            raise AccessError("no")

        with pytest.raises(AccessError):
            self.get(tenant, refuse)
        assert AccessToken.objects.get().lease_until is None

    def test_a_token_that_no_key_can_read_is_fetched_anew(self):
        tenant, login = make_tenant(), Login()
        self.get(tenant, login)
        with connection.cursor() as cursor:
            cursor.execute("UPDATE connector_accesstoken SET token = 'garbage'")
        assert self.get(tenant, login) == "token-2"

    def test_only_the_refused_token_is_forgotten(self):
        tenant, login = make_tenant(), Login()
        self.get(tenant, login)
        tokens.forget(tenant.pk, "ramp", "an older one")
        assert self.get(tenant, login) == "token-1"
        tokens.forget(tenant.pk, "ramp", "token-1")
        assert self.get(tenant, login) == "token-2"


@pytest.mark.django_db
def test_a_holder_is_filled_once_and_renewed_when_refused(django_assert_num_queries):
    login = Login()
    holder = tokens.TokenHolder(make_tenant().pk, "epicor", "f", login)
    with pytest.raises(tokens.TokenExpiredError):
        _ = holder.current
    holder.ensure()
    with django_assert_num_queries(0):
        assert holder.ensure() == holder.current == "token-1"
    assert holder.renew("token-1") == holder.current == "token-2"


@pytest.mark.django_db
def test_a_holder_takes_the_token_that_another_process_renewed():
    tenant, login = make_tenant(), Login()
    first = tokens.TokenHolder(tenant.pk, "epicor", "f", login)
    second = tokens.TokenHolder(tenant.pk, "epicor", "f", login)
    used = first.ensure()
    assert second.ensure() == used
    first.renew(used)
    assert second.renew(used) == "token-2"
    assert login.count == 2


@pytest.mark.django_db(transaction=True)
def test_many_workers_log_in_once():
    tenant = make_tenant()
    started = threading.Barrier(6)
    entered = threading.Event()
    found, logins = [], []

    def login():
        logins.append(1)
        entered.wait(0.3)  # long enough for the others to arrive while the lease is held
        return "the token", 3600.0

    def work():
        try:
            started.wait()
            found.append(tokens.token(tenant.pk, "ramp", "f", login))
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["the token"] * 6
    assert len(logins) == 1
