"""Wearabouts: a street photo goes in, the shop's own products come out."""

__version__ = "0.1.0"
