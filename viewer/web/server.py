"""The server of a page: which interface and port it is on, who may read it, and what is said of it."""

from __future__ import annotations

import contextlib
import getpass
import io
import socket
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

from neurfield.errors import UserError
from neurfield.optional import require

LOOPBACK = "127.0.0.1"
PORT = 8080  # and the next ones, where it is in use and nobody asked for it
_TRIED = 100
_OF_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def open_server(port: int | None = None, host: str = LOOPBACK) -> Any:
    """A server of viser with an empty scene; it runs in threads of its own, until `stop()`.

    Pages of others that the same browser has open are refused: they could read what is shown. Sharing by a
    tunnel through somebody else's server, which the page could ask for, is refused, too.

    Args:
        port: that is asked for; None: `PORT`, or the next that is free.
        host: the interface.

    Raises:
        UserError: viser is not there, the port is in use or cannot be had, or the host is not this machine's.
    """
    viser = require("viser", extra="web")
    chosen = _free_port(host, port)
    with _quiet(), _own_pages_only(host):
        server = viser.ViserServer(host=host, port=chosen, label="neurfield", verbose=False)
    server.request_share_url = lambda verbose=True: None
    server.gui.configure_theme(
        control_width="medium", show_logo=False, show_share_button=False, brand_color=(70, 98, 120)
    )
    server.gui.main_panel.dock_right()  # beside the scene, not on it
    return server


def close(server: Any) -> None:
    """End a server, without the line that viser prints."""
    with _quiet():
        server.stop()


def address(server: Any) -> str:
    """What is typed into a browser on this machine."""
    host = server.get_host()
    name = {"0.0.0.0": socket.gethostname(), "::": socket.gethostname()}.get(host, host)
    return f"http://{f'[{name}]' if ':' in name else name}:{server.get_port()}"


def words(server: Any) -> list[str]:
    """Lines that say where the page is, and how it is seen from elsewhere."""
    port, host = server.get_port(), server.get_host()
    lines = [f"page     {address(server)}"]
    if host in _OF_LOOPBACK:
        there = f"{getpass.getuser()}@{socket.gethostname()}"
        lines.append(f"from elsewhere: ssh -L {port}:{LOOPBACK}:{port} {there}, then http://localhost:{port}")
    else:
        lines.append(
            f"warning: --host {host}: whoever reaches this machine's port {port} sees all of it, without a "
            "password and in clear; leave --host out to keep it to this machine"
        )
    return lines


def _free_port(host: str, port: int | None) -> int:
    if port is not None and not 0 < port < 65536:
        raise UserError(f"--port {port}: a port is a number from 1 to 65535")
    for tried in range(PORT, PORT + _TRIED) if port is None else [port]:
        try:
            family, kind, proto, _, where = socket.getaddrinfo(host, tried, type=socket.SOCK_STREAM)[0]
            with socket.socket(family, kind, proto) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(where)
            return tried
        except socket.gaierror:
            raise UserError(f"--host {host}: no interface of this machine has that address") from None
        except PermissionError:
            raise UserError(
                f"--port {tried}: only an administrator may have it: take one from 1024 on"
            ) from None
        except OverflowError:
            raise UserError(f"--port {tried}: a port is a number from 1 to 65535") from None
        except OSError as error:
            if error.errno == 99:  # EADDRNOTAVAIL
                raise UserError(f"--host {host}: no interface of this machine has that address") from None
    if port is None:
        raise UserError(f"all ports from {PORT} to {PORT + _TRIED - 1} are in use: name one with --port")
    raise UserError(f"--port {port} is in use: name another, or leave it out for the next that is free")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without what viser prints when it starts and ends."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield


@contextlib.contextmanager
def _own_pages_only(host: str) -> Iterator[None]:
    """Servers that start in here answer none but their own pages."""
    module = require("websockets.asyncio.server", extra="web")
    serve = module.serve

    def guarded(*args: Any, process_request: Callable[..., Any], **options: Any) -> Any:
        def answer(connection: Any, request: Any) -> Any:
            if not is_own(request.headers.get("Host"), request.headers.get("Origin"), host):
                return connection.respond(403, "this page is shown to its own address alone\n")
            return process_request(connection, request)

        return serve(*args, process_request=answer, **options)

    module.serve = guarded  # type: ignore[attr-defined]
    try:
        yield
    finally:
        module.serve = serve  # type: ignore[attr-defined]


def is_own(asked: str | None, origin: str | None, host: str = LOOPBACK) -> bool:
    """Whether a request comes from the server's own page, or from no page.

    Args:
        asked: the request's Host, "name:port"; on loopback a name of loopback, so that no other name can be
            led there.
        origin: where the page is from that asks; None: it is none.
        host: that the server is on.
    """
    if asked is None:
        return False
    if host in _OF_LOOPBACK and urlsplit(f"//{asked}").hostname not in _OF_LOOPBACK:
        return False
    return origin is None or urlsplit(origin).netloc == asked
