"""What a fetch is asked with and what it answers with, and how addresses are shown to people."""

from __future__ import annotations

from dataclasses import dataclass, field

from wearabouts import __version__


@dataclass(frozen=True, slots=True)
class FetchSettings:
    """How to fetch.

    Attributes:
        allow_private: Also connect to private, loopback and link-local addresses, and to any port: for tests and
            intranets.
        ports: Ports allowed on public addresses.
        max_bytes: Most bytes of one file, decompressed.
        seconds: Most seconds for one file, tries and pauses included.
        connect_seconds: Most seconds to connect.
        read_seconds: Most seconds without a byte.
        tries: How often in all.
        backoff: Seconds before the second try; doubled each time.
        redirects: Most redirects followed.
        per_host: Most requests at once to one host.
        pause: Seconds between the starts of two requests to one host.
        user_agent: Who we say we are.
    """

    allow_private: bool = False
    ports: tuple[int, ...] = (80, 443, 8000, 8080, 8443)
    max_bytes: int = 20_000_000
    seconds: float = 60.0
    connect_seconds: float = 5.0
    read_seconds: float = 15.0
    tries: int = 3
    backoff: float = 0.5
    redirects: int = 5
    per_host: int = 4
    pause: float = 0.0
    user_agent: str = f"wearabouts/{__version__}"


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came: the bytes, or None where the file has not changed, and what to send next time to find that out."""

    data: bytes | None
    validators: dict[str, str] = field(default_factory=dict)


def scheme_of(uri: str) -> str:
    """The scheme of an address in lower case, or empty for a path (a drive letter is no scheme)."""
    head, found, _ = uri.partition(":")
    return (
        head.lower()
        if found and len(head) > 1 and head.isascii() and head.replace("+", "").replace("-", "").isalnum()
        else ""
    )


def shown(uri: str) -> str:
    """An address as it may stand in a message: one line, not too long, no password."""
    head, found, tail = uri.partition("://")
    host, slash, rest = tail.partition("/")
    clean = f"{head}://{host.rsplit('@', 1)[-1]}{slash}{rest}" if found else uri
    line = "".join(sign if sign.isprintable() else "?" for sign in clean[:400])
    return line if len(line) <= 200 else f"{line[:197]}..."
