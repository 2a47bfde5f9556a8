"""What a repository says of its tokenizer, as the facts that a bundle's card holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wearabouts.bundles import MAX_TOKENIZER
from wearabouts.errors import BundleError
from wearabouts.hub.layouts import Family
from wearabouts.hub.repository import Repository, read_json

LONGEST = 4096  # tokens; a larger number in a tokenizer's settings means that nobody set one
TOKENIZER = "tokenizer.json"


def read_tokenizer(repository: Repository) -> bytes:
    """The tokenizer, checked to be one.

    Raises:
        BundleError: There is none, or it is damaged.
    """
    from tokenizers import Tokenizer

    if TOKENIZER not in repository.files:
        raise BundleError(f"{repository.name} has a text tower but no {TOKENIZER}; pull it with --no-text")
    content = repository.fetch(TOKENIZER, MAX_TOKENIZER).read_bytes()
    try:
        Tokenizer.from_buffer(content)
    except Exception as error:  # the library raises bare exceptions
        raise BundleError(f"{TOKENIZER} of {repository.name} is no tokenizer: {str(error)[:100]}") from error
    return content


def text_facts(
    repository: Repository, family: Family, config: Mapping[str, Any], tokenizer: bytes, sequence: int, masked: bool
) -> dict[str, Any]:
    """Context, padding and letters: the fields of `bundles.TextTower` but for files and hashes.

    Args:
        repository: Whose settings are read.
        family: Its row of the table.
        config: Its `config.json`.
        tokenizer: Its `tokenizer.json`.
        sequence: Tokens that the graph takes, 0 where it takes any number.
        masked: Whether the graph takes a mask.

    Raises:
        BundleError: How long a text may be, or what it is padded with, is not said.
    """
    settings = read_json(repository, "tokenizer_config.json")
    inner = config.get("text_config")
    inner = inner if isinstance(inner, dict) else {}
    lengths = [sequence, inner.get("max_position_embeddings"), settings.get("model_max_length")]
    known = [int(length) for length in lengths if isinstance(length, int) and 2 <= length <= LONGEST]
    if not known:
        raise BundleError(f"how many tokens the text tower of {repository.name} reads is not said; use --no-text")
    side = settings.get("padding_side", "right")
    return {
        "context": sequence or min(known),
        "pad": _pad(repository, settings, inner, tokenizer),
        "pad_side": side if side in ("left", "right") else "right",
        # Without a mask, a tower can only have learnt to live with padding: it gets as much as in its training.
        "fixed": family.fixed or bool(sequence) or not masked,
        "lower": family.lower or settings.get("do_lower_case") is True,
        # The second SigLIP is often published under the first one's type; its tokenizer, Gemma's, tells them apart.
        "bare": family.bare and "gemma" not in str(settings.get("tokenizer_class")).lower(),
        "pooled": family.reads,
    }


def _pad(repository: Repository, settings: Mapping[str, Any], inner: Mapping[str, Any], tokenizer: bytes) -> int:
    """The id of the padding token."""
    from tokenizers import Tokenizer

    words = Tokenizer.from_buffer(tokenizer)
    for said in (settings, read_json(repository, "special_tokens_map.json")):
        token = said.get("pad_token")
        token = token.get("content") if isinstance(token, dict) else token
        found = words.token_to_id(token) if isinstance(token, str) else None
        if found is not None:
            return int(found)
    own = words.padding
    for number in (own and own.get("pad_id"), inner.get("pad_token_id")):
        if isinstance(number, int) and number >= 0:
            return number
    raise BundleError(f"what the text tower of {repository.name} is padded with is not said; use --no-text")
