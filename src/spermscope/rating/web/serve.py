"""Serve a study to browsers until it is stopped."""

from __future__ import annotations

import ipaddress
import signal
import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from spermscope.rating.opening import Study
from spermscope.rating.values import Role
from spermscope.rating.web.app import LOOPBACK, make_app

MOST_CONNECTIONS = 1000
GRACE_S = 5


def serve(
    study: Study,
    *,
    host: str = "127.0.0.1",
    port: int = 8765,
    certificate: Path | None = None,
    key: Path | None = None,
    roles: Sequence[Role] | None = None,
    told: Callable[[str], None] = print,
) -> None:
    """Serve ``study`` until Ctrl-C or the end of the process is asked for; ``told`` gets the lines for the console.

    Port 0 takes a free one. ``roles`` get a link to join each; by default the first coordinator does, or a package's
    rater. With ``certificate`` and its ``key`` (PEM files) it speaks TLS and nothing else.

    Raises
    ------
    ValueError
        When only one of certificate and key is given, or they are no pair.
    OSError
        When the address cannot be bound, or a file is not there.
    """

    def lines(address: str, sheltered: bool) -> list[str]:
        return greeting(study, address, needed(study) if roles is None else roles, sheltered)

    run(partial(make_app, study), lines, told, host=host, port=port, certificate=certificate, key=key)


def run(
    app: Callable[..., FastAPI],
    lines: Callable[[str, bool], list[str]],
    told: Callable[[str], None],
    *,
    host: str,
    port: int,
    certificate: Path | None,
    key: Path | None,
) -> None:
    """Serve what ``app(secure=, hosts=)`` makes; ``lines(address, sheltered)`` are told once it can be reached."""
    if (certificate is None) != (key is None):
        raise ValueError("serve: expected a certificate and its key, found one of them")
    secure = certificate is not None
    served = app(secure=secure, hosts=LOOPBACK if is_loopback(host) else ("*",))
    config = uvicorn.Config(
        served,
        ssl_certfile=certificate,
        ssl_keyfile=key,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=GRACE_S,
    )
    try:
        config.load()
    except ssl.SSLError as error:
        raise ValueError(
            f"{certificate}, {key}: expected a certificate and its own key without a passphrase, in PEM, "
            f"found something else ({error})"
        ) from error
    with _listening(host, port) as door:
        address = f"{'https' if secure else 'http'}://{_named(host)}:{door.getsockname()[1]}"
        served.state.address = "" if is_loopback(host) else address
        for line in lines(address, secure or is_loopback(host)):
            told(line)
        _until_stopped(uvicorn.Server(config), door)


def needed(study: Study) -> tuple[Role, ...]:
    """Who has to join before anyone can go on."""
    role: Role = "rater" if study.file.pseudonym else "coordinator"
    return () if any(name.startswith(role[0].upper()) for name in study.names()) else (role,)


def greeting(study: Study, address: str, roles: Sequence[Role], sheltered: bool) -> list[str]:
    """Where the study is, links to join, and a warning where words travel openly."""
    lines = [f"{study.folder}: rated at {address} (Ctrl-C stops; what was voted is kept)"]
    lines += [f"a {role} joins, once, at {address}/enter#code={study.invite(role)}" for role in roles]
    if not sheltered:
        lines.append("without TLS passphrases and votes cross the network readable: give --certificate and --key")
    return lines


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches ``host``."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _listening(host: str, port: int) -> socket.socket:
    """Answers leave at once: asyncio says so only of sockets that name their protocol, and waits 40 ms else."""
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    try:
        door = socket.create_server(address[:2], family=family)
    except OSError as error:
        raise OSError(f"{host}:{port}: expected a free address of this machine: {error.strerror}") from error
    door.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return door


def _named(host: str) -> str:
    """The host as it stands in an address; of all interfaces, this machine's name."""
    if host in ("0.0.0.0", "::"):
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host


def _until_stopped(server: uvicorn.Server, door: socket.socket) -> None:
    """Run; an asked-for end is no error, so that the study is closed behind it."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        server.run(sockets=[door])
    except KeyboardInterrupt:
        return
