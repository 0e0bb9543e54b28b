"""No entry has a place before the first: this program numbers from 1."""

from typing import Any

from django.db import migrations, models


def take_out(apps: Any, schema_editor: Any) -> None:
    """What somebody put before the first entry waits without a place, where it is found."""
    apps.get_model("audit", "AuditEntry").objects.filter(seq__lt=1).update(seq=None, mac="")


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0008_number_key"),
    ]

    operations = [
        migrations.RunPython(take_out, migrations.RunPython.noop, elidable=True),
        migrations.AddConstraint(
            "auditentry",
            models.CheckConstraint(
                condition=models.Q(("seq__isnull", True), ("seq__gte", 1), _connector="OR"),
                name="audit_places_begin_at_1",
            ),
        ),
    ]
