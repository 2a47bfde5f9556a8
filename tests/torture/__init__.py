"""Faults on purpose: kills, failing system calls, lost power, flipped bits; `python -m torture --help`."""

import logging

# A store under torture has much to say of it; what counts is what it does.
logging.getLogger("wearabouts").addHandler(logging.NullHandler())
