"""Pure values that every room knows: money, the bill as we read it, what can go wrong with one."""
