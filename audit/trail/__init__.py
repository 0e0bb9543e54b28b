"""The sealed record: entries, their chain, and how they are searched and read."""
