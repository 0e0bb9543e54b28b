"""An AP invoice: its draft, its rows in Epicor, and the ways to write it."""
