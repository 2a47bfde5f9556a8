"""Settings that cannot be meant are refused in one line before a socket opens."""

from __future__ import annotations

import socket

import pytest

from server.world import ADMIN, SEARCH
from wearabouts.errors import SettingsError
from wearabouts.server import ServerSettings
from wearabouts.server.serve import open_socket


@pytest.mark.parametrize(
    "values, words",
    [
        ({"prot": 80}, ["'prot'", "did you mean 'port'"]),
        ({"port": 70000}, ["port", "65535", "70000"]),
        ({"host": "0.0.0.0"}, ["0.0.0.0", "search_keys", "127.0.0.1"]),
        ({"host": "shop.example", "admin_keys": [ADMIN]}, ["shop.example", "search_keys"]),
        ({"host": "0.0.0.0", "search_keys": [SEARCH], "open_admin": True}, ["open_admin", "admin_keys"]),
        ({"search_keys": ["short"]}, ["16", "secrets.token_urlsafe"]),
        ({"search_keys": [SEARCH], "admin_keys": [SEARCH]}, ["both"]),
        ({"allowed_origins": ["https://shop.example/"]}, ["https://shop.example", "without a path"]),
        ({"max_k": "many"}, ["max_k", "many"]),
    ],
)
def test_refused_in_one_line(values: dict, words: list[str]):
    with pytest.raises(SettingsError) as caught:
        ServerSettings(**values)
    message = str(caught.value)
    assert "\n" not in message
    assert [word for word in words if word not in message] == []


@pytest.mark.parametrize(
    "host, loopback", [("127.0.0.1", True), ("127.8.8.8", True), ("localhost", True), ("::1", True)]
)
def test_loopback_needs_no_key(host: str, loopback: bool):
    assert ServerSettings(host=host).loopback is loopback


def test_wider_with_a_key():
    settings = ServerSettings(host="0.0.0.0", search_keys=[SEARCH], admin_keys=[ADMIN])
    assert not settings.loopback
    assert SEARCH not in repr(settings)
    assert ADMIN not in repr(settings)


def test_a_taken_port_is_told():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(SettingsError, match=rf"port {port}.*choose another port"):
            open_socket(ServerSettings(port=port))
