"""`search` and `compare`: photos against the store, and against each other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wearabouts.cli.options import (
    DEFAULT_STORE,
    CountOption,
    ExactOption,
    JsonOption,
    ModelOption,
    StoreOption,
    WhereOption,
    load_encoder,
    open_searcher,
    parse_box,
    read_photo,
)
from wearabouts.cli.terminal import say, show_json, show_table
from wearabouts.errors import SettingsError

if TYPE_CHECKING:
    from wearabouts.stores import Store
    from wearabouts.types import Answer, Match

BoxOption = Annotated[str | None, typer.Option("--box", help="left,top,width,height in pixels: search this part only.")]


def search(
    photo: Annotated[Path | None, typer.Argument(help="Photo to search with.", show_default=False)] = None,
    store: StoreOption = DEFAULT_STORE,
    text: Annotated[
        str, typer.Option(help="Words to search with, alone or beside the photo; for models that read text.")
    ] = "",
    text_weight: Annotated[float, typer.Option(help="How much the words count beside a photo, from 0 to 1.")] = 0.5,
    count: CountOption = 10,
    box: BoxOption = None,
    category: Annotated[str, typer.Option(help="How to keep to the garment seen: hard, soft or off.")] = "soft",
    garment: Annotated[str | None, typer.Option(help="Garment to search for, in place of the one seen.")] = None,
    where: WhereOption = None,
    exact: ExactOption = False,
    sheet: Annotated[Path | None, typer.Option(help="Write a contact sheet of the answer to this PNG file.")] = None,
    model: ModelOption = "mini",
    json: JsonOption = False,
) -> None:
    """Find the shop's products that look like what a photo shows, or what words say."""
    from wearabouts.search import answer_json

    area = parse_box(box)
    _check(photo, text, box, sheet)
    data = read_photo(photo) if photo is not None else b""
    searcher = open_searcher(store, model)
    try:
        if photo is None:
            answer = searcher.search_text(text, count, garment=garment, where=where, exact=exact)
        else:
            answer = searcher.search(
                data,
                count,
                box=area,
                category=category,  # type: ignore[arg-type]  # any word goes here: the searcher names the right ones
                garment=garment,
                where=where,
                exact=exact,
                text=text.strip(),
                text_weight=text_weight,
            )
        if sheet is not None:
            sheet.write_bytes(_sheet(answer, data, searcher.store))
    finally:
        searcher.store.close()
    if json:
        show_json(answer_json(answer))
    else:
        _show(answer, photo, text)
        if sheet is not None:
            say(f"contact sheet written to {sheet}")


def compare(
    first: Annotated[Path, typer.Argument(help="A photo.")],
    second: Annotated[Path, typer.Argument(help="Another photo.")],
    first_box: Annotated[str | None, typer.Option(help="left,top,width,height of the part of the first photo.")] = None,
    second_box: Annotated[str | None, typer.Option(help="The same for the second photo.")] = None,
    model: ModelOption = "mini",
    json: JsonOption = False,
) -> None:
    """Tell how alike two photos are."""
    from wearabouts.search import answer_json, compare_photos

    boxes = parse_box(first_box), parse_box(second_box)
    comparison = compare_photos(load_encoder(model), (read_photo(first), boxes[0]), (read_photo(second), boxes[1]))
    if json:
        show_json(answer_json(comparison))
        return
    say(f"similarity {comparison.similarity:.3f}, on a scale from -1 to 1")
    if any(comparison.garments):
        say(f"garments   {comparison.garments[0] or 'none'}, {comparison.garments[1] or 'none'}")
    if comparison.agrees:
        say(f"agree on   {', '.join(comparison.agrees)}")
    if comparison.differs:
        say(f"differ in  {', '.join(comparison.differs)}")


def _check(photo: Path | None, text: str, box: str | None, sheet: Path | None) -> None:
    """Refuse what cannot be asked together."""
    if sheet is not None and sheet.suffix.lower() != ".png":
        raise SettingsError(f"sheet {sheet} is not a PNG file name; give one that ends in .png")
    if photo is not None:
        return
    if not text.strip():
        raise SettingsError("nothing to search with; give a photo, --text 'red floral dress', or both (see --help)")
    given = [name for name, value in (("--box", box), ("--sheet", sheet)) if value is not None]
    if given:
        raise SettingsError(f"{' and '.join(given)} needs a photo; give one beside --text, or leave it out")


def _show(answer: Answer, photo: Path | None, text: str) -> None:
    rows = [
        (place, f"{match.similarity:.3f}", match.product.get("id", ""), *_words(match))
        for place, match in enumerate(answer.matches, 1)
    ]
    columns = ("", "similarity", "product", "title", "kind", "price", "agrees", "differs")
    filled = [i for i in range(len(columns)) if i < 2 or any(row[i] for row in rows)]
    cells = [[row[i] for i in filled] for row in rows]
    show_table(_seen(answer, photo, text), [columns[i] for i in filled], cells, numbers=(0, 1))
    for note in answer.notes:
        say(f"note: {note}")
    say(", ".join(f"{stage} {spent:.0f} ms" for stage, spent in answer.timings.items()))


def _seen(answer: Answer, photo: Path | None, text: str) -> str:
    """What was searched, in one line."""
    said = [f"“{text}”"] if text else []
    if photo is None:
        return " · ".join([*said, *([answer.garment] if answer.garment else [])])
    words = [photo.name, *said]
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


def _words(match: Match) -> tuple[str, ...]:
    """Title, kind, price and attributes of a match."""
    product = match.product
    price = product.get("price")
    cost = f"{price:,.2f} {product.get('currency') or ''}".strip() if isinstance(price, int | float) else ""
    kind = product.get("garment") or product.get("category") or ""
    return str(product.get("title") or ""), str(kind), cost, ", ".join(match.agrees), ", ".join(match.differs)


def _sheet(answer: Answer, data: bytes, store: Store) -> bytes:
    from wearabouts.images import decode
    from wearabouts.report import contact_sheet

    thumbnails = [store.thumbnail(match.photo_id) for match in answer.matches]
    return contact_sheet(answer, decode(data, target=512).pixels, thumbnails)
