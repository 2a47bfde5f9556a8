"""`serve`: the store behind an HTTP API and a page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wearabouts.cli.options import DEFAULT_STORE, ModelOption, StoreOption, open_searcher, whole_number
from wearabouts.cli.terminal import say

if TYPE_CHECKING:
    from wearabouts.server import ServerSettings
    from wearabouts.settings import SearchSettings


def serve(
    store: StoreOption = DEFAULT_STORE,
    host: Annotated[str | None, typer.Option(help="Address to bind; beyond this machine a key is required.")] = None,
    port: Annotated[
        int | None, typer.Option(parser=whole_number, metavar="NUMBER", help="Port to bind; 0 for any free one.")
    ] = None,
    key: Annotated[
        list[str] | None, typer.Option("--key", envvar="WEARABOUTS_SEARCH_KEYS", help="A search key; may be repeated.")
    ] = None,
    admin_key: Annotated[
        list[str] | None, typer.Option("--admin-key", envvar="WEARABOUTS_ADMIN_KEYS", help="A key that may also write.")
    ] = None,
    settings: Annotated[Path | None, typer.Option(help="TOML file with tables [server] and [search].")] = None,
    model: ModelOption = "mini",
) -> None:
    """Serve the store: a page for people, an API for shops."""
    from wearabouts.server import create_app, run

    given = {"host": host, "port": port, "search_keys": key or None, "admin_keys": admin_key or None}
    server, search = read_settings(settings, {name: value for name, value in given.items() if value is not None})
    writes = bool(server.admin_keys) or server.open_admin
    searcher = open_searcher(store, model, mode="write" if writes else "read", settings=search)
    try:
        app = create_app(searcher, searcher.store, server)
        run(app, server, ready=lambda url: say(f"serving {store} at {url} · stop with Ctrl+C"))
        say("stopped")
    finally:
        searcher.store.close()


def read_settings(path: Path | None, given: dict[str, Any]) -> tuple[ServerSettings, SearchSettings]:
    """Settings from a file, with what the command line gives taking precedence.

    Raises:
        SettingsError: An unknown table or key, or a value that is not allowed.
    """
    from wearabouts import settings as files
    from wearabouts.server import ServerSettings

    tables = files.read(path, ("server", "search")) if path is not None else {}
    server = files.build(ServerSettings, {**tables.get("server", {}), **given}, str(path or "server"))
    search = files.build(files.SearchSettings, tables.get("search", {}), f"{path} [search]")
    return server, replace(search, max_results=min(search.max_results, server.max_k))
