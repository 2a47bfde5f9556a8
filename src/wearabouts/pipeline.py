"""The whole story on one page: read a catalog, train on it, export, index, search and verify, evaluate.

Every line here is a public call that can be made alone. The first half is the workshop and needs the extra ``train``;
the second half is the shop and does without.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from wearabouts.bundles import load
from wearabouts.embedding import IndexSummary, index
from wearabouts.encoders import Encoder, OnnxEncoder
from wearabouts.evaluation import main as evaluate
from wearabouts.readers import open_catalog
from wearabouts.report import Report
from wearabouts.search import open_searcher
from wearabouts.stores import open_store
from wearabouts.types import Answer


@dataclass(frozen=True, slots=True)
class Story:
    """What came of it: the index run, the answer to one photo, the figures."""

    indexed: IndexSummary
    answer: Answer
    report: Report


def workshop(recipe: str | Path, data: str | Path, folder: str | Path, *, second: str | Path | None = None) -> Encoder:
    """Photographs and a recipe in, an encoder out, and with another recipe the second stage in the same bundle.

    Args:
        recipe: A TOML recipe.
        data: Folder of the photographs the recipe names.
        folder: Where the run (`run/`) and the bundle (`bundle/`) go.
        second: The recipe of a second stage that starts from that run; its own run goes to `second/`. None for none.

    Raises:
        WearaboutsError: A step could not be done; what was done before it stays.
    """
    from wearabouts.export import main_export
    from wearabouts.training import main_train

    run, bundle = Path(folder) / "run", Path(folder) / "bundle"
    main_train(Path(recipe), Path(data), run)
    if second is not None:
        run = Path(folder) / "second"
        main_train(Path(second), Path(data), run)
    main_export(run, bundle)
    return OnnxEncoder(load(bundle))


def shop(source: str | Path, photo: bytes, folder: str | Path, encoder: Encoder) -> Story:
    """A catalog, an encoder and a customer's photo in; products, whether one of them is the very item, figures out.

    Args:
        source: A feed, table or folder with two photos or more of some products: else there is nothing to measure.
        photo: The customer's photo, as bytes of a file.
        folder: Where the store (`store/`) and the report (`report/`) go.
        encoder: What `workshop` gave, or any other; the second stage comes with its bundle.

    Raises:
        WearaboutsError: A step could not be done; what was done before it stays.
    """
    catalog = open_catalog(source)
    store = open_store(Path(folder) / "store", mode="write", encoder_hash=encoder.hash, dim=encoder.dim)
    try:
        indexed = index(catalog, encoder, store)
        answer = open_searcher(encoder, store).search(photo)
    finally:
        store.close()
    report = evaluate(str(source), model=encoder, out=Path(folder) / "report")
    return Story(indexed, answer, report)
