"""A bill's way from Ramp into Epicor AP, a stage a module; run.py has their order."""
