"""What a person keeps for their own pages."""

from typing import ClassVar

from django.conf import settings
from django.db import models


class SavedView(models.Model):
    """A filter of a list that a person gave a name."""

    tenant = models.ForeignKey("connector.Tenant", on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    page = models.CharField(max_length=16)  # bills, audit
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=1000, blank=True)  # the part of the address after "?"

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "user", "page", "name"], name="saved_view_once"
            ),
        ]

    def __str__(self) -> str:
        return self.name
