"""The fetcher against a real server on this machine, and against every way we know to make it call where it may not."""

from __future__ import annotations

import gzip
import os
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from wearabouts.errors import FetchError
from wearabouts.fetch import Fetched, Fetcher, FetchSettings
from wearabouts.fetch.network import is_public

Answer = Callable[["Handler"], None]
PHOTO = b"\xff\xd8 not really a photo"


@dataclass
class Site:
    """A local web server: path → what it does; and what it was asked."""

    address: str
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str], float]] = field(default_factory=list)
    busy: int = 0
    busiest: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def on(self, path: str, *answers: Answer) -> str:
        """Let a path answer so, one after another, the last for ever; returns its address."""
        self.answers[path] = list(answers)
        return self.address + path

    def paths(self) -> list[str]:
        return [path for path, _, _ in self.asked]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    site: Site

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        site = self.server.site  # type: ignore[attr-defined]  # set by the fixture
        with site.lock:
            site.asked.append((self.path, dict(self.headers), time.monotonic()))
            site.busy += 1
            site.busiest = max(site.busiest, site.busy)
            answers = site.answers[self.path]
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
        try:
            answer(self)
        except OSError:
            self.close_connection = True
        finally:
            with site.lock:
                site.busy -= 1


def says(status: int, body: bytes = b"", **headers: str) -> Answer:
    def answer(handler: Handler) -> None:
        handler.send_response(status)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        for name, value in {"Content-Length": str(len(body)), **named}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def raw(content: bytes, pause: float = 0.0, times: int = 1) -> Answer:
    def answer(handler: Handler) -> None:
        handler.close_connection = True
        for _ in range(times):
            handler.wfile.write(content)
            handler.wfile.flush()
            time.sleep(pause)

    return answer


@pytest.fixture(scope="module")
def server() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def site(server: ThreadingHTTPServer) -> Site:
    server.site = Site(f"http://127.0.0.1:{server.server_port}")  # type: ignore[attr-defined]  # read by Handler
    return server.site  # type: ignore[attr-defined]  # read by Handler


@pytest.fixture
def naps() -> list[float]:
    return []


@pytest.fixture
def fetcher(naps: list[float]) -> Iterator[Fetcher]:
    """May call this machine; remembers its naps and takes none."""
    settings = FetchSettings(allow_private=True, max_bytes=100_000, seconds=20, tries=3, backoff=0.5)
    with Fetcher(settings, sleep=naps.append) as made:
        yield made


def test_bytes_come_and_unchanged_ones_do_not(site: Site, fetcher: Fetcher) -> None:
    url = site.on("/a.jpg", says(200, PHOTO, ETag='"v1"', Last_Modified="Sat, 01 Aug 2026 00:00:00 GMT"), says(304))
    first = fetcher.fetch(url)
    assert first == Fetched(PHOTO, {"etag": '"v1"', "last_modified": "Sat, 01 Aug 2026 00:00:00 GMT"})
    again = fetcher.fetch(url, validators=first.validators)
    assert again == Fetched(None, first.validators)
    headers = site.asked[1][1]
    assert headers["If-None-Match"] == '"v1"'
    assert headers["If-Modified-Since"] == "Sat, 01 Aug 2026 00:00:00 GMT"
    assert headers["User-Agent"].startswith("wearabouts/")


def test_nothing_but_the_request_is_sent(site: Site, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    url = site.on("/a.jpg", says(200, PHOTO, Set_Cookie="track=1; Path=/"))
    with Fetcher(fetcher.settings) as fresh:
        assert fresh.fetch(url).data == fresh.fetch(url).data == PHOTO
    assert all(not {"Cookie", "Authorization", "Referer"} & set(headers) for _, headers, _ in site.asked)


def test_a_busy_host_is_asked_again_when_it_said_so(site: Site, fetcher: Fetcher, naps: list[float]) -> None:
    url = site.on("/a.jpg", says(429, Retry_After="7"), says(200, PHOTO))
    assert fetcher.fetch(url).data == PHOTO
    assert max(naps) == pytest.approx(7.0, abs=0.5)


def test_back_off_doubles_and_ends(site: Site, fetcher: Fetcher, naps: list[float]) -> None:
    url = site.on("/a.jpg", says(503))
    with pytest.raises(FetchError, match="after 3 tries: status 503"):
        fetcher.fetch(url)
    assert naps == [0.5, 1.0]
    assert len(site.asked) == 3


def test_a_host_that_asks_for_more_time_than_there_is_is_not_waited_for(
    site: Site, fetcher: Fetcher, naps: list[float]
) -> None:
    url = site.on("/a.jpg", says(429, Retry_After="86400"))
    with pytest.raises(FetchError, match="status 429"):
        fetcher.fetch(url)
    with pytest.raises(FetchError, match="not to be called again"):
        fetcher.fetch(url)
    assert len(site.asked) == 1
    assert naps == []


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 501, 304, 206, 204])
def test_a_refusal_is_final(site: Site, fetcher: Fetcher, status: int) -> None:
    url = site.on("/a.jpg", says(status))
    with pytest.raises(FetchError, match=f"status {status}"):
        fetcher.fetch(url)
    assert len(site.asked) == 1


def test_redirects_are_followed_but_not_for_ever(site: Site, fetcher: Fetcher) -> None:
    site.on("/c", says(200, PHOTO))
    site.on("/b", says(307, Location="c?"), says(307, Location="c"))
    site.on("/c?", says(200, PHOTO))
    url = site.on("/a", says(301, Location="/b"))
    assert fetcher.fetch(url).data == PHOTO
    loop = site.on("/loop", says(302, Location="/loop"))
    with pytest.raises(FetchError, match="redirects more than 5 times"):
        fetcher.fetch(loop)
    assert site.paths().count("/loop") == 6


@pytest.mark.parametrize(
    "target",
    ["file:///etc/passwd", "ftp://x/y", "javascript:alert(1)", "http://u:p@127.0.0.1/", "http://", "http://[::1"],
)
def test_redirects_to_anything_else_are_refused(site: Site, fetcher: Fetcher, target: str) -> None:
    url = site.on("/a", says(302, Location=target))
    with pytest.raises(FetchError):
        fetcher.fetch(url)


def test_too_large_is_refused_before_and_while_reading(site: Site, fetcher: Fetcher) -> None:
    declared = site.on("/declared", raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100001\r\n\r\n"))
    with pytest.raises(FetchError, match="has 100001 bytes"):
        fetcher.fetch(declared)
    endless = site.on("/endless", raw(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 50_000, times=10))
    with pytest.raises(FetchError, match="more than the 100000 bytes"):
        fetcher.fetch(endless)
    chunk = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + (b"8000\r\n" + b"x" * 0x8000 + b"\r\n") * 10
    with pytest.raises(FetchError, match="more than the 100000 bytes"):
        fetcher.fetch(site.on("/chunked", raw(chunk)))
    fits = site.on("/fits", says(200, b"x" * 100_000))
    assert len(fetcher.fetch(fits).data or b"") == 100_000


def test_a_compressed_bomb_is_unpacked_only_as_far_as_allowed(site: Site, fetcher: Fetcher) -> None:
    bomb = gzip.compress(b"\0" * 20_000_000)
    with pytest.raises(FetchError, match="more than the 100000 bytes"):
        fetcher.fetch(site.on("/bomb", says(200, bomb, Content_Encoding="gzip")))
    small = site.on("/small", says(200, gzip.compress(PHOTO), Content_Encoding="gzip"))
    assert fetcher.fetch(small).data == PHOTO
    for name, body in (("/cut", gzip.compress(PHOTO)[:-9]), ("/lie", b"no gzip at all"), ("/br", PHOTO)):
        coding = "br" if name == "/br" else "gzip"
        with pytest.raises(FetchError):
            fetcher.fetch(site.on(name, says(200, body, Content_Encoding=coding)))


def test_a_lie_about_the_length_is_an_error_not_a_short_photo(site: Site, fetcher: Fetcher) -> None:
    short = site.on("/short", raw(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + PHOTO))
    with pytest.raises(FetchError, match="after 3 tries"):
        fetcher.fetch(short)
    long = site.on("/long", raw(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdef"))
    assert fetcher.fetch(long).data == b"abc"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\r\n\r\n",
        b"SSH-2.0-OpenSSH_9\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nabc",
        b"HTTP/1.1 302 Found\r\nLocation: http://[\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000 + b"\r\n\r\n",
    ],
    ids=str.split("nothing blank ssh status header negative location huge"),
)
def test_what_is_not_http_is_one_error(site: Site, fetcher: Fetcher, content: bytes) -> None:
    url = site.on("/a", raw(content))
    with pytest.raises(FetchError):
        fetcher.fetch(url)


@pytest.mark.parametrize("drip", [b"X-Header: 1\r\n", b"x"], ids=["headers", "body"])
def test_what_drips_is_cut_off_in_time(site: Site, drip: bytes) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n" + (b"" if drip != b"x" else b"\r\n")

    def answer(handler: Handler) -> None:
        raw(head)(handler)
        raw(drip, pause=0.02, times=500)(handler)

    url = site.on("/drip", answer)
    with Fetcher(FetchSettings(allow_private=True, seconds=0.4, tries=1)) as fetcher:
        begun = time.monotonic()
        with pytest.raises(FetchError):
            fetcher.fetch(url)
        # The drip alone would last ten seconds and never be silent for long: only the deadline ends it.
        assert time.monotonic() - begun < 5


def test_one_host_gets_few_calls_at_once(site: Site) -> None:
    urls = [
        site.on(f"/{number}", raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", pause=0.02))
        for number in range(12)
    ]
    with Fetcher(FetchSettings(allow_private=True, per_host=2)) as fetcher:
        threads = [threading.Thread(target=fetcher.fetch, args=(url,)) for url in urls]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(site.asked) == 12  # the server closes each connection without a word: that is no failure
    assert site.busiest <= 2


def test_calls_to_one_host_keep_their_distance(site: Site) -> None:
    url = site.on("/a", says(200, PHOTO))
    waited: list[float] = []
    with Fetcher(FetchSettings(allow_private=True, pause=3.0), sleep=waited.append) as fetcher:
        for _ in range(3):
            fetcher.fetch(url)
    assert waited == [
        pytest.approx(3.0, abs=0.5),
        pytest.approx(6.0, abs=1.0),
    ]  # nobody slept, so the second waits longer


def test_a_second_answer_of_the_name_server_has_no_say(site: Site) -> None:
    """Rebinding: the address that was checked is the one that is called."""
    port = int(site.address.rsplit(":", 1)[1])
    asked: list[str] = []

    def resolve(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.255.255.1"]

    site.on("/a", says(200, PHOTO))
    with Fetcher(FetchSettings(allow_private=True), resolve=resolve) as fetcher:
        assert fetcher.fetch(f"http://rebind.example:{port}/a").data == PHOTO
    assert asked == ["rebind.example"]
    assert site.asked[0][1]["Host"] == f"rebind.example:{port}"


def test_tls_names_the_host_though_it_calls_the_checked_address() -> None:
    hello: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            connection, _ = listener.accept()
            with connection:
                hello.append(connection.recv(4_096))

        thread = threading.Thread(target=accept)
        thread.start()
        port = listener.getsockname()[1]
        settings = FetchSettings(allow_private=True, tries=1)
        with Fetcher(settings, resolve=lambda *_: ["127.0.0.1"]) as fetcher, pytest.raises(FetchError):
            fetcher.fetch(f"https://shop.example:{port}/a.jpg")
        thread.join()
    assert b"shop.example" in hello[0]


@pytest.mark.parametrize("answers", [["127.0.0.1"], ["93.184.216.34", "10.0.0.1"], ["::1"], ["not an address"]])
def test_a_public_name_with_any_private_address_is_refused(site: Site, answers: list[str]) -> None:
    port = int(site.address.rsplit(":", 1)[1])
    site.on("/a", says(200, PHOTO))
    settings = FetchSettings(ports=(port,))
    with (
        Fetcher(settings, resolve=lambda *_: answers) as fetcher,
        pytest.raises(FetchError, match="not a public address"),
    ):
        fetcher.fetch(f"http://public.example:{port}/a")
    assert site.asked == []


def test_a_redirect_to_a_private_address_is_refused(monkeypatch: pytest.MonkeyPatch, site: Site) -> None:
    port = int(site.address.rsplit(":", 1)[1])
    site.on("/a", says(302, Location=f"http://inside.example:{port}/secret"))
    site.on("/secret", says(200, PHOTO))
    # 127.0.0.1 stands for a public server, so that the first call can be made at all.
    monkeypatch.setattr("wearabouts.fetch.network.is_public", lambda address: address == "127.0.0.1")
    names = {"outside.example": ["127.0.0.1"], "inside.example": ["127.0.0.2"]}
    refused = pytest.raises(FetchError, match=r"127\.0\.0\.2, which is not a public address")
    with Fetcher(FetchSettings(ports=(port,)), resolve=lambda host, _: names[host]) as fetcher, refused:
        fetcher.fetch(f"http://outside.example:{port}/a")
    assert site.paths() == ["/a"]


def test_names_that_do_not_exist_are_not_tried_again(naps: list[float]) -> None:
    def resolve(_host: str, _port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with Fetcher(resolve=resolve, sleep=naps.append) as fetcher, pytest.raises(FetchError, match="does not exist"):
        fetcher.fetch("http://gone.example/a.jpg")
    assert naps == []


def _v4_forms() -> list[str]:
    """Every closed IPv4 network at both ends, and the loopback in the spellings `inet_aton` takes."""
    networks = re.findall(
        r"\S+",
        """
        0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24
        192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4
        """,
    )
    forms = ["169.254.169.254", "255.255.255.255", "100.100.100.200"]
    for network in networks:
        base, _, bits = network.partition("/")
        first = struct.unpack("!I", socket.inet_aton(base))[0]
        last = first + (1 << (32 - int(bits))) - 1
        forms += [
            socket.inet_ntoa(struct.pack("!I", number)) for number in (first, first + 1, (first + last) // 2, last)
        ]
    return forms


def _v6_forms() -> list[str]:
    forms = re.findall(
        r"\S+",
        """
        :: ::1 fe80::1 fe80::1%eth0 febf::1 fec0::1 fc00::1 fdff::1 ff00::1 ff02::1 ff0e::1 100::1
        2001::1 2001:0:53aa:64c::1 2001:10::1 2001:20::1 2001:db8::1 3fff::1 4000::1 5f00::1
        64:ff9b:1::1 2002:7f00:1:: 2002:808:808::1 2002:c0a8:101::1
        2001:0:4136:e378:8000:63bf:3fff:fdd2
        """,
    )
    for inner in ("127.0.0.1", "10.1.2.3", "169.254.169.254", "192.168.0.1", "172.16.0.1", "100.64.0.1", "0.0.0.0"):
        forms += [
            f"::ffff:{inner}",
            f"::{inner}",
            f"64:ff9b::{inner}",
            f"2a00:1450::5efe:{inner}",
            f"2a00:1450::200:5efe:{inner}",
            f"::ffff:0:{inner}",
        ]
    return forms


def test_more_than_a_hundred_addresses_are_refused() -> None:
    forms = _v4_forms() + _v6_forms()
    assert len(set(forms)) > 100
    assert [form for form in forms if is_public(form)] == []


@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8",
        "1.1.1.1",
        "93.184.216.34",
        "100.63.255.255",
        "100.128.0.1",
        "172.15.255.255",
        "172.32.0.1",
        "192.167.255.255",
        "198.17.255.255",
        "223.255.255.255",
        "2606:4700::1111",
        "2a00:1450:4001:81b::200e",
        "2400::1",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
    ],
)
def test_public_addresses_are_not(address: str) -> None:
    assert is_public(address)


SPELLINGS = re.findall(
    r"\S+",
    """
    127.1 127.0.1 2130706433 0x7f000001 0x7f.1 0177.0.0.1 017700000001 127.0.0.1. 0 0.0.0.0
    localhost LOCALHOST [::1] [::] [::ffff:127.0.0.1] [0:0:0:0:0:ffff:7f00:1] [64:ff9b::7f00:1]
    [2002:7f00:1::] [::127.0.0.1] 169.254.169.254 0xa9fea9fe 2852039166 10.0.0.1 192.168.1.1
    [fe80::1] [fd00::1] 0x7f.0x0.0x0.0x1 0177.1 127.000.000.001
    """,
)


@pytest.mark.parametrize("host", SPELLINGS)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_spellings_of_this_machine_are_refused(host: str, scheme: str) -> None:
    def resolve(name: str, port: int) -> list[str]:
        if name.rstrip(".").lower() == "localhost":
            return ["127.0.0.1", "::1"]
        # Numbers only: no name server is asked.
        return [str(answer[4][0]) for answer in socket.getaddrinfo(name, port, flags=socket.AI_NUMERICHOST)]

    with Fetcher(FetchSettings(tries=1), resolve=resolve) as fetcher, pytest.raises(FetchError):
        fetcher.fetch(f"{scheme}://{host}/latest/meta-data/")


@pytest.mark.parametrize(
    "uri",
    [
        "ftp://x/y",
        "gopher://x/",
        "data:image/png;base64,AA",
        "javascript:alert(1)",
        "http://",
        "http:///x",
        "http://a b\x00/",
        "//x/y",
        "http://user@example.com/",
        "http://u:p@example.com/",
        "http://example.com:22/",
        "http://example.com:99999/",
        "http://[::1",
        "http://①②⑦.0.0.1/",
        "file://other/etc/passwd",
        "file://[/x",
        "",
        "http://exa mple.com/",
        "HTTP://example.com:25/x",
    ],
)
def test_what_is_no_address_we_fetch_never_reaches_the_network(uri: str) -> None:
    def resolve(host: str, _port: int) -> list[str]:
        return ["127.0.0.1"]

    with Fetcher(resolve=resolve) as fetcher, pytest.raises(FetchError) as told:
        fetcher.fetch(uri)
    assert "\n" not in str(told.value)
    assert "u:p" not in str(told.value)


def test_local_files_inside_the_root(tmp_path: Path) -> None:
    root = tmp_path / "shop"
    root.mkdir()
    (root / "a b.jpg").write_bytes(PHOTO)
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    (root / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    with Fetcher() as fetcher:
        first = fetcher.fetch(str(root / "a b.jpg"), root=root)
        assert first.data == PHOTO
        assert fetcher.fetch("a b.jpg", root=root).data == PHOTO
        assert fetcher.fetch(f"file://{root}/a%20b.jpg", root=root).data == PHOTO
        assert fetcher.fetch(str(tmp_path / "secret.jpg")).data == b"secret"
        for uri in (
            "../secret.jpg",
            "link.jpg",
            str(tmp_path / "secret.jpg"),
            f"file://{tmp_path}/secret.jpg",
            "/etc/passwd",
            ".",
        ):
            with pytest.raises(FetchError, match="outside"):
                fetcher.fetch(uri, root=root)


def test_an_unchanged_local_file_is_not_read_again(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(PHOTO)
    with Fetcher() as fetcher:
        first = fetcher.fetch(str(path))
        assert fetcher.fetch(str(path), validators=first.validators) == Fetched(None, first.validators)
        path.write_bytes(PHOTO[::-1])  # as long as before
        os.utime(path, ns=(0, 0))
        assert fetcher.fetch(str(path), validators=first.validators).data == PHOTO[::-1]


def test_files_that_are_no_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").write_bytes(b"x" * 101)
    with Fetcher(FetchSettings(max_bytes=100)) as fetcher:
        for name, words in (
            ("pipe", "not a plain file"),
            ("none", "cannot be read"),
            ("large", "101 bytes"),
            ("a\x00b", "no path"),
        ):
            with pytest.raises(FetchError, match=words):
                fetcher.fetch(str(tmp_path / name))
        with pytest.raises(FetchError, match="not a plain file"):
            fetcher.fetch("/dev/zero")
