"""A photo or words in, the shop's products out: look, shortlist, group by product, answer."""

from __future__ import annotations

from wearabouts.search.comparing import compare_photos
from wearabouts.search.searcher import RESTRICTIONS, Searcher, answer_json
from wearabouts.search.words import reads_text
from wearabouts.types import Comparison

__all__ = ["RESTRICTIONS", "Comparison", "Searcher", "answer_json", "compare_photos", "reads_text"]
