"""From a repository to a bundle: licence first, then rules, graphs and words, then a bundle that was seen to work."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from wearabouts import bundles
from wearabouts.encoders import OnnxEncoder
from wearabouts.errors import BundleError, SettingsError, unknown
from wearabouts.hub.graphs import cut, read_graph
from wearabouts.hub.layouts import PHOTO_INPUTS, TEXT_INPUTS, UNKNOWN, choose, family, photo_file, text_file
from wearabouts.hub.licences import Licence, licence_of
from wearabouts.hub.photos import PhotoRule, photo_rule
from wearabouts.hub.repository import Repository, read_json
from wearabouts.hub.words import TOKENIZER, read_tokenizer, text_facts
from wearabouts.hub.wrapping import wrap_photos, wrap_text

FITS = ("white_square", "stretch", "centre_crop")
LEAST_ALONE = 0.99  # cosine of a photo's vector alone to the one in company
PHOTOS, WORDS = "encoder.onnx", "text.onnx"


@dataclass(frozen=True)
class Wanted:
    """What is asked of a repository.

    Attributes:
        variant: ``fp32``, ``fp16``, ``int8``, or the path of a graph in it.
        output: The tensor that becomes a photo's vector; empty leaves the choice to the table of layouts.
        accepted: Name of a licence that is accepted though it does not pass silently.
        name: Of the bundle; empty for the repository's.
        text: Whether the text tower is wanted too, where there is one.
        fit: How photos are fitted, in place of how the tower's were; empty for the tower's.
    """

    variant: str = "fp32"
    output: str = ""
    accepted: str = ""
    name: str = ""
    text: bool = True
    fit: str = ""


@dataclass
class _Parts:
    """Files of the bundle to be, and what of the repository they were made from."""

    files: dict[str, bytes] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, content: bytes, origin: str) -> str:
        self.files[name], self.origins[name] = content, origin
        return hashlib.sha256(content).hexdigest()


def make_bundle(repository: Repository, out: Path, wanted: Wanted) -> bundles.Bundle:
    """Make a bundle of a repository's photo tower, and of its text tower where there is one.

    Args:
        repository: Where from.
        out: Folder of the bundle.
        wanted: What is asked for.

    Raises:
        SettingsError: A licence that must be accepted by name.
        BundleError: The repository has no such model, or one that cannot be served; nothing is left in `out` then that
            could be loaded.
        FetchError: The hub does not answer.
    """
    name = wanted.name or re.sub(r"[^A-Za-z0-9_.-]", "-", repository.name.rpartition("/")[2])[:64]
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", name):
        raise SettingsError(f"name {name!r} is not allowed; give one to 64 letters, digits, dots, dashes")
    licence = licence_of(repository, wanted.accepted)
    config = read_json(repository, "config.json")
    parts = _Parts()
    rule = _rule(repository, wanted.fit)
    path = photo_file(repository, wanted.variant)
    words = text_file(repository, path, wanted.variant) if wanted.text else None
    graph, dim, words = _photo_graph(repository, config, path, words, wanted.output, rule)
    sides = bundles.Graph(file=PHOTOS, sha256=parts.add(PHOTOS, graph, path))
    tower = _text_tower(repository, config, words, dim, parts) if words else None
    if licence.text:
        parts.add("LICENSE", licence.text, "LICENSE")
    card = bundles.Card(
        name=name,
        description=f"Photo tower{' and text tower' if tower else ''} of {repository.name}, as published",
        preprocessing=rule.preprocessing,
        graphs={"shop": sides, "street": sides},
        dim=dim,
        text=tower,
        licence=licence.name,
        notices=_notices(repository, licence),
        source=_source(repository, licence, parts),
    )
    bundles.write(out, card, parts.files)
    try:
        return check(out)
    except BundleError:
        (out / bundles.CARD).unlink()
        raise


def _rule(repository: Repository, fit: str) -> PhotoRule:
    """How photos are prepared, by the repository or by who pulls it."""
    rule = photo_rule(repository)
    if not fit:
        return rule
    if fit not in FITS:
        raise SettingsError(unknown("fit", fit, FITS))
    changed = {"size": rule.preprocessing.size, "fit": fit, "resample": rule.preprocessing.resample}
    return replace(rule, preprocessing=bundles.Preprocessing.model_validate(changed))


def check(folder: Path) -> bundles.Bundle:
    """Load a bundle and see that it does what its card says, on noise and on words.

    Raises:
        BundleError: It does not.
    """
    bundle = bundles.load(folder)
    encoder = OnnxEncoder(bundle)
    noise = np.random.default_rng(0).integers(0, 256, (3, 64, 48, 3), np.uint8)
    found = [encoder.encode(list(noise)).vectors]
    if encoder.reads_text:
        found.append(encoder.encode_text(["a red dress", "a blue jacket with two pockets"]))
    for what, vectors in zip(("photos", "texts"), found, strict=False):
        if not np.isfinite(vectors).all() or abs(np.linalg.norm(vectors, axis=1) - 1).max() > 1e-3:
            raise BundleError(
                f"{bundle.card.name!r} gives vectors of {what} that are not of length 1; try another variant"
            )
        if abs(vectors[0] - vectors[1]).max() < 1e-6:
            raise BundleError(f"{bundle.card.name!r} gives different {what} the same vector; try another variant")
    # Some integer graphs scale their sums by the largest of a whole batch.
    alone = np.concatenate([encoder.encode([photo]).vectors for photo in noise])
    if (alone * found[0]).sum(1).min() < LEAST_ALONE:
        raise BundleError(
            f"{bundle.card.name!r} gives a photo alone another vector than in company (least cosine "
            f"{(alone * found[0]).sum(1).min():.3f}); try another variant"
        )
    return bundle


def _photo_graph(
    repository: Repository, config: dict[str, Any], path: str, words: str | None, output: str, rule: PhotoRule
) -> tuple[bytes, int, str | None]:
    """The wrapped graph, the floats of its vector, and the graph of the text tower where there is one."""
    kind = family(config)
    model = read_graph(repository, path)
    given = [each.name for each in model.graph.output]
    if not kind.text or (words == path and choose(kind.text, given) is None):
        words = None
    names = kind.photo if words else (*kind.photo, *kind.alone)
    chosen = output or choose(names, given)
    if chosen is None:
        known = "" if kind is not UNKNOWN else f" (model type {config.get('model_type')!r} is not known here)"
        raise BundleError(
            f"{path} of {repository.name} gives {', '.join(given)[:200]}, none of which is known to be a photo's vector"
            f"{known}; name one with --output, or try --no-text"
        )
    cut(model, chosen, PHOTO_INPUTS, path)
    if not model.graph.input:
        raise BundleError(f"{chosen!r} of {path} does not depend on the photo")
    return (*wrap_photos(model, rule, kind.pooled, path), words)


def _text_tower(
    repository: Repository, config: dict[str, Any], path: str, dim: int, parts: _Parts
) -> bundles.TextTower | None:
    kind = family(config)
    model = read_graph(repository, path)
    chosen = choose(kind.text, [each.name for each in model.graph.output])
    if chosen is None:
        raise BundleError(f"{path} of {repository.name} gives none of {', '.join(kind.text)}; use --no-text")
    cut(model, chosen, TEXT_INPUTS, path)
    inputs = {each.name: [axis.dim_value for axis in each.type.tensor_type.shape.dim] for each in model.graph.input}
    if TEXT_INPUTS[0] not in inputs:
        raise BundleError(f"{chosen!r} of {path} does not depend on the text")
    tokenizer = read_tokenizer(repository)
    sequence = (inputs[TEXT_INPUTS[0]] + [0, 0])[1]
    facts = text_facts(repository, kind, config, tokenizer, sequence, masked=TEXT_INPUTS[1] in inputs)
    graph, floats = wrap_text(model, facts["context"], path, padding_seen=kind.fixed)
    if floats != dim:
        raise BundleError(
            f"{repository.name}: a text's vector has {floats} floats, a photo's {dim}; they cannot be compared, "
            "pull it with --no-text"
        )
    return bundles.TextTower(
        file=WORDS,
        sha256=parts.add(WORDS, graph, path),
        tokenizer=TOKENIZER,
        tokenizer_sha256=parts.add(TOKENIZER, tokenizer, TOKENIZER),
        **facts,
    )


def _notices(repository: Repository, licence: Licence) -> tuple[str, ...]:
    told = [f"Weights: {repository.name}, under {licence.name}, as their publisher says"]
    if licence.accepted:
        told.append(f"Accepted by name by who pulled it: {licence.why}")
    return tuple(told)


def _source(repository: Repository, licence: Licence, parts: _Parts) -> dict[str, Any]:
    return {
        "repository": repository.name,
        "revision": repository.revision,
        "commit": repository.commit,
        "files": parts.origins,
        "licence": licence.name,
        "licence_accepted": licence.accepted,
    }
