"""Protocols as values: who queries whom, what is a hit, which figures are taken; what runs is what the sentences say.

A family of protocols is a module of this package; each protocol is one value, imported when it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module

from wearabouts.errors import SettingsError, unknown
from wearabouts.evaluation.protocols.values import Rules
from wearabouts.evaluation.protocols.words import TIES, Protocol

__all__ = ["PROTOCOLS", "TIES", "Protocol", "Rules", "protocol"]

_HERE = "wearabouts.evaluation.protocols"
# name → "module:attribute", imported only when asked for
PROTOCOLS: dict[str, str] = {
    "wtbi": f"{_HERE}.street:WTBI",
    "darn": f"{_HERE}.street:DARN",
    "inshop": f"{_HERE}.inshop:INSHOP",
    "inshop_other_colour": f"{_HERE}.inshop:OTHER_COLOUR",
    "consumer2shop_pair": f"{_HERE}.consumer:PAIR",
    "consumer2shop_item": f"{_HERE}.consumer:ITEM",
    "deepfashion_category": f"{_HERE}.labels:CATEGORY",
    "deepfashion_attributes": f"{_HERE}.labels:ATTRIBUTES",
    "landmarks": f"{_HERE}.marks:LANDMARKS",
    "stylenet": f"{_HERE}.styles:STYLENET",
    "lookbench": f"{_HERE}.looks:LOOKBENCH",
    "grocery_store": f"{_HERE}.street:GROCERY_STORE",
    "cifar10": f"{_HERE}.classes:CIFAR10",
    "cifar10-1": f"{_HERE}.classes:CIFAR10_1",
    "cifar10-2": f"{_HERE}.classes:CIFAR10_2",
    "fashion_mnist": f"{_HERE}.classes:FASHION_MNIST",
}


def protocol(name: str, options: Mapping[str, str] | None = None) -> tuple[Rules, dict[str, str]]:
    """A protocol by name, in the variant that the options choose.

    Args:
        name: A key of `PROTOCOLS`.
        options: Option name → value; those that the protocol does not know are its reader's.

    Returns:
        The protocol, and the options for its reader.

    Raises:
        SettingsError: No such protocol, or a value that its option does not have.
    """
    if name not in PROTOCOLS:
        raise SettingsError(unknown("protocol", name, PROTOCOLS))
    module, attribute = PROTOCOLS[name].split(":")
    found: Rules = getattr(import_module(module), attribute)
    return found.chosen(options or {})


def every(names: Iterable[str] = PROTOCOLS) -> tuple[Rules, ...]:
    """All protocols as they are without options, for documents and tests."""
    return tuple(protocol(name)[0] for name in names)
