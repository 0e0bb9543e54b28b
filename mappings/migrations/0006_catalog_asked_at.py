"""A person can have a catalog read again by the next run, however young it is."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("mappings", "0005_reference_use")]

    operations = [
        migrations.AddField(
            model_name="catalogrefresh",
            name="asked_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
