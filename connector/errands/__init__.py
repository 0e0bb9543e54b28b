"""Errands: what people ask for on a page and a worker does; its progress and its end."""
