"""A shop's own labels to a calibration of its own: its photos are searched, curves fitted, and what that gained told."""

from __future__ import annotations
