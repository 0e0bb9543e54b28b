"""Every write to either system: the intent before, the outcome after."""
