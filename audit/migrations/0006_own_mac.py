"""Each entry has an HMAC of its own, and each chain a beginning that only the key can make."""

import uuid

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0005_search_actions"),
    ]

    operations = [
        migrations.AddField(
            model_name="auditentry",
            name="own_mac",
            field=models.CharField(blank=True, max_length=64),
        ),
        migrations.AddField(
            model_name="chain",
            name="chain_id",
            field=models.UUIDField(default=uuid.uuid4, editable=False),
        ),
        migrations.AddField(
            model_name="chain",
            name="start_seq",
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="chain",
            name="start_mac",
            field=models.CharField(blank=True, max_length=64),
        ),
    ]
