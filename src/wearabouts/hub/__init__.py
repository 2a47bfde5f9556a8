"""Published encoders as bundles: a photo tower, and a text tower where there is one, pulled from a model hub.

A repository is a stranger's: no code of it is run and no pickle is opened; graphs, JSON and one model card are read,
each capped and checked (`repository`, `graphs`), and its licence must allow the use or be accepted by name
(`licences`). What it does to photos is followed to the pixel (`photos`), inside the graph from the fitted bytes on
(`wrapping`), so the bundle is served like any other.
"""

from __future__ import annotations

from pathlib import Path

from wearabouts.bundles import Bundle
from wearabouts.hub.licences import Licence
from wearabouts.hub.licences import read as read_licence
from wearabouts.hub.opening import missing, open_repository
from wearabouts.hub.repository import Progress, Repository

__all__ = ["Licence", "Repository", "open_repository", "pull", "read_licence"]


def pull(
    repository: str | Repository,
    out: Path,
    *,
    variant: str = "fp32",
    output: str = "",
    revision: str = "main",
    endpoint: str | None = None,
    accept_licence: str = "",
    name: str = "",
    text: bool = True,
    fit: str = "",
    progress: Progress | None = None,
) -> Bundle:
    """Pull an encoder.

    Args:
        repository: ``owner/name`` on the hub, a folder copied from one, or one that is open.
        out: Folder of the bundle.
        variant: ``fp32``, ``fp16``, ``int8``, or the path of a graph in the repository.
        output: The tensor that becomes a photo's vector; empty leaves the choice to the table of layouts.
        revision: Branch, tag or commit; the commit it stands for is written on the card.
        endpoint: Another hub than the one that the environment variable HF_ENDPOINT names.
        accept_licence: Name of a licence that is accepted though it is not known to allow commercial use.
        name: Of the bundle; empty for the repository's.
        text: Whether the text tower is wanted too, where there is one.
        fit: ``white_square``, ``stretch`` or ``centre_crop`` in place of how the tower's photos were fitted.
        progress: Called with a file's name, bytes done, and of how many.

    Returns:
        The bundle, loaded and seen to work.

    Raises:
        SettingsError: A licence that must be accepted by name, no such repository's name, or the extra ``hub`` is
            missing.
        FetchError: The hub has no such repository, or does not answer.
        BundleError: The repository has no such model, or one that cannot be served.
    """
    if isinstance(repository, str):
        repository = open_repository(repository, revision=revision, endpoint=endpoint, progress=progress)
    try:
        from wearabouts.hub.pulling import Wanted, make_bundle
    except ModuleNotFoundError as error:
        raise missing(error) from error
    return make_bundle(repository, Path(out), Wanted(variant, output, accept_licence, name, text, fit))
