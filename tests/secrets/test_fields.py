import pytest
from cryptography.fernet import Fernet, MultiFernet
from django.core import serializers
from django.core.exceptions import FieldError
from django.db import connection, transaction
from django.db.models import F, Value
from encrypted_model_fields import fields as package

from connector.secrets.fields import SecretUnreadableError
from connector.secrets.models import Canary

pytestmark = pytest.mark.django_db


def stored(row):
    with connection.cursor() as cursor:
        cursor.execute("SELECT word FROM connector_canary WHERE id = %s", [row.pk])
        return cursor.fetchone()[0]


def test_a_secret_is_stored_encrypted_and_read_back():
    row = Canary.objects.create(word="hunter2 ümlaut")
    assert "hunter2" not in stored(row)
    assert Canary.objects.get(pk=row.pk).word == "hunter2 ümlaut"


def test_a_wrong_key_raises_and_leaves_the_stored_value_alone(monkeypatch):
    row = Canary.objects.create(word="hunter2")
    before = stored(row)
    monkeypatch.setattr(package, "CRYPTER", MultiFernet([Fernet(Fernet.generate_key())]))
    with pytest.raises(SecretUnreadableError, match=r"Canary\.word"):
        Canary.objects.get(pk=row.pk)
    assert stored(row) == before


def test_input_that_looks_encrypted_is_kept_as_typed():
    typed = package.encrypt_str("inner").decode()
    field = Canary._meta.get_field("word")
    assert field.clean(typed, None) == typed


@pytest.mark.parametrize("expression", [F("id"), Value("plain")])
def test_expressions_are_refused(expression):
    row = Canary.objects.create(word="hunter2")
    with pytest.raises(FieldError), transaction.atomic():
        Canary.objects.filter(pk=row.pk).update(word=expression)
    assert Canary.objects.get(pk=row.pk).word == "hunter2"


def test_bulk_update_is_refused_before_it_can_destroy_the_secret():
    row = Canary.objects.create(word="hunter2")
    row.word = "new"
    with pytest.raises(FieldError), transaction.atomic():
        Canary.objects.bulk_update([row], ["word"])
    assert Canary.objects.get(pk=row.pk).word == "hunter2"


@pytest.mark.parametrize("lookup", ["word", "word__icontains", "word__in"])
def test_lookups_on_secrets_are_refused(lookup):
    with pytest.raises(FieldError):
        Canary.objects.filter(**{lookup: "x"}).exists()


def test_isnull_is_the_lookup_that_remains():
    Canary.objects.create(word="hunter2")
    assert Canary.objects.filter(word__isnull=False).count() == 1


def test_dumps_carry_no_secret():
    Canary.objects.create(word="hunter2")
    text = serializers.serialize("json", Canary.objects.all())
    assert "hunter2" not in text
    assert "gAAAA" not in text
