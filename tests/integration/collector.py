"""An OpenTelemetry collector for tests: it keeps the names of what each service sends."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc


class Collector(trace_service_pb2_grpc.TraceServiceServicer, metrics_service_pb2_grpc.MetricsServiceServicer):
    """Spans and metrics by service; traces by id, with the services that took part and the links between them."""

    def __init__(self) -> None:
        """Has nothing yet."""
        self.endpoint = ""
        self.spans: defaultdict[str, set[str]] = defaultdict(set)
        self.metrics: defaultdict[str, set[str]] = defaultdict(set)
        self.attributes: defaultdict[str, set[str]] = defaultdict(set)
        self.services_in: defaultdict[bytes, set[str]] = defaultdict(set)
        self.linked: set[tuple[str, bytes]] = set()


class _Traces(trace_service_pb2_grpc.TraceServiceServicer):
    def __init__(self, collector: Collector) -> None:
        self._collector = collector

    def Export(self, request: Any, context: Any) -> trace_service_pb2.ExportTraceServiceResponse:
        for resource in request.resource_spans:
            service = _service(resource.resource)
            for span in (span for scope in resource.scope_spans for span in scope.spans):
                self._collector.spans[service].add(span.name)
                self._collector.services_in[span.trace_id].add(service)
                self._collector.attributes[service] |= {each.key for each in span.attributes}
                self._collector.linked |= {(service, link.trace_id) for link in span.links}
        return trace_service_pb2.ExportTraceServiceResponse()


class _Metrics(metrics_service_pb2_grpc.MetricsServiceServicer):
    def __init__(self, collector: Collector) -> None:
        self._collector = collector

    def Export(self, request: Any, context: Any) -> metrics_service_pb2.ExportMetricsServiceResponse:
        for resource in request.resource_metrics:
            names = {metric.name for scope in resource.scope_metrics for metric in scope.metrics}
            self._collector.metrics[_service(resource.resource)] |= names
        return metrics_service_pb2.ExportMetricsServiceResponse()


def _service(resource: Any) -> str:
    return str(next(each.value.string_value for each in resource.attributes if each.key == "service.name"))


@contextmanager
def collecting() -> Iterator[Collector]:
    """Listens on a free port for as long as the block lasts."""
    collector = Collector()
    server = grpc.server(ThreadPoolExecutor(2))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(_Traces(collector), server)
    metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server(_Metrics(collector), server)
    collector.endpoint = f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield collector
    finally:
        server.stop(1)
