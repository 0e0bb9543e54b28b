"""Texts as SQL Server counts them, for what is written to Epicor. Pure."""

from audit.utf16 import cut as cut
from audit.utf16 import units as units
