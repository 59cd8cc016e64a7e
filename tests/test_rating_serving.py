"""Answers leave the server at once."""

import socket

from spermscope.rating.web.serve import _listening


def test_a_connection_holds_no_answer_back():
    with _listening("127.0.0.1", 0) as door, socket.create_connection(door.getsockname()) as page:
        server, _ = door.accept()
        with server:
            assert server.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            assert page.getpeername() == door.getsockname()
