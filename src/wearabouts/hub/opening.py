"""A repository by what a person calls it."""

from __future__ import annotations

import re
from pathlib import Path

from wearabouts.errors import SettingsError
from wearabouts.hub.repository import Folder, Progress, Repository

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,95}(/[A-Za-z0-9_][A-Za-z0-9_.-]{0,95})?")
REVISION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]{0,120}")


def open_repository(
    name: str, *, revision: str = "main", endpoint: str | None = None, progress: Progress | None = None
) -> Repository:
    """A repository by its name, or a folder.

    Args:
        name: ``owner/name`` on the hub, or the path of a folder.
        revision: Branch, tag or commit.
        endpoint: Another hub than the one that the environment variable HF_ENDPOINT names.
        progress: Called with a file's name, bytes done, and of how many.

    Raises:
        SettingsError: No name of a repository, or the extra ``hub`` is missing.
        FetchError: The hub has no such repository or revision, or is out of reach and nothing of it is kept here.
    """
    if Path(name).is_dir():
        return Folder(Path(name))
    if not NAME.fullmatch(name) or ".." in name:
        raise SettingsError(
            f"{name!r} is neither a folder nor a repository; give owner/name, such as Marqo/marqo-fashionSigLIP"
        )
    if not REVISION.fullmatch(revision) or ".." in revision:
        raise SettingsError(f"revision {revision!r} is not allowed; give a branch, a tag or a commit")
    try:
        from wearabouts.hub.remote import Remote
    except ModuleNotFoundError as error:
        raise missing(error) from error
    return Remote(name, revision, endpoint, progress)


def missing(error: ModuleNotFoundError) -> SettingsError:
    """What a package of the extra ``hub`` that is not there means."""
    return SettingsError(f"pulling needs {error.name}, which is not installed: pip install 'wearabouts[hub]'")
