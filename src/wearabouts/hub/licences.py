"""What a repository says one may do with its weights, and whether that is enough to go on without asking.

The model card (`README.md`) says it in YAML between two lines of dashes; a LICENSE file may say it too. Only licences
known to allow a shop's use pass silently; any other, and none, must be accepted by name. Nothing here is legal advice:
weights may carry further terms of the photographs they were learnt from.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from wearabouts.errors import BundleError, SettingsError
from wearabouts.hub.repository import Repository

MAX_README, MAX_LICENCE, MAX_METADATA = 2 * 2**20, 256 * 2**10, 64 * 2**10
DEEPEST = 16  # lists in lists; cards with figures of an evaluation need about eight
FILES = ("LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE", "LICENCE.txt", "LICENCE.md")

# As the hub abbreviates them: all of these allow commercial use and passing on.
OPEN = (
    "apache-2.0",
    "mit",
    "bsd",
    "bsd-2-clause",
    "bsd-3-clause",
    "isc",
    "cc0-1.0",
    "cc-by-3.0",
    "cc-by-4.0",
    "cc-by-sa-3.0",
    "cc-by-sa-4.0",
    "cdla-permissive-2.0",
    "unlicense",
    "zlib",
)
CLOSED = re.compile(r"non.?commercial|research (purposes |use )?only|research licen[cs]e", re.IGNORECASE)
# First words of a licence's text, for repositories whose card says nothing.
TEXTS = {"apache-2.0": re.compile(r"\s*Apache License\s+Version 2\.0"), "mit": re.compile(r"\s*(The )?MIT License")}
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Licence:
    """What was found.

    Attributes:
        name: As the card abbreviates it, or the name it gives to another one; ``unknown`` where nothing is said.
        why: Why it does not pass silently, empty where it does.
        text: The LICENSE file, empty where there is none.
        accepted: Whether it was accepted by name.
    """

    name: str
    why: str = ""
    text: bytes = b""
    accepted: bool = False


def licence_of(repository: Repository, accepted: str = "") -> Licence:
    """The licence of a repository, once it passes.

    Args:
        repository: Where its card is.
        accepted: The name of a licence that is accepted though it does not pass silently.

    Raises:
        SettingsError: It does not pass, and was not accepted by name.
        BundleError: The card's metadata is damaged or too large.
    """
    found = read(repository)
    if not found.why:
        return found
    if accepted.strip().lower() == found.name.lower():
        return Licence(found.name, found.why, found.text, accepted=True)
    given = f", not {accepted!r}" if accepted else ""
    raise SettingsError(
        f"{repository.name}: licence {found.name!r}: {found.why}; read it, and if you may use the weights under it, "
        f"say so with --accept-licence {found.name!r}{given}; in a recipe it is [network] accept_licence"
    )


def read(repository: Repository) -> Licence:
    """What a repository says of its licence."""
    text = next((repository.fetch(name, MAX_LICENCE).read_bytes() for name in FILES if name in repository.files), b"")
    words = text.decode("utf-8", "replace")
    said = metadata(repository)
    name = _plain(said.get("license"))
    if name == "other":
        name = _plain(said.get("license_name")) or "other"
        return Licence(name, "a licence of its own", text)
    if not name:
        name = next((known for known, first in TEXTS.items() if first.match(words)), UNKNOWN)
    if name == UNKNOWN:
        return Licence(name, "neither the model card nor a LICENSE file names one", text)
    if name not in OPEN:
        return Licence(name, "not among those known to allow commercial use", text)
    if name not in TEXTS and CLOSED.search(words):
        return Licence(name, "the LICENSE file speaks of non-commercial or research use only", text)
    if name in TEXTS and text and not TEXTS[name].match(words) and CLOSED.search(words):
        return Licence(name, "the LICENSE file says otherwise: non-commercial or research use only", text)
    return Licence(name, "", text)


def metadata(repository: Repository) -> dict[str, Any]:
    """The YAML at the head of the model card; empty where there is none.

    Raises:
        BundleError: It is no YAML, too large, uses aliases, or is nested deeper than any card.
    """
    if "README.md" not in repository.files:
        return {}
    text = repository.fetch("README.md", MAX_README).read_bytes().decode("utf-8", "replace")
    head = re.match(r"\ufeff?---[ \t]*\r?\n(.*?)\r?\n---[ \t]*(\r?\n|$)", text, re.DOTALL)
    if head is None:
        return {}
    if len(head[1]) > MAX_METADATA:
        raise BundleError(f"the model card of {repository.name} has over {MAX_METADATA:,} characters of metadata")
    import yaml

    try:
        _inspect(head[1], repository.name)
        found = yaml.safe_load(head[1])
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise BundleError(
            f"the model card of {repository.name} has damaged metadata: {' '.join(str(error).split())[:120]}"
        ) from error
    return found if isinstance(found, dict) else {}


def _inspect(text: str, name: str) -> None:
    """See that metadata is as flat as metadata is, before anything is built of it.

    An alias could name one list a billion times, and nesting costs its square.
    """
    import yaml

    opening = (
        yaml.BlockSequenceStartToken,
        yaml.BlockMappingStartToken,
        yaml.FlowSequenceStartToken,
        yaml.FlowMappingStartToken,
    )
    closing = (yaml.BlockEndToken, yaml.FlowSequenceEndToken, yaml.FlowMappingEndToken)
    depth = 0
    for token in yaml.scan(text, yaml.SafeLoader):
        depth += isinstance(token, opening) - isinstance(token, closing)
        if depth > DEEPEST or isinstance(token, yaml.AliasToken | yaml.AnchorToken):
            raise BundleError(f"the model card of {name} has metadata with anchors or deep nesting, which is not read")


def _plain(value: object) -> str:
    """A short name on one line; a list of one is that one."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return " ".join(value.split()).lower()[:80] if isinstance(value, str) else ""
