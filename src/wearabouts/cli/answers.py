"""An answer and a comparison as a person reads them at a terminal: the verdict first, then what it rests on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wearabouts.cli.terminal import say, show_table, tell

if TYPE_CHECKING:
    from wearabouts.types import Answer, Comparison, Match

VERDICTS = {
    "same": ("✓ The same item", "bold green"),
    "similar": ("≈ Similar", "bold"),
    "not_carried": ("∅ Not carried", "bold"),
}


def show_answer(answer: Answer, photo: str, text: str) -> None:
    """Print an answer.

    Args:
        answer: What the search gave.
        photo: Name of the photo's file; empty for a search by words.
        text: Words that were searched with; empty for none.
    """
    if answer.verdict is not None:
        _show_verdict(answer)
    rows = [_row(place, match) for place, match in enumerate(answer.matches, 1)]
    headings = ("", "probability", "similarity", "product", "agrees", "differs")
    filled = [i for i in range(len(headings)) if i in (0, 2, 3) or any(row[i] for row in rows)]
    cells = [[row[i] for i in filled] for row in rows]
    title = _seen(answer, photo, text)
    if rows:
        numbers = [place for place, i in enumerate(filled) if i < 3]
        show_table(title, [headings[i] for i in filled], cells, numbers=numbers)
    else:
        tell(title, "bold")
    if answer.hidden:
        tell(f"{answer.hidden} less likely product{'' if answer.hidden == 1 else 's'} left out; --tail shows all")
    if answer.verdict is not None:
        tell(_worth(answer.calibrated_on, answer.own_labels))
    for note in answer.notes:
        tell(f"note: {note}")
    say(", ".join(f"{stage} {spent:.0f} ms" for stage, spent in answer.timings.items()))


def show_comparison(comparison: Comparison) -> None:
    """Print a comparison."""
    from wearabouts.report import chance_text

    if comparison.probability is not None:
        tell(f"probability {chance_text(comparison.probability)} that both show the very same item", "bold")
    say(f"similarity  {comparison.similarity:.3f}, on a scale from -1 to 1")
    if any(comparison.garments):
        say(f"garments    {comparison.garments[0] or 'none'}, {comparison.garments[1] or 'none'}")
    if comparison.agrees:
        tell(f"agree on    {', '.join(comparison.agrees)}")
    if comparison.differs:
        tell(f"differ in   {', '.join(comparison.differs)}")
    if comparison.probability is not None:
        tell(
            "the probability is an estimate, for pairs of which half show one item; "
            f"calibrated on {comparison.calibrated_on}"
        )


def _show_verdict(answer: Answer) -> None:
    """What the answer says, how likely that is, and from which probability on it would say more."""
    from wearabouts.report import chance_text, threshold_text
    from wearabouts.types import REASONS

    assert answer.verdict is not None
    words, style = VERDICTS[answer.verdict]
    first = answer.matches[0].probability if answer.matches else None
    likely = ""
    if first is not None and answer.verdict != "not_carried":
        likely = f", {'the first ' if answer.verdict == 'similar' else ''}{chance_text(first)} likely"
    tell(f"{words}{likely}: {REASONS[answer.reason]}", style)
    tell(threshold_text(answer))


def _worth(calibrated_on: str, own_labels: bool) -> str:
    """What the probabilities are worth."""
    if own_labels:
        return f"the probabilities were calibrated on this shop's own labels: {calibrated_on}"
    return (
        f"the probabilities are estimates, calibrated on {calibrated_on}; "
        "the shop has no labels of its own yet (see `wearabouts calibrate`)"
    )


def _row(place: int, match: Match) -> tuple[object, ...]:
    """A match as cells; empty where nothing is known."""
    from wearabouts.report import chance_text

    product = match.product
    price = product.get("price")
    cost = f"{price:,.2f} {product.get('currency') or ''}".strip() if isinstance(price, int | float) else ""
    kind = str(product.get("garment") or product.get("category") or "")
    lines = [
        " ".join(part for part in (str(product.get("id") or ""), str(product.get("title") or "")) if part),
        " · ".join(part for part in (kind, cost) if part),
    ]
    chance = "" if match.probability is None else chance_text(match.probability)
    return place, chance, f"{match.similarity:.3f}", lines, ", ".join(match.agrees), ", ".join(match.differs)


def _seen(answer: Answer, photo: str, text: str) -> str:
    """What was searched, in one line."""
    said = [f"“{text}”"] if text else []
    if not photo:
        return " · ".join([*said, *([answer.garment] if answer.garment else [])])
    words = [photo, *said]
    if answer.garment:
        sure = f" ({answer.garment_probability:.0%})" if answer.garment_probability is not None else ""
        words.append(f"{answer.garment}{sure}")
    words += [f"{name} {value}" for name, value in answer.attributes.items()]
    if answer.box is not None:
        box = answer.box
        words.append(f"{answer.box_origin} box {box.left:.0f},{box.top:.0f},{box.width:.0f},{box.height:.0f}")
    else:
        words.append("whole photo")
    return " · ".join(words)
