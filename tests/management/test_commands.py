import io
import json
from decimal import Decimal

import pytest
from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.core.checks import Tags, run_checks
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone
from encrypted_model_fields import fields as package

from connector import checks
from connector.domain.errors import AccessError
from connector.http_client.models import AccessToken
from connector.management.base import CommandProblem, TenantCommand
from connector.management.commands import configure_tenant, restart_audit, rotate_secrets
from connector.secrets import fields, key_check
from connector.secrets.fields import SecretUnreadableError
from connector.secrets.models import Canary
from connector.tenants.models import EpicorCredentials, RampCredentials
from tests.builders import make_epicor_credentials, make_ramp_credentials, make_tenant
from tests.tenants.test_tenant_file import WHOLE

pytestmark = pytest.mark.django_db


class Greet(TenantCommand):
    """A command whose work is given by the test."""

    work = staticmethod(lambda command: None)

    def run(self, options):
        self.work(self)


def shell(command, *argv):
    """Run a command as the shell would; gives exit code, standard output, standard error."""
    out, err = io.StringIO(), io.StringIO()
    command.stdout._out, command.stderr._out = out, err
    code = 0
    try:
        command.run_from_argv(["manage.py", "greet", *argv])
    except SystemExit as leaving:
        code = leaving.code
    return code, out.getvalue(), err.getvalue()


@pytest.fixture(autouse=True)
def connections_stay_open(monkeypatch):
    """A command closes its connections when it ends; here the test still needs them."""
    monkeypatch.setattr("connector.management.base.connections.close_all", lambda: None)


def greeting(work):
    command = Greet()
    command.work = work
    return command


def test_a_command_has_the_days_of_its_tenant():
    make_tenant("acme", time_zone="Australia/Sydney")
    seen = []
    shell(greeting(lambda _: seen.append(timezone.get_current_timezone_name())), "acme")
    assert seen == ["Australia/Sydney"]
    assert timezone.get_current_timezone_name() == "UTC"


def failing(error):
    def work(command):
        raise error

    return greeting(work)


def test_a_command_prints_a_table_or_exactly_one_document():
    make_tenant("acme")

    def work(command):
        command.emit({"tenant": command.tenant.slug, "sum": Decimal("1.10")}, lambda: "a table")

    assert shell(greeting(work), "acme") == (0, "a table\n", "")
    code, out, err = shell(greeting(work), "acme", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == {"tenant": "acme", "sum": "1.10"}


def test_what_needs_a_person_ends_with_one():
    make_tenant("acme")
    code, out, _ = shell(greeting(lambda c: c.emit([], lambda: "done", code=1)), "acme")
    assert (code, out) == (1, "done\n")


def test_an_unknown_tenant_is_one_sentence_and_two():
    make_tenant("acme")
    code, out, err = shell(greeting(lambda c: None), "amce", "--json")
    assert (code, out) == (2, "")
    assert err == "There is no tenant 'amce'. Known: acme.\n"


@pytest.mark.parametrize("argv", [(), ("acme", "--bogus"), ("acme", "more")])
def test_wrong_arguments_are_one_sentence_and_two(argv):
    code, out, err = shell(greeting(lambda c: None), *argv)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert "Error" not in err
    assert "usage" not in err


@pytest.mark.parametrize(
    ("error", "part"),
    [
        (AccessError("Ramp refused our login. Check the secret."), "Ramp refused our login."),
        (CommandProblem("Not like this."), "Not like this."),
        (DatabaseError("no such table: x"), "manage.py migrate"),
        (KeyError("colour"), "unexpected error"),
        (RuntimeError("Bearer abcdefghijkl"), "[hidden]"),
    ],
)
def test_no_failure_shows_a_stack_trace(error, part):
    make_tenant("acme")
    code, out, err = shell(failing(error), "acme")
    assert (code, out) == (2, "")
    assert part in err
    assert err.count("\n") == 1
    assert "Traceback" not in err


def test_a_developer_may_ask_for_the_trace():
    make_tenant("acme")
    with pytest.raises(KeyError):
        shell(failing(KeyError("colour")), "acme", "--traceback")


def test_being_stopped_is_no_failure():
    make_tenant("acme")
    code, _, err = shell(failing(KeyboardInterrupt()), "acme")
    assert code == 130
    assert err.startswith("Stopped.")


def test_a_wrong_environment_is_told_before_anything_is_done(monkeypatch):
    make_tenant("acme")
    monkeypatch.setattr(
        settings, "ENVIRONMENT_PROBLEMS", [("connector.E005", "AUDIT_KEY is not set.", "Set it.")]
    )
    code, out, err = shell(greeting(lambda c: c.emit({}, lambda: "done")), "acme")
    assert (code, out, err) == (2, "", "AUDIT_KEY is not set. Set it.\n")


def test_a_key_of_another_database_is_refused(monkeypatch):
    make_tenant("acme")
    key_check.ensure()
    monkeypatch.setattr(package, "CRYPTER", MultiFernet([Fernet(Fernet.generate_key())]))
    code, _, err = shell(greeting(lambda c: c.emit({}, lambda: "done")), "acme")
    assert code == 2
    assert "FIELD_ENCRYPTION_KEY does not belong to this database" in err


# -- checks ----------------------------------------------------------------------------------------


def found(**kwargs):
    """The checks that complain; who may read the tests' own database file is no part of it."""
    items = run_checks(tags=[checks.TAG, Tags.database], **kwargs)
    return sorted(item.id for item in items if item.id != "connector.W003")


def test_a_good_installation_has_no_complaints():
    key_check.ensure()
    assert found(databases=["default"]) == []


def test_the_key_is_only_checked_where_the_database_may_be_used(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert checks.keys_fit(databases=None) == []


def test_a_database_of_an_earlier_checkout_is_refused():
    make_tenant("acme")
    recorder = MigrationRecorder(connection)
    recorder.record_applied("elsewhere", "0002_gone")  # an app of somebody else
    assert found(databases=["default"]) == []
    recorder.record_applied("audit", "0002_after_entry")
    recorder.record_applied("mappings", "0003_approval")
    assert found() == []
    code, out, err = shell(greeting(lambda c: c.emit({}, lambda: "done")), "acme")
    assert (code, out) == (2, "")
    assert err.strip() == (
        "This database was made by an earlier checkout, or by a later one: it holds migrations "
        "that are not here (audit.0002_after_entry and 1 more). "
        "Make a new one; nothing was changed."
    )
    assert checks.refusal(checks.problems()) == (
        f"The web server did not start; nothing was touched. {err.strip()}"
    )


def test_debug_in_public_and_a_shared_audit_key_are_warned_of(settings):
    settings.DEBUG = True
    settings.PUBLIC_URL = "https://bills.example.com"
    settings.AUDIT_KEY = settings.SECRET_KEY
    assert found() == ["connector.E030", "connector.W001"]


def test_there_is_one_canary():
    key_check.ensure()
    key_check.ensure()
    assert Canary.objects.count() == 1
    assert key_check.fits()


# -- configure_tenant ------------------------------------------------------------------------------


def test_a_tenant_is_configured_from_a_file_without_printing_a_secret(tmp_path):
    file = tmp_path / "acme.json"
    file.write_text(json.dumps(WHOLE), encoding="utf-8")
    code, out, err = shell(configure_tenant.Command(), str(file), "--json")
    assert (code, err) == (0, "")
    document = json.loads(out)
    assert (document["tenant"], document["created"]) == ("acme", True)
    again = shell(configure_tenant.Command(), str(file))
    assert again == (0, "Tenant acme is as the file says; nothing changed.\n", "")
    for secret in ("ramp-secret", "hook-secret", "epicor-key", "epicor-secret"):
        assert secret not in out + again[1]
    assert Canary.objects.count() == 1


def test_a_wrong_file_is_told_in_one_line(tmp_path):
    file = tmp_path / "acme.json"
    file.write_text(json.dumps({"slug": "acme", "epicor": {"auth": {"method": "kerberos"}}}))
    code, out, err = shell(configure_tenant.Command(), str(file), "--json")
    assert (code, out) == (2, "")
    assert err.startswith("Nothing was stored. epicor.auth.method: must be one of")
    assert err.count("\n") == 1


# -- keys ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "key", ["b", "x" * 64, "change-me-" * 6, "0123456789", "abababab" * 8, "a" * 40 + "b"]
)
@pytest.mark.parametrize("name", ["AUDIT_KEY", "SECRET_KEY"])
def test_a_key_that_can_be_guessed_is_refused(settings, name, key):
    setattr(settings, name, key)
    assert found() == ["connector.E032"]
    code, out, err = shell(greeting(lambda c: c.emit({}, lambda: "done")), "acme")
    assert (code, out) == (2, "")
    assert err.startswith(f"{name} can be guessed")
    assert err.count("\n") == 1
    assert "Traceback" not in err


def test_a_weak_encryption_key_is_refused_also_as_the_older_one(settings):
    good = Fernet.generate_key().decode()
    settings.FIELD_ENCRYPTION_KEY = [good, "A" * 43 + "="]
    assert found() == ["connector.E032"]
    settings.FIELD_ENCRYPTION_KEY = [good, Fernet.generate_key().decode()]
    assert found() == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALLOWED_HOSTS", ["*"]),
        ("ALLOWED_HOSTS", ["bills.example.com", "*"]),
        ("ALLOWED_HOSTS", ["."]),
        ("CSRF_TRUSTED_ORIGINS", ["https://*"]),
        ("CSRF_TRUSTED_ORIGINS", ["https://*/"]),
    ],
)
def test_a_name_for_every_host_is_refused(settings, name, value):
    setattr(settings, name, value)
    assert found() == ["connector.E033"]
    settings.DEBUG = True
    assert found() == []


def test_hosts_and_their_subdomains_may_be_named(settings):
    settings.ALLOWED_HOSTS = ["bills.example.com", ".example.org"]
    settings.CSRF_TRUSTED_ORIGINS = ["https://*.example.org"]
    assert found() == []


def test_an_audit_key_of_another_database_is_refused(settings):
    make_tenant("acme")
    settings.AUDIT_KEY = Fernet.generate_key().decode()
    code, out, err = shell(greeting(lambda c: c.emit({}, lambda: "done")), "acme")
    assert (code, out) == (2, "")
    assert err.startswith("AUDIT_KEY does not belong to this database")
    assert err.count("\n") == 1
    made = restart_audit.Command()
    code, _, err = shell(made, "--all", "--reason", "The old key is lost.")
    assert (code, err) == (0, "")
    assert shell(greeting(lambda c: c.emit({}, lambda: "done")), "acme")[0] == 0


def test_what_is_printed_is_redacted_once_more():
    make_tenant("acme")
    stored = {"request": {"headers": {"Authorization": "Bearer abcdefghijkl"}}, "when": Decimal(1)}
    said = "Epicor said: Bearer abcdefghijkl"
    work = greeting(lambda c: c.emit(stored | {"message": said}, lambda: said))
    for argv in ((), ("--json",)):
        out = shell(work, "acme", *argv)[1]
        assert "abcdefghijkl" not in out
        assert "[hidden]" in out


# -- rotate_secrets --------------------------------------------------------------------------------


def ciphertexts():
    with connection.cursor() as cursor:
        cursor.execute("SELECT client_secret, webhook_secret FROM connector_rampcredentials")
        return cursor.fetchone()


def another_canary():
    """As if only some secrets were of the lost key."""
    Canary.objects.all().delete()
    key_check.ensure()


def use_keys(monkeypatch, *keys):
    monkeypatch.setattr(package, "CRYPTER", MultiFernet([Fernet(key) for key in keys]))


def test_after_rotating_the_old_key_is_not_needed_any_more(monkeypatch):
    old, new = Fernet.generate_key(), Fernet.generate_key()
    use_keys(monkeypatch, old)
    tenant = make_tenant("acme")
    make_ramp_credentials(tenant, client_secret="ramp", webhook_secret=None)
    make_epicor_credentials(tenant, api_key="key", client_secret="epicor")
    AccessToken.objects.create(tenant=tenant, system="ramp", token="bearer")
    key_check.ensure()
    use_keys(monkeypatch, new, old)
    out = io.StringIO()
    call_command(rotate_secrets.Command(stdout=out), json=True)
    assert json.loads(out.getvalue()) == {"rotated": 5}
    use_keys(monkeypatch, new)
    assert key_check.fits()
    assert RampCredentials.objects.get().client_secret == "ramp"
    assert RampCredentials.objects.get().webhook_secret is None
    assert EpicorCredentials.objects.get().api_key == "key"
    assert AccessToken.objects.get().token == "bearer"


def test_a_process_with_only_the_old_key_stores_nothing_after_the_rotation(monkeypatch):
    old, new = Fernet.generate_key(), Fernet.generate_key()
    use_keys(monkeypatch, old)
    tenant = make_tenant("acme")
    credentials = make_ramp_credentials(tenant, client_secret="ramp", webhook_secret=None)
    use_keys(monkeypatch, new, old)
    assert rotate_secrets.rotate() == 2
    use_keys(monkeypatch, old)  # a process that nobody started again
    credentials.client_secret = "typed on its page"
    before = ciphertexts()
    with pytest.raises(SecretUnreadableError, match="Nothing was stored"), transaction.atomic():
        credentials.save()
    with pytest.raises(SecretUnreadableError, match="Nothing was stored"), transaction.atomic():
        RampCredentials.objects.filter(tenant=tenant).update(client_secret="typed")
    with pytest.raises(SecretUnreadableError, match="Nothing was stored"):
        fields.encrypted("the seed of a second factor")
    with pytest.raises(SecretUnreadableError, match="Nothing was stored"), transaction.atomic():
        AccessToken.objects.create(tenant=tenant, system="ramp", token="bearer")
    assert ciphertexts() == before
    use_keys(monkeypatch, new)
    assert RampCredentials.objects.get().client_secret == "ramp"


def test_the_first_secret_makes_the_canary(monkeypatch):
    make_ramp_credentials(make_tenant("acme"), client_secret="ramp", webhook_secret=None)
    assert Canary.objects.count() == 1
    use_keys(monkeypatch, Fernet.generate_key())
    assert not key_check.fits()
    with pytest.raises(SecretUnreadableError, match="Nothing was stored"):
        make_epicor_credentials(make_tenant("other"), api_key="key", client_secret="epicor")


def test_a_secret_of_a_lost_key_stops_the_rotation_and_changes_nothing(monkeypatch):
    lost, new = Fernet.generate_key(), Fernet.generate_key()
    use_keys(monkeypatch, lost)
    make_ramp_credentials(make_tenant("acme"), client_secret="ramp", webhook_secret=None)
    before = ciphertexts()
    use_keys(monkeypatch, new)
    code, _, err = shell(rotate_secrets.Command())
    assert code == 2
    assert err.startswith("FIELD_ENCRYPTION_KEY does not belong to this database")
    another_canary()
    code, _, err = shell(rotate_secrets.Command())
    assert code == 2
    assert "RampCredentials.client_secret" in err
    assert ciphertexts() == before


def test_a_cached_token_of_a_lost_key_is_dropped(monkeypatch):
    lost, new = Fernet.generate_key(), Fernet.generate_key()
    use_keys(monkeypatch, lost)
    AccessToken.objects.create(tenant=make_tenant("acme"), system="ramp", token="bearer")
    use_keys(monkeypatch, new)
    another_canary()
    assert shell(rotate_secrets.Command(), "--json")[0] == 0
    assert AccessToken.objects.get().token is None
