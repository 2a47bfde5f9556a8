"""Plots and pages for people, from data: contact sheets and evaluation reports. Computes no figure of its own."""

from __future__ import annotations

from wearabouts.report.diagrams import Believed, Detected, Errors
from wearabouts.report.document import (
    DECIMALS,
    FORMAT,
    Bar,
    Cell,
    Curve,
    Failure,
    Line,
    Picture,
    Plate,
    Plot,
    Report,
    Row,
    Sample,
    Section,
    Strip,
    Table,
)
from wearabouts.report.sheet import contact_sheet
from wearabouts.report.words import cell_text, chance_text, markdown, table_markdown, threshold_text
from wearabouts.report.writing import write

__all__ = [
    "DECIMALS",
    "FORMAT",
    "Bar",
    "Believed",
    "Cell",
    "Curve",
    "Detected",
    "Errors",
    "Failure",
    "Line",
    "Picture",
    "Plate",
    "Plot",
    "Report",
    "Row",
    "Sample",
    "Section",
    "Strip",
    "Table",
    "cell_text",
    "chance_text",
    "contact_sheet",
    "markdown",
    "table_markdown",
    "threshold_text",
    "write",
]
