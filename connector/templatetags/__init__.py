"""Template filters of our own pages."""
