"""What the server counts, in a registry of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.04, 0.08, 0.15, 0.3, 0.6, 1.2, 2.5, 5.0, 10.0, 30.0)
STAGES = frozenset({"decode", "encode", "search", "verify", "fetch", "total"})
METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE"})


class Metrics:
    """Counters of one app."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "wearabouts_requests", "Requests answered.", ("route", "method", "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "wearabouts_request_seconds",
            "Time from the headers to the end of the response.",
            ("route",),
            buckets=SECONDS,
            registry=self.registry,
        )
        self.stages = Histogram(
            "wearabouts_stage_seconds",
            "Time of one stage of a search.",
            ("stage",),
            buckets=SECONDS,
            registry=self.registry,
        )
        self.verdicts = Counter(
            "wearabouts_verdicts", "Answers by what they say of the first match.", ("verdict",), registry=self.registry
        )
        self.refusals = Counter(
            "wearabouts_refusals", "Requests answered with an error.", ("status",), registry=self.registry
        )
        self._in_flight = Gauge("wearabouts_searches_in_flight", "Searches running or waiting.", registry=self.registry)

    def watch(self, busy: Callable[[], float]) -> None:
        """Read the searches in flight from a function."""
        self._in_flight.set_function(busy)

    def timed(self, timings: Mapping[str, float]) -> None:
        """Count the stages of one answer, given in milliseconds."""
        for stage, milliseconds in timings.items():
            if stage in STAGES:
                self.stages.labels(stage).observe(milliseconds / 1000)

    def judged(self, verdict: str | None) -> None:
        """Count what one answer said; an answer without a verdict is not counted."""
        if verdict is not None:
            self.verdicts.labels(verdict).inc()

    def render(self) -> bytes:
        """Everything, in the text format of Prometheus."""
        return generate_latest(self.registry)


class MetricsMiddleware:
    """Counts and times every request under the pattern of its route, never its address: labels must stay few."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run one request and count it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status = 500
        started = time.perf_counter()

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, watched)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            method = scope["method"] if scope["method"] in METHODS else "other"
            self.metrics.requests.labels(route, method, str(status)).inc()
            self.metrics.seconds.labels(route).observe(time.perf_counter() - started)
            if status >= 400:
                self.metrics.refusals.labels(str(status)).inc()
