"""A page's server: which port, for whom, and what is said where it cannot be had."""

from __future__ import annotations

import socket
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from neurfield.errors import UserError
from neurfield.viewer.web.server import PORT, address, close, is_own, open_server, words

pytest.importorskip("viser", reason='pip install "neurfield[web]"')


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody else listens on."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def fetch(url: str, **headers: str) -> int:
    request = urllib.request.Request(url, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return int(error.code)


def test_it_is_for_this_machine_and_its_own_page_alone(capfd: pytest.CaptureFixture[str]) -> None:
    server = open_server()
    try:
        assert server.get_host() == "127.0.0.1" and server.get_port() >= PORT
        url = address(server)
        told = words(server)
        assert url in told[0] and f"ssh -L {server.get_port()}:127.0.0.1:{server.get_port()}" in told[1]
        assert fetch(url) == 200
        name = f"localhost:{server.get_port()}"
        assert fetch(url, Host=name, Origin=f"http://{name}") == 200
        assert fetch(url, Origin="http://elsewhere.example") == 403
        assert fetch(url, Host="elsewhere.example", Origin="http://elsewhere.example") == 403
        assert server.request_share_url() is None  # nothing leaves this machine
    finally:
        close(server)
    assert capfd.readouterr().out == ""


def test_which_requests_are_its_own() -> None:
    assert is_own("127.0.0.1:8080", None) and is_own("[::1]:8080", "http://[::1]:8080")
    assert not is_own("127.0.0.1:8080", "http://127.0.0.1:8081")  # another server's page
    assert not is_own(None, None) and not is_own("10.0.0.7:8080", None)
    assert is_own("10.0.0.7:8080", "http://10.0.0.7:8080", host="0.0.0.0")
    assert not is_own("10.0.0.7:8080", "http://elsewhere.example", host="0.0.0.0")


def test_a_port_in_use_is_told_or_the_next_is_taken(taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=rf"--port {taken} is in use"):
        open_server(taken)
    monkeypatch.setattr("neurfield.viewer.web.server.PORT", taken)
    server = open_server()
    try:
        assert server.get_port() > taken
    finally:
        close(server)


@pytest.mark.parametrize(
    ("port", "host", "said"),
    [(0, "127.0.0.1", "1 to 65535"), (70000, "127.0.0.1", "1 to 65535"), (None, "nowhere.invalid", "--host")],
)
def test_what_cannot_be_had_is_one_line(port: int | None, host: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        open_server(port, host)


def test_other_interfaces_are_warned_of() -> None:
    server = open_server(host="0.0.0.0")
    try:
        assert any("warning" in line and "without a password" in line for line in words(server))
    finally:
        close(server)


def test_without_viser_it_says_what_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "viser", None)
    with pytest.raises(UserError, match=r"neurfield\[web\]"):
        open_server()
