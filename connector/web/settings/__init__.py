"""A tenant's settings and its set-up."""
