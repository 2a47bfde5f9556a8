"""A shop of coloured squares in a real store, and a real server on a real socket."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from PIL import Image

from fakes import TinyGarmentEncoder
from wearabouts.catalog import Photo, Product
from wearabouts.images import decode
from wearabouts.search import Searcher
from wearabouts.server import ServerSettings, create_app
from wearabouts.server.serve import address, build_server, open_socket
from wearabouts.stores import PhotoRecord, ProductRecord, Store, open_store

ADMIN = "admin-key-of-the-tests"
SEARCH = "search-key-of-the-tests"
HOSTILE = '<img src=x onerror="document.title=1"><script>document.title=2</script>'

# name, colour, price, availability: reddest is a dress, greenest pants, bluest shoes (see TinyGarmentEncoder)
PIECES: Sequence[tuple[str, tuple[int, int, int], float | None, str]] = (
    ("scarlet", (230, 20, 30), 30.0, "in_stock"),
    ("brick", (190, 70, 50), 45.0, "out_of_stock"),
    ("rose", (240, 120, 130), 60.0, "in_stock"),
    ("leaf", (30, 200, 40), 25.0, "in_stock"),
    ("moss", (90, 140, 50), 80.0, "in_stock"),
    ("sky", (90, 150, 240), 120.0, "in_stock"),
    ("ink", (20, 30, 160), None, ""),
)


def picture(colour: tuple[int, int, int], size: tuple[int, int] = (120, 160), kind: str = "JPEG") -> bytes:
    """A garment-like block of colour on light ground."""
    width, height = size
    image = Image.new("RGB", size, (244, 242, 238))
    image.paste(colour, (width // 6, height // 8, width * 5 // 6, height * 7 // 8))
    with io.BytesIO() as out:
        image.save(out, kind, quality=92)
        return out.getvalue()


def pair(left: tuple[int, int, int], right: tuple[int, int, int]) -> bytes:
    """A photo of 400 x 300 pixels, one colour in its left half, the other in its right."""
    image = Image.new("RGB", (400, 300), left)
    image.paste(right, (200, 0, 400, 300))
    with io.BytesIO() as out:
        image.save(out, "PNG")
        return out.getvalue()


def fill(store: Store, encoder: TinyGarmentEncoder) -> None:
    """Write the pieces, one of them with a hostile title and link."""
    records = []
    for number, (name, colour, price, availability) in enumerate(PIECES):
        hostile = name == "moss"
        product = Product(
            id=f"p/{name}",
            title=HOSTILE if hostile else name.title(),
            brand="North & South",
            price=price,
            regular_price=90.0 if name == "rose" else None,
            currency="EUR" if price else "",
            availability=availability,
            link="javascript:alert(1)" if hostile else f"https://shop.example/{name}",
            attributes={"size": "M", "number": str(number)},
            photos=(Photo(f"{name} 1", f"/secret/path/{name}.jpg"),),
        )
        records.append(ProductRecord(product, (_record(product.photos[0], picture(colour), encoder),)))
    store.upsert(records)


def _record(photo: Photo, data: bytes, encoder: TinyGarmentEncoder) -> PhotoRecord:
    opened = decode(data)
    encoding = encoder.encode([opened.pixels])
    assert encoding.garments is not None
    best = int(np.argmax(encoding.garments[0]))
    seen = {"color": encoder.attributes["color"][best]}
    digest = f"{abs(hash(data)):064x}"[:64]
    return PhotoRecord(photo, digest, encoding.vectors[0], encoder.garments[best], seen, opened.thumbnail(512), {})


@contextmanager
def open_shop(
    folder: Path, mode: str = "write", encoder: TinyGarmentEncoder | None = None
) -> Iterator[tuple[Searcher, Store]]:
    """A filled store and its searcher."""
    encoder = encoder or TinyGarmentEncoder()
    with_writing = open_store(folder, mode="write", encoder_hash=encoder.hash, dim=encoder.dim)
    fill(with_writing, encoder)
    store = with_writing
    if mode == "read":
        with_writing.close()
        store = open_store(folder, mode="read", encoder_hash=encoder.hash)
    try:
        yield Searcher(encoder, store), store
    finally:
        store.close()


class Served:
    """A running server: its address and a client for it."""

    def __init__(self, url: str, context: Any) -> None:
        self.url = url
        self.context = context
        self.client = httpx.Client(base_url=url, timeout=30, trust_env=False)

    @property
    def where(self) -> tuple[str, int]:
        """Host and port."""
        parts = httpx.URL(self.url)
        return parts.host, parts.port or 80

    def search(self, data: bytes, **parameters: Any) -> httpx.Response:
        """Post one photo as the raw body."""
        return self.client.post("/v1/search", content=data, params=parameters, headers={"content-type": "image/jpeg"})

    def raw(self, data: bytes, *, half_close: bool = False) -> bytes:
        """Send bytes as they are and read until the server closes; a reset ends the answer, too."""
        with socket.create_connection(self.where, timeout=20) as wire:
            received = b""
            with suppress(ConnectionError):
                wire.sendall(data)
                if half_close:
                    wire.shutdown(socket.SHUT_WR)
                while chunk := wire.recv(65536):
                    received += chunk
            return received


@contextmanager
def serve(searcher: Any, store: Any, **settings: Any) -> Iterator[Served]:
    """Serve on a free port of this machine until the block ends."""
    checked = ServerSettings(port=0, **settings)
    app = create_app(searcher, store, checked)
    listener = open_socket(checked)
    ready = threading.Event()
    server = build_server(app, checked, ready.set)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        assert ready.wait(20), "the server did not start"
        served = Served(address(listener), app.state.context)
        with served.client:
            yield served
    finally:
        server.should_exit = True
        thread.join(20)
        listener.close()


def problem(response: httpx.Response, status: int, kind: str) -> str:
    """Check that a response is one well-formed problem, and give its detail."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert body["type"] == f"urn:wearabouts:problem:{kind}", body
    assert body["status"] == status
    assert "Traceback" not in response.text
    return str(body["detail"])
