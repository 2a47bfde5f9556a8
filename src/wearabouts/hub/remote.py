"""A repository on a hub, through `huggingface_hub`: its cache, its resumed downloads, its environment variables.

A file comes from the commit that the revision stood for when it was looked up, and is kept in the library's cache: what
is there is not fetched again, and is used where the hub is out of reach.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, get_hf_file_metadata, hf_hub_download, hf_hub_url, scan_cache_dir
from huggingface_hub.errors import (
    CacheNotFound,
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from tqdm.auto import tqdm

from wearabouts.errors import BundleError, FetchError
from wearabouts.hub.repository import COMMIT, MAX_FILES, PATH, TAG, Progress, out_of_reach, require

SECONDS = 20.0  # a hub that says nothing for so long is out of reach
logger = logging.getLogger(__name__)


class Remote:
    """See `wearabouts.hub.repository.Repository`.

    Raises:
        FetchError: No such repository or revision, or out of reach and not kept here.
        BundleError: The hub's answer is not one.
    """

    def __init__(self, name: str, revision: str, endpoint: str | None, progress: Progress | None) -> None:
        self.name, self.revision = name, revision
        # A token in this machine's settings is meant for the hub they name, not for one given by hand.
        self._hub: dict[str, Any] = {"endpoint": endpoint, "token": False if endpoint else None}
        self._progress = progress
        self._kept: Path | None = None
        try:
            info = HfApi(**self._hub).model_info(name, revision=revision, files_metadata=True, timeout=SECONDS)
        except (RepositoryNotFoundError, RevisionNotFoundError, GatedRepoError) as error:
            raise out_of_reach(name, error) from error
        except (HfHubHTTPError, OSError) as error:
            self._take_kept(error)
            return
        except Exception as error:  # the library's parser meets an answer that is none
            raise BundleError(f"the hub's answer about {name} cannot be read: {str(error)[:100]}") from error
        self.commit = str(info.sha)
        if not COMMIT.fullmatch(self.commit):
            raise BundleError(f"the hub names commit {self.commit[:60]!r} of {name}; 40 hexadecimal digits are wanted")
        listed = [(str(file.rfilename), file.size) for file in (info.siblings or [])[:MAX_FILES]]
        self.files: Mapping[str, int] = {
            path: size for path, size in listed if PATH.fullmatch(path) and isinstance(size, int)
        }

    def fetch(self, path: str, most: int) -> Path:
        """See `Repository.fetch`."""
        require(self, path, most)
        if self._kept is not None:
            return self._kept / path
        try:
            cached = hf_hub_download(self.name, path, revision=self.commit, local_files_only=True, **self._hub)
        except LocalEntryNotFoundError:
            cached = self._download(path, most)
        found = Path(cached)
        if found.stat().st_size != self.files[path]:
            raise BundleError(
                f"{path} of {self.name} has {found.stat().st_size:,} bytes, the hub lists {self.files[path]:,}; "
                "delete it from the hub's cache and pull again"
            )
        return found

    def _download(self, path: str, most: int) -> str:
        told = self._progress or (lambda what, done, total: None)

        class Capped(tqdm):  # type: ignore[misc]  # the library counts every byte that comes on one of these
            def __init__(self, *args: Any, **options: Any) -> None:
                super().__init__(*args, **{**options, "disable": True})
                self.come = int(options.get("initial") or 0)

            def update(self, n: float | None = 1) -> None:
                self.come += int(n or 0)
                if self.come > most:
                    raise _TooMuchError(f"{path} goes on after {most:,} bytes, more than such a file may have")
                told(path, self.come, int(self.total or 0))

        try:
            self._check(path)
            return str(hf_hub_download(self.name, path, revision=self.commit, tqdm_class=Capped, **self._hub))
        except _TooMuchError as error:
            raise BundleError(f"{self.name}: {error}") from error
        except (HfHubHTTPError, OSError, ValueError) as error:
            raise out_of_reach(f"{path} of {self.name}", error) from error

    def _check(self, path: str) -> None:
        """The cache names its files by what these headers say."""
        url = hf_hub_url(self.name, path, revision=self.commit, endpoint=self._hub["endpoint"])
        said = get_hf_file_metadata(url, timeout=SECONDS, **self._hub)
        if said.commit_hash != self.commit or not TAG.fullmatch(str(said.etag)):
            raise BundleError(f"the hub serves {path} of {self.name} under another commit, or without a plain tag")

    def _take_kept(self, error: Exception) -> None:
        """The newest commit kept in the cache, or the one that was asked for."""
        try:
            repositories = [each for each in scan_cache_dir().repos if each.repo_id == self.name]
        except CacheNotFound:
            repositories = []
        kept = [
            each
            for repository in repositories
            for each in repository.revisions
            if self.revision in (each.commit_hash, "main", *each.refs)
        ]
        if not kept:
            raise FetchError(f"{out_of_reach(self.name, error)}; nothing of it is kept here", passing=True) from error
        newest = max(kept, key=lambda each: each.last_modified)
        self.commit, self._kept = newest.commit_hash, Path(newest.snapshot_path)
        sizes = {file.file_path.relative_to(newest.snapshot_path).as_posix(): file for file in newest.files}
        self.files = {path: file.size_on_disk for path, file in sizes.items() if PATH.fullmatch(path)}
        logger.warning("%s is out of reach; commit %s is kept here and is used", self.name, self.commit)


class _TooMuchError(Exception):
    """Raised through the library's own download."""
