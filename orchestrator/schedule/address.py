"""RAY_ADDRESS, looked at before anything takes time: whether it is a cluster's, and whether that is there."""

import os
import socket
import time
from contextlib import suppress

from orchestrator.schedule.cluster import ClusterError
from orchestrator.util.redact import redacted

PATIENCE = 10.0
"""Seconds that a head may take to answer, once or in several attempts."""

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
"""Of HTTP/2 (RFC 9113, section 3.4), with empty settings; a server of gRPC answers with its settings."""
_SETTINGS = 4


def check_address(address: str | None = None) -> None:
    """Refuse an address at which no head of a Ray cluster is.

    Args:
        address: RAY_ADDRESS if None. "local" and "auto" are none that could be looked at.

    Raises:
        ClusterError: it is no address, the dashboard's, or nothing that is Ray answers there.
    """
    address = address if address is not None else os.environ.get("RAY_ADDRESS", "")
    if address in ("", "local", "auto"):
        return
    if address.startswith(("http://", "https://")):
        raise ClusterError(
            f"RAY_ADDRESS = {redacted(address)} is the address of a dashboard, which takes jobs "
            "(ray job submit --address); the cluster itself is joined at its head: RAY_ADDRESS=HOST:6379, or "
            "whatever port `ray start --head` named",
            code="dashboard-address",
        )
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ClusterError(
            f"RAY_ADDRESS = {redacted(address)} is no address: write HOST:PORT, such as 10.0.0.1:6379",
            code="no-address",
        )
    if (reason := _absent(host.strip("[]"), int(port))) is not None:
        raise ClusterError(
            f"no Ray cluster answers at RAY_ADDRESS = {redacted(address)}: {reason}. Check the address, and "
            "that the head is up (ray start --head); without RAY_ADDRESS, Ray starts on this machine",
            code="nobody-there",
        )


def _absent(host: str, port: int) -> str | None:
    """Why there is no head, after some attempts."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            with socket.create_connection((host, port), timeout=PATIENCE / 2) as one:
                return None if os.environ.get("RAY_USE_TLS", "0") != "0" else _not_ray(one)
        except OSError as error:
            if time.monotonic() + 1 > end:
                return str(error.strerror or error)
        time.sleep(1)


def _not_ray(one: socket.socket) -> str | None:
    answer = b""
    with suppress(OSError):
        one.settimeout(PATIENCE)
        one.sendall(_PREFACE)
        while len(answer) < 4 and (part := one.recv(9)):
            answer += part
    return None if answer[3:4] == bytes([_SETTINGS]) else "what listens there is no Ray"
