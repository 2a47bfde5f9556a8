"""`python -m wearabouts`: the same as the command `wearabouts`."""

from __future__ import annotations

import sys

from wearabouts.cli import main

if __name__ == "__main__":
    sys.exit(main())
