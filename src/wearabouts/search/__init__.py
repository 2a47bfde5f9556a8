"""A photo or words in, the shop's products out: look, shortlist, judge, group by product, answer."""

from __future__ import annotations

from wearabouts.search.comparing import compare_photos
from wearabouts.search.curves import NOTE, Curves
from wearabouts.search.judging import Judged
from wearabouts.search.opening import open_searcher, second_stage
from wearabouts.search.searcher import Searcher, answer_json
from wearabouts.search.shortlist import RESTRICTIONS
from wearabouts.search.verifying import StageTwo
from wearabouts.search.words import reads_text
from wearabouts.types import Comparison

__all__ = [
    "NOTE",
    "RESTRICTIONS",
    "Comparison",
    "Curves",
    "Judged",
    "Searcher",
    "StageTwo",
    "answer_json",
    "compare_photos",
    "open_searcher",
    "reads_text",
    "second_stage",
]
