"""`search` and `compare`: photos against the store, and against each other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wearabouts.cli.answers import show_answer, show_comparison
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
    share,
)
from wearabouts.cli.terminal import say, show_json
from wearabouts.errors import SettingsError

if TYPE_CHECKING:
    from wearabouts.stores import Store
    from wearabouts.types import Answer

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
    precision: Annotated[
        float | None,
        typer.Option(parser=share, metavar="SHARE", help="Of the answers that say `same item`, the share to be right."),
    ] = None,
    tail: Annotated[bool, typer.Option("--tail", help="Also show products far less likely than the first.")] = False,
    sheet: Annotated[Path | None, typer.Option(help="Write a contact sheet of the answer to this PNG file.")] = None,
    model: ModelOption = "mini",
    json: JsonOption = False,
) -> None:
    """Find the product that a photo shows, and those that look like it or like what words say.

    A model with a verifier also says whether the first product is the very same item, or that the shop does not carry
    it, with probabilities.
    """
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
                precision=precision,
                tail=tail,
            )
        if sheet is not None:
            sheet.write_bytes(_sheet(answer, data, searcher.store))
    finally:
        searcher.store.close()
    if json:
        show_json(answer_json(answer))
    else:
        show_answer(answer, photo.name if photo is not None else "", text)
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
    """Tell how alike two photos are, and how likely they show the very same item.

    The first is taken for a customer's photo, the second for one of the shop's, as in a search.
    """
    from wearabouts.search import answer_json, compare_photos, second_stage

    boxes = parse_box(first_box), parse_box(second_box)
    photos = (read_photo(first), boxes[0]), (read_photo(second), boxes[1])
    encoder = load_encoder(model)
    verifier, calibration = second_stage(encoder)
    comparison = compare_photos(encoder, *photos, verifier=verifier, calibration=calibration)
    if json:
        show_json(answer_json(comparison))
        return
    show_comparison(comparison)


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


def _sheet(answer: Answer, data: bytes, store: Store) -> bytes:
    from wearabouts.images import decode
    from wearabouts.report import contact_sheet

    thumbnails = [store.thumbnail(match.photo_id) for match in answer.matches]
    return contact_sheet(answer, decode(data, target=512).pixels, thumbnails)
