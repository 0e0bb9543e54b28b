"""One set of words for states and hold reasons, on every page that names them."""

import pytest
from django.test import Client

from audit.labels import STATES
from audit.ledger.models import Posting
from connector.domain.errors import Reason
from connector.domain.reasons import LABELS
from connector.tenants.models import Tenant
from connector.web.templatetags.connector_ui import state_kind, state_name, words
from tests import builders
from tests.web.rows import make_posting


def test_every_state_and_reason_has_a_name_of_its_own() -> None:
    assert set(STATES) == set(Posting.State.values)
    assert set(LABELS) == set(Reason)
    assert len(set(STATES.values())) == len(STATES)
    assert len(set(LABELS.values())) == len(LABELS)
    for state in Posting.State.values:
        assert state_name(Posting(state=state)) == STATES[state]
    assert state_kind(Posting(state="removed")) == ""


def test_codes_without_a_name_are_written_as_words() -> None:
    assert words("asked") == "Epicor asked a question"
    assert words("left_out") == "Left out"


@pytest.mark.parametrize("page", ["bills/", "exceptions/"])
def test_filters_say_what_rows_say(tenant: Tenant, page: str) -> None:
    client = Client()
    client.force_login(builders.make_user("ann", tenant, "accountant"))
    make_posting(tenant, "b1", hold_reason="invalid_bill")
    found = client.get(f"/t/acme/{page}").content.decode()
    for reason, name in LABELS.items():
        assert f'<option value="{reason}">{name}</option>' in found


def test_the_list_of_bills_has_one_word_for_a_state(tenant: Tenant) -> None:
    client = Client()
    client.force_login(builders.make_user("ann", tenant, "accountant"))
    make_posting(tenant, "b1", state="confirmed")
    found = client.get("/t/acme/bills/").content.decode()
    assert found.count("Entered, marked as synced<") == 2
    assert "In Flight" not in found
    assert "Queued" not in found
