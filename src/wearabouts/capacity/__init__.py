"""How much of what a shop needs: machines for a number of photos and queries, from measured constants."""

from __future__ import annotations

from wearabouts.capacity.constants import Constants, constants
from wearabouts.capacity.fanout import Latency, Service, simulate
from wearabouts.capacity.sizing import Demand, Machine, Plan, Tier, plan

__all__ = ["Constants", "Demand", "Latency", "Machine", "Plan", "Service", "Tier", "constants", "plan", "simulate"]
