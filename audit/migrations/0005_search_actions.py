"""The action at the end of three indexes: what is left out by its action is passed in the index."""

from django.db import migrations, models

BEFORE = {
    "audit_at": ["tenant", "at", "actor"],
    "audit_actor": ["tenant", "actor", "at"],
    "audit_kind": ["tenant", "subject_kind", "at", "actor"],
}


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0004_audit_search"),
    ]

    operations = [
        operation
        for name, fields in BEFORE.items()
        for operation in (
            migrations.RemoveIndex(model_name="auditentry", name=name),
            migrations.AddIndex(
                model_name="auditentry",
                index=models.Index(fields=[*fields, "action"], name=name),
            ),
        )
    ]
