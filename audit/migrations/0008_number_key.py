"""What two spellings of one invoice number share, so that bills are compared with each other."""

from typing import Any

from django.db import migrations, models

from audit.keys import number_key

AT_ONCE = 1000


def fill(apps: Any, schema_editor: Any) -> None:
    """Give what is on the record its number without spelling, a piece at a time."""
    _fill(apps.get_model("audit", "Posting"), _of_posting)
    _fill(apps.get_model("audit", "Attempt"), lambda row: row.invoice_num)


def _of_posting(row: Any) -> str:
    entered = row.state in ("entered", "confirmed")
    return (row.given_num if not entered else "") or row.invoice_num


def _fill(model: Any, number_of: Any) -> None:
    last = 0
    names = ["pk", "invoice_num", *(["given_num", "state"] if model.__name__ == "Posting" else [])]
    while True:
        rows = list(model.objects.filter(pk__gt=last).order_by("pk").only(*names)[:AT_ONCE])
        if not rows:
            return
        for row in rows:
            row.number_key = number_key(number_of(row))
        model.objects.bulk_update(rows, ["number_key"])
        last = rows[-1].pk


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0007_begin_chains"),
    ]

    operations = [
        migrations.AddField("posting", "bills_cleared", models.JSONField(blank=True, default=list)),
        migrations.AddField(
            "posting",
            "number_key",
            models.CharField(blank=True, default="", max_length=255),
            preserve_default=False,
        ),
        migrations.AddField(
            "attempt",
            "number_key",
            models.CharField(blank=True, default="", max_length=255),
            preserve_default=False,
        ),
        migrations.RunPython(fill, migrations.RunPython.noop, elidable=True),
        migrations.AddIndex(
            "posting", models.Index(fields=["tenant", "number_key"], name="posting_number_key")
        ),
        migrations.AddIndex(
            "attempt",
            models.Index(
                condition=models.Q(("number_key", ""), _negated=True),
                fields=["tenant", "number_key"],
                name="attempt_number",
            ),
        ),
    ]
