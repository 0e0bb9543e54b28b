"""A job is one function with a decorator, as CONTRIBUTING.md says, and each result has a text."""

import re
from pathlib import Path

import pytest
from django.conf import settings

from connector.actions.job_results import TEXTS, result_text
from connector.jobs import lease, queue, registry, runner
from connector.jobs.models import Job
from connector.sync.bills.run import STOPPED, SYNCED
from connector.tenants.models import Tenant
from tests import builders

ROOT = Path(settings.BASE_DIR)


@pytest.fixture
def tenant(db: None) -> Tenant:
    return builders.make_tenant("acme")


def test_the_recipe_runs_through_the_real_runner(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.load()
    monkeypatch.setattr(registry, "_handlers", dict(registry._handlers))
    recipe = (ROOT / "CONTRIBUTING.md").read_text().split("## Add a job")[1]
    exec(recipe.split("```python")[1].split("```")[0], {})

    job, new = queue.request(tenant, "count_characters", arguments={"words": ["one", "three"]})

    assert new
    assert [runner.run(job.pk) for _ in range(4)] == ["more", "more", "message", "over"]
    job = Job.objects.get(pk=job.pk)
    assert (job.state, job.step, job.done) == ("done", 2, 2)
    assert (job.title, result_text(job)) == ("Count the characters", "8 characters.")


def test_every_result_code_in_the_code_has_a_text() -> None:
    call = re.compile(r'(?:Done|JobError)\(\s*"([a-z_]+)"')
    rooms = (ROOT / "connector" / name for name in ("actions", "sync"))
    texts = [path.read_text() for room in rooms for path in room.rglob("*.py")]
    used = {code for text in texts for code in call.findall(text)}
    assert len(used) > 15
    named = {
        lease.GIVEN_UP,
        lease.LOST,
        runner.MESSAGE,
        runner.UNEXPECTED,
        runner.UNKNOWN,
        SYNCED,
        STOPPED,
    }
    assert used | named <= TEXTS.keys()
