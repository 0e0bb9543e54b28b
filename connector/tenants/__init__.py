"""Tenants and their members, connections, settings, calendar and pauses."""
