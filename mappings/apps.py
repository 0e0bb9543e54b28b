"""Registers the mappings package with Django."""

from django.apps import AppConfig


class MappingsConfig(AppConfig):
    """What users decided."""

    name = "mappings"
    verbose_name = "Mappings"
