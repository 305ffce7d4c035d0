"""`/metrics`: what the instruments show, in Prometheus' text format, over plain HTTP on a port of its own."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from wsgiref.simple_server import WSGIRequestHandler, make_server

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer

CLIENT_SECONDS = 5.0
"""How long somebody who has connected may take to ask."""
_SERVICE_NAME = "service.name"


class _Handler(WSGIRequestHandler):
    """Answers without a line in the log, and leaves whoever does not ask."""

    timeout = CLIENT_SECONDS

    def log_message(self, format: str, *arguments: object) -> None:
        """Says nothing."""


class Scraping:
    """An exporter with a registry of its own; every metric bears the label `service_name`."""

    def __init__(self) -> None:
        """Listens nowhere yet; `reader` is for the meter provider."""
        self._registry = CollectorRegistry(auto_describe=False)
        self.reader = PrometheusMetricReader(
            disable_target_info=True,
            scope_info_enabled=False,
            resource_attribute_filter=lambda key: key == _SERVICE_NAME,
            registry=self._registry,
        )

    def listen(self, host: str, port: int) -> Callable[[], None]:
        """Answers whoever scrapes; returns what ends it. Raises OSError."""

        class Server(ThreadingWSGIServer):
            address_family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]

        server = make_server(host, port, make_wsgi_app(self._registry), Server, _Handler)
        threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()

        def end() -> None:
            server.shutdown()
            server.server_close()

        return end
