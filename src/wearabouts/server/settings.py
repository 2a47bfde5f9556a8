"""What a server may be told, checked once, before a socket opens."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ModelWrapValidatorHandler, ValidationError, model_validator

from wearabouts.errors import SettingsError, unknown

SHORTEST_KEY = 16  # characters: about 80 bits when drawn at random from letters and digits
MEBIBYTE = 1024 * 1024


class ServerSettings(BaseModel):
    """Settings of the HTTP server; unknown keys are refused with the nearest known one.

    Attributes:
        host: Address to bind. Anything but loopback needs a search key.
        port: 0 lets the system choose.
        name: What the page calls the shop.
        search_keys: Whoever holds one may search; none means open, on loopback only.
        admin_keys: Whoever holds one may also write products and read the metrics.
        open_admin: Writing needs no key (loopback only).
        allowed_origins: Pages of these origins (``https://shop.example``) may search from a browser.
        allowed_hosts: Further values of the Host header, beside loopback names and `host`.
        trusted_proxies: Addresses whose X-Forwarded-For is believed.
        max_body_bytes: Largest request body.
        max_buffered_bytes: All bodies being received together.
        receive_seconds: A request, headers and body, must have arrived by then.
        search_seconds: A search must have been answered by then.
        stop_seconds: How long running requests may go on once the server is told to stop.
        search_threads: Searches that run at once.
        search_queue: Searches that wait for a thread; one more is refused with 503.
        searches_per_minute: Searches and writes by one client.
        reads_per_minute: Other requests to the API by one client.
        max_connections: Open connections; one more is refused with 503.
        max_k: Largest number of products in one answer.
        allow_image_url: Whether a search may name the address of a photo instead of sending it.
        samples_folder: Street photos that the page offers to try.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: int = Field(default=8600, ge=0, le=65535)
    name: str = Field(default="Wearabouts", min_length=1, max_length=60)
    search_keys: tuple[str, ...] = Field(default=(), repr=False)
    admin_keys: tuple[str, ...] = Field(default=(), repr=False)
    open_admin: bool = False
    allowed_origins: tuple[str, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    max_body_bytes: int = Field(default=20 * MEBIBYTE, ge=1024)
    max_buffered_bytes: int = Field(default=256 * MEBIBYTE, ge=1024)
    receive_seconds: float = Field(default=10.0, gt=0)
    search_seconds: float = Field(default=30.0, gt=0)
    stop_seconds: int = Field(default=10, ge=0)
    search_threads: int = Field(default=2, ge=1, le=64)
    search_queue: int = Field(default=32, ge=0)
    searches_per_minute: int = Field(default=240, ge=1)
    reads_per_minute: int = Field(default=6000, ge=1)
    max_connections: int = Field(default=4096, ge=1)
    max_k: int = Field(default=100, ge=1, le=1000)
    allow_image_url: bool = False
    samples_folder: Path | None = None

    @model_validator(mode="wrap")
    @classmethod
    def _one_line(cls, values: Any, handler: ModelWrapValidatorHandler[ServerSettings]) -> ServerSettings:
        """Turn every fault into one SettingsError of one line."""
        if isinstance(values, Mapping):
            for name in values:
                if name not in cls.model_fields:
                    raise SettingsError(unknown("server setting", str(name), cls.model_fields))
        try:
            settings = handler(values)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False)[0]
            name = ".".join(str(part) for part in first["loc"])
            raise SettingsError(f"server setting {name}: {first['msg']}, not {first['input']!r}") from None
        settings._check_keys()
        settings._check_reach()
        return settings

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        if self.host.lower() == "localhost":
            return True
        try:
            return ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return False

    @property
    def hosts(self) -> frozenset[str]:
        """Host names a request may ask for, lower case without port; empty for any."""
        if not self.loopback and not self.allowed_hosts:
            return frozenset()  # reached by names we cannot know; the key that is then required stops rebinding
        names = {"localhost", "127.0.0.1", "[::1]", self.host.lower(), *(host.lower() for host in self.allowed_hosts)}
        return frozenset(names)

    def _check_keys(self) -> None:
        if any(len(key) < SHORTEST_KEY or not key.isascii() or not key.isprintable() for key in self._all_keys()):
            raise SettingsError(
                f"a key has fewer than {SHORTEST_KEY} characters or others than printable ASCII; "
                'make one with: python -c "import secrets; print(secrets.token_urlsafe())"'
            )
        if set(self.search_keys) & set(self.admin_keys):
            raise SettingsError(
                "one key is both a search key and an admin key; browsers are shown search keys, so use two"
            )

    def _check_reach(self) -> None:
        for origin in self.allowed_origins:
            parts = urlsplit(origin)
            if origin != "*" and (
                parts.scheme not in ("http", "https") or origin != f"{parts.scheme}://{parts.netloc}"
            ):
                raise SettingsError(f"allowed origin {origin!r} is not like https://shop.example, without a path")
        if self.loopback:
            return
        if not self.search_keys:
            raise SettingsError(
                f"host {self.host} can be reached from other machines and no search key is set; "
                "set search_keys (one key or more), or bind to 127.0.0.1"
            )
        if self.open_admin:
            raise SettingsError(f"open_admin is for loopback only, not for host {self.host}; set admin_keys instead")

    def _all_keys(self) -> tuple[str, ...]:
        return self.search_keys + self.admin_keys
