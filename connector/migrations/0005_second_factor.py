"""The tenant's rule about second factors, and the table of what web processes share."""

from typing import Any

from django.core.management import call_command
from django.db import migrations, models


def make_cache(apps: Any, schema_editor: Any) -> None:
    """Used codes and counted tries are kept in a table, so that all web processes see them."""
    call_command("createcachetable", database=schema_editor.connection.alias, verbosity=0)


class Migration(migrations.Migration):
    dependencies = [("connector", "0004_accepted_questions")]
    operations = [
        migrations.AddField(
            model_name="tenant",
            name="second_factor_required",
            field=models.BooleanField(default=False),
        ),
        migrations.RunPython(make_cache, migrations.RunPython.noop),
    ]
