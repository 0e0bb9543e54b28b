"""The queue, the lease of a run, and the signs of life of those who work."""
