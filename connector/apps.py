"""Registers the connector package with Django."""

from django.apps import AppConfig


class ConnectorConfig(AppConfig):
    """Tenants, the two systems, and the work between them."""

    name = "connector"
    verbose_name = "Connector"
