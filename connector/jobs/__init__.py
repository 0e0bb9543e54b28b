"""Jobs: one table, who does which kind, queue, lease, runner, minute tick, signs of life."""
