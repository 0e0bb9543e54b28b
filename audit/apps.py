"""Registers the audit package with Django."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    """What happened, for ever."""

    name = "audit"
    verbose_name = "Audit"
