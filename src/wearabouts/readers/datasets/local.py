"""Pictures that a dataset's own list names: found inside its folder, or told why not."""

from __future__ import annotations

import os
import re
from pathlib import Path

MAX_PATH = 1_000  # characters
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")  # a drive letter too


class Folder:
    """A dataset's folder, out of which no path in its lists may lead.

    Args:
        root: The folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = os.path.realpath(root)
        self._inside = os.path.join(self.root, "")

    def picture(self, *references: str) -> str:
        """Absolute path of the first of these that is a file with something in it.

        Args:
            references: Paths relative to the folder, as the dataset's lists write them; the last one is named where
                none is found.

        Raises:
            ValueError: A path leads out of the folder, or no file lies there.
        """
        reason = "no picture is named"
        for reference in references:
            path, reason = self._found(reference)
            if not reason:
                return path
            if "leads out" in reason:
                break
        raise ValueError(reason)

    def _found(self, reference: str) -> tuple[str, str]:
        shown = reference[:80]
        if not reference or len(reference) > MAX_PATH or not reference.isprintable():
            return "", f"picture {shown!r} is no path"
        if _SCHEME.match(reference) or reference.startswith(("/", "\\", "~")):
            return "", f"picture {shown!r} leads out of the folder of the dataset"
        path = os.path.realpath(os.path.join(self.root, reference.replace("\\", "/")))
        if not path.startswith(self._inside):
            return "", f"picture {shown!r} leads out of the folder of the dataset"
        try:
            if not os.path.isfile(path):
                return "", f"picture {shown!r} is not there"
            return path, "" if os.path.getsize(path) else f"picture {shown!r} is an empty file"
        except OSError as problem:
            return "", f"picture {shown!r} cannot be read ({problem.strerror})"
