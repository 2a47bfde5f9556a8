"""Options of readers as people type them, turned into what the reader's own signature asks for."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from wearabouts.errors import SettingsError, unknown
from wearabouts.readers import READERS

_YES_NO = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def takes(reader: str) -> dict[str, Any]:
    """Option → its type, in the order of the reader's signature.

    Raises:
        SettingsError: No such reader.
    """
    if reader not in READERS:
        raise SettingsError(unknown("reader", reader, READERS))
    module, attribute = READERS[reader].split(":")
    read = getattr(import_module(module), attribute)
    types = get_type_hints(read)
    parameters = inspect.signature(read).parameters.values()
    return {each.name: types[each.name] for each in parameters if each.kind is each.KEYWORD_ONLY}


def from_words(reader: str, words: Mapping[str, str]) -> dict[str, Any]:
    """The values that words stand for.

    Args:
        reader: A name in `READERS`.
        words: Option → what was typed.

    Raises:
        SettingsError: No such option, or a word that is no value of it.
    """
    known = takes(reader)
    for option in words:
        if option not in known:
            raise SettingsError(unknown(f"option of reader {reader}", option, known))
    return {
        option: _value(f"option {option} of reader {reader}", word, known[option]) for option, word in words.items()
    }


def _value(what: str, word: str, kind: Any) -> Any:
    kinds = [each for each in _parts(kind) if each is not NoneType]
    choices = [choice for each in kinds if get_origin(each) is Literal for choice in get_args(each)]
    if choices:
        if word not in choices:
            raise SettingsError(unknown(what, word, [str(choice) for choice in choices]))
        return word
    # Text takes any word, so it is tried last.
    for each, allowed in ((bool, "true or false"), (int, "a whole number"), (float, "a number")):
        if each not in kinds:
            continue
        try:
            return _YES_NO[word.lower()] if each is bool else each(word)
        except (ValueError, KeyError):
            if str not in kinds:
                raise SettingsError(f"{what} is {word!r}; allowed: {allowed}") from None
    if str in kinds:
        return word
    if Path in kinds:
        return Path(word)
    raise SettingsError(f"{what} cannot be given in words; call wearabouts.readers.open_catalog from Python for it")


def _parts(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
