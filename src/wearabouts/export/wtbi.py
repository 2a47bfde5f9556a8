"""`wtbi` as a bundle: one tower with the classifier's words beside the feature, and the pair network as judge."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from wearabouts import bundles
from wearabouts.export.bundle import Finished, samples, write_bundle
from wearabouts.models.wtbi import Wtbi
from wearabouts.training.data.supervision import Vocabulary
from wearabouts.training.wtbi import build
from wearabouts.training.wtbi.comparing import build_verifier
from wearabouts.training.wtbi.recipe import WtbiRecipe

CATEGORY = "category"  # the attribute that tells classes which are no garments
JUDGED = 100  # products a search asks the pair network about, fewer where it learned from fewer


class ServedWtbi(nn.Module):
    """`Wtbi` from bytes to probabilities."""

    def __init__(self, net: Wtbi) -> None:
        super().__init__()
        self.net = net

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """(N, S, S, 3) uint8 → vector, garment or category, one per attribute."""
        seen = self.net(pixels.permute(0, 3, 1, 2).float() / 255)
        return seen.vector, seen.category.softmax(-1), *(logits.softmax(-1) for logits in seen.attributes)


def export(finished: Finished, folder: Path) -> None:
    """Write the bundle of a finished run of `wtbi`; the arguments are those of every model.

    The judge is the pair network alone, the category's own where it has one: that is the paper's order. What its
    log-odds are worth as probabilities nobody has measured, so there is no calibration.

    Raises:
        BundleError: The exported graphs differ too much from what was trained.
    """
    recipe, summary = finished.recipe, finished.summary
    assert isinstance(recipe, WtbiRecipe)
    words = Vocabulary.read(summary["vocabulary"])
    verifier = None if recipe.pairs.method == "cosine" else build_verifier(recipe, words, summary["own"])
    judge = None
    if verifier is not None:
        judge = bundles.Judge(weights={"own": 1.0}, shortlist=min(recipe.pairs.shortlist, JUDGED))
    net = build(recipe, words, verifier)
    net.load_state_dict(finished.weights)
    net.eval()
    size = recipe.network.size
    # The first outputs after the vector are the garments where there are such, else the first attribute.
    classes = {} if words.garments else {CATEGORY: words.categories}
    write_bundle(
        folder,
        ServedWtbi(net),
        samples(size, seed=0),
        verifier=verifier,
        categories=words.categories if verifier is not None else (),
        judge=judge,
        probe=finished.probe,
        name=recipe.name,
        description="WTBI: a garment classifier's features and a network that compares two; see wearabouts.models.wtbi",
        preprocessing=bundles.Preprocessing(size=size),
        dim=recipe.network.dim,
        garments=words.categories if words.garments else (),
        attributes=classes | words.attributes,
        licence="as its training data allows: ask whose photographs these are before passing it on",
        data=(
            {
                "name": recipe.data.reader or "a catalog",
                "used": f"split {recipe.data.split or 'any'}, {summary['photos']} photos",
                **recipe.data.options,
            },
        ),
        training=summary,
    )
