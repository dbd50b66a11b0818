# SPDX-License-Identifier: MIT
import asyncio
import errno
import json
import socket
import threading
import urllib.error
import urllib.request

import pytest

BASE = "http://localhost:8123"
pytestmark = pytest.mark.usefixtures("server")


def get(path):
    with urllib.request.urlopen(BASE + path, timeout=60) as answer:
        return json.load(answer)


def post(text):
    with urllib.request.urlopen(BASE + "/notes", text.encode(), timeout=60) as answer:
        return json.load(answer)


def test_the_server_that_answers_is_ours(server):
    assert get("/health") == {"pid": server.pid, "port": 8123}


def test_notes_are_kept():
    answer = post("buy rope")
    assert answer["from"] == "127.0.0.1"
    assert get("/notes")[answer["count"] - 1] == "buy rope"


def test_unknown_page():
    with pytest.raises(urllib.error.HTTPError) as caught:
        get("/nothing")
    assert caught.value.code == 404


def test_a_slow_answer_does_not_hold_up_others():
    answers = []
    slow = threading.Thread(target=lambda: answers.append(get("/slow")))
    slow.start()
    answers.append(get("/health")["port"])
    slow.join()
    assert answers == [8123, "done"]


def test_the_socket_knows_both_ends():
    with socket.create_connection(("localhost", 8123), 60) as client:
        assert client.getpeername() == ("127.0.0.1", 8123)
        assert client.getsockname()[1] not in (0, 8123)
        client.sendall(b"GET /notes HTTP/1.0\r\n\r\n")
        assert client.makefile("rb").readline() == b"HTTP/1.1 200 OK\r\n"


def test_the_port_is_taken():
    with socket.socket() as second:
        with pytest.raises(OSError) as caught:
            second.bind(("127.0.0.1", 8123))
    assert caught.value.errno == errno.EADDRINUSE


def test_the_feed_tells_every_client():
    async def listen():
        clients = [await asyncio.open_connection("localhost", 8124) for _ in range(3)]
        lines = [await reader.readline() for reader, _ in clients]
        await asyncio.to_thread(post, "cast off")
        lines += [await reader.readline() for reader, _ in clients]
        for _, writer in clients:
            writer.close()
        return lines

    assert asyncio.run(asyncio.wait_for(listen(), 60)) == [b"welcome\n"] * 3 + [b"cast off\n"] * 3


def test_nobody_answers_on_a_port_without_a_server():
    with socket.socket() as client:
        assert client.connect_ex(("127.0.0.1", 8125)) == errno.ECONNREFUSED
