"""Registers the connector package with Django."""

from django.apps import AppConfig


class ConnectorConfig(AppConfig):
    """Tenants, the two systems, and the work between them."""

    name = "connector"
    verbose_name = "Connector"

    def ready(self) -> None:
        """Register the system checks, and what happens at a login."""
        from connector import checks  # noqa: F401 (needs the app registry)
        from connector.accounts import sessions  # noqa: F401
