"""Faults on purpose: kills, failing system calls, lost power, flipped bits; `python -m torture --help`."""
