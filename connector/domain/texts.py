"""Texts as SQL Server counts them, for what is written to Epicor. Pure."""

from connector.domain.utf16 import cut as cut
from connector.domain.utf16 import units as units
