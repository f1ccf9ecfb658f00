"""RAY_ADDRESS is looked at before anything takes time."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from orchestrator.schedule import address
from orchestrator.schedule.address import check_address
from tests.support.errors import refused

SETTINGS = bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address, "PATIENCE", 0.5)
    monkeypatch.delenv("RAY_USE_TLS", raising=False)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as found:
        yield found


def at(listener: socket.socket) -> str:
    return f"127.0.0.1:{listener.getsockname()[1]}"


def answering(listener: socket.socket, answer: bytes) -> None:
    def answer_once() -> None:
        one, _ = listener.accept()
        with one:
            one.recv(100)
            one.sendall(answer)

    threading.Thread(target=answer_once, daemon=True).start()


@pytest.mark.parametrize("place", ["http://head:8265", "https://u:pa55@head:8265/"])
def test_the_dashboards_address_is_told_from_a_clusters(place: str) -> None:
    with refused("dashboard-address") as caught:
        check_address(place)
    assert "pa55" not in str(caught.value)


@pytest.mark.parametrize("place", ["head", "head:", ":6379", "head:x", "head:0", "head:99999", "head:²"])
def test_what_is_no_address_is_said(place: str) -> None:
    with refused("no-address"):
        check_address(place)


def test_a_place_where_nothing_listens_is_refused_in_time(listener: socket.socket) -> None:
    place = at(listener)
    listener.close()
    began = time.monotonic()
    with refused("nobody-there"):
        check_address(place)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-x\r\n"])
def test_what_listens_but_is_no_ray_is_refused(listener: socket.socket, answer: bytes) -> None:
    answering(listener, answer)
    with refused("nobody-there"):
        check_address(at(listener))


def test_what_never_answers_is_refused(listener: socket.socket) -> None:
    with refused("nobody-there"):
        check_address(at(listener))


@pytest.mark.parametrize("scheme", ["", "ray://"])
def test_a_head_is_accepted(listener: socket.socket, scheme: str) -> None:
    answering(listener, SETTINGS)
    check_address(scheme + at(listener))


@pytest.mark.parametrize("place", ["", "local", "auto"])
def test_without_an_address_there_is_nothing_to_look_at(place: str) -> None:
    check_address(place)
