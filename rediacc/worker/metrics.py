"""Metrics of a worker's home over HTTP, for Prometheus: off unless asked for."""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Callable
from typing import Any

from rediacc.monitoring.exposition import registry_of
from rediacc.monitoring.measures import Measures
from rediacc.worker.log import LOG

__all__ = ["MetricsEndpoint"]


class MetricsEndpoint:
    """Serves metrics at one address. Where several workers want it, one has it at a time.

    :param read: reads the measures for a scrape.
    """

    def __init__(self, host: str, port: int, read: Callable[[], Measures]) -> None:
        self._host = host
        self._port = port
        self._read = read
        self._server: Any = None
        self._thread: threading.Thread | None = None
        self._has_told = False

    def ensure(self) -> None:
        """Serve, unless this worker does already or another one has the address."""
        if self._server is not None:
            return
        from prometheus_client import start_http_server

        try:
            self._server, self._thread = start_http_server(
                self._port, addr=self._host, registry=registry_of(self._read)
            )
        except OSError as exc:
            if not self._has_told:
                LOG.warning("metrics are not served here: %s", exc, extra=self._context())
            self._has_told = True
            return
        LOG.info("metrics are served", extra=self._context())
        if not _is_loopback(self._host):
            LOG.warning(
                "whoever reaches this address can read the metrics: they ask for no password",
                extra=self._context(),
            )

    def close(self) -> None:
        """Serve no more."""
        server, self._server = self._server, None
        if server is None:
            return
        server.shutdown()
        server.server_close()
        if self._thread is not None:
            self._thread.join()

    def _context(self) -> dict[str, Any]:
        return {"context": {"host": self._host, "port": self._port}}


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
