"""An older backup of our database that is put back, while both systems stay as they are."""

from typing import Any

from django.apps import apps
from django.db import connection, transaction

_APPS = ("audit", "mappings", "connector")
_STAYS = ("Tenant", "RampCredentials", "EpicorCredentials", "AccessToken")


class Backup:
    """Every row of ours as it is now, beside the connections, which do not change."""

    def __init__(self) -> None:
        models = [model for name in _APPS for model in apps.get_app_config(name).get_models()]
        self._models = [model for model in models if model.__name__ not in _STAYS]
        self._rows: dict[Any, list[Any]] = {model: list(model.objects.all()) for model in models}

    def put_back(self) -> None:
        """All of it is as it was."""
        with connection.constraint_checks_disabled(), transaction.atomic():
            with connection.cursor() as cursor:
                for model in self._models:
                    cursor.execute(f'DELETE FROM "{model._meta.db_table}"')
            for model in self._models:
                model.objects.bulk_create(self._rows[model])
