"""Photos by address: only where it is allowed, only http(s), only through the one door to the network."""

from __future__ import annotations

from typing import Any

from wearabouts.errors import FetchError
from wearabouts.server.context import Context
from wearabouts.server.problems import RefusalError
from wearabouts.server.replies import web_address

LONGEST_ADDRESS = 2048


async def fetch_photo(address: Any, shared: Context) -> bytes:
    """The bytes behind an address a searcher gave.

    Raises:
        RefusalError: 403 where the server does not fetch, 422 where it is not an http(s) address.
        FetchError: It could not, or may not, be fetched.
    """
    if not shared.settings.allow_image_url:
        detail = "this server fetches no photos by address; send the photo itself, or set allow_image_url"
        raise RefusalError(403, "fetch", detail)
    checked = check_address(address)
    return await shared.fetches.run(fetch, checked, shared)


def check_address(address: Any) -> str:
    """The address, where it is one this server may try.

    Raises:
        RefusalError: 422 where it is not.
    """
    if not isinstance(address, str) or len(address) > LONGEST_ADDRESS or not web_address(address):
        detail = (
            f"a photo's address is a text of at most {LONGEST_ADDRESS} characters that begins with https:// or http://"
        )
        raise RefusalError(422, "fetch", detail)
    return address


def fetch(address: str, shared: Context) -> bytes:
    """Fetch one checked address; blocks.

    Raises:
        FetchError: It could not, or may not, be fetched.
    """
    fetched = shared.fetcher.fetch(address, root=None)
    if not fetched.data:
        raise FetchError(f"{address[:200]} gave no bytes; give the address of a photo")
    return fetched.data
