"""A catalog's shortlists through the second stage: evidence as the store keeps it, queries as the model sees them."""

from __future__ import annotations

from collections.abc import Sequence

from wearabouts.encoders import Encoder
from wearabouts.evaluation.catalogs.questions import Question, Questions
from wearabouts.evaluation.catalogs.showing import Gallery
from wearabouts.evaluation.provenance import ids_digest
from wearabouts.evaluation.ranking import Ranked
from wearabouts.evaluation.systems import Progress, Second, predicted
from wearabouts.evaluation.verified import Asked, Shelved, weighed
from wearabouts.evaluation.verified.sections import Judged, stage_two
from wearabouts.report import Section
from wearabouts.stores import Store
from wearabouts.types import Encoding
from wearabouts.verifiers import Evidence
from wearabouts.verifiers.evidence import KIND, seen, unpacked


def second_sections(
    second: Second,
    questions: Questions,
    queries: Sequence[Question],
    said: Encoding,
    encoder: Encoder,
    store: Store,
    gallery: Gallery,
    ranked: Ranked,
    *,
    seed: int,
    progress: Progress | None = None,
) -> tuple[Section, ...]:
    """Stage one beside stage two on all queries.

    Args:
        second: The model's second stage.
        questions: The catalog divided.
        queries: Q of them.
        said: Of the queries.
        encoder: Who said it.
        store: Holds what the second stage wants of the gallery.
        gallery: In the order that was ranked.
        ranked: Stage one's, with one product more shown than the second stage judges.
        seed: Of folds and intervals.
        progress: Told how many queries are done.
    """
    layout = second.judge.layout
    shown = Evidence(gallery.vectors)
    if layout.size:
        shown = unpacked(gallery.vectors, store.beside(gallery.photo_ids, KIND), layout)
    shelved = Shelved(shown, gallery.product_ids, [questions.products[name].truth for name in gallery.product_ids])

    def told(done: int, whole: int) -> None:
        if progress is not None:
            progress(f"judge with {second.judge.name}", done, whole)

    candidates = weighed(
        second.judge,
        Asked(seen(said), predicted(encoder, said)),
        shelved,
        [query.truth for query in queries],
        ranked,
        told,
    )
    judged = Judged(
        "",
        candidates,
        ranked.ranks,
        [query.product_id for query in queries],
        [query.photo.id for query in queries],
        ids_digest(gallery.photo_ids),
    )
    return stage_two([judged], second.judge, second.calibration, seed=seed)
