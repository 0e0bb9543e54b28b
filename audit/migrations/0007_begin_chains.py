"""Trails from before the HMAC of each entry: entries get theirs, and each tenant's chain begins.

The worker seals them anew within a minute.
"""

import uuid

from django.db import migrations

from audit import trailkey


def begin(apps, schema_editor):
    AuditEntry = apps.get_model("audit", "AuditEntry")
    Chain = apps.get_model("audit", "Chain")
    Tenant = apps.get_model("connector", "Tenant")
    while entries := list(AuditEntry.objects.filter(own_mac="")[:2000]):
        for entry in entries:
            AuditEntry.objects.filter(pk=entry.pk).update(
                own_mac=trailkey.own_mac(entry), seq=None, mac=""
            )
    for pk in Tenant.objects.values_list("pk", flat=True):
        chain_id = uuid.uuid4()
        start = trailkey.start_mac(pk, chain_id, 0)
        Chain.objects.update_or_create(
            tenant_id=pk,
            defaults={
                "chain_id": chain_id,
                "start_seq": 0,
                "start_mac": start,
                "last_seq": 0,
                "last_mac": start,
                "sealed_at": None,
            },
        )


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0006_own_mac"),
        ("connector", "0004_accepted_questions"),
    ]

    operations = [migrations.RunPython(begin, migrations.RunPython.noop)]
