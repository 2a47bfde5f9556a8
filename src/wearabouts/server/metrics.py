"""What the server counts, in a registry of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from wearabouts.errors import WearaboutsError

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.04, 0.08, 0.15, 0.3, 0.6, 1.2, 2.5, 5.0, 10.0, 30.0)
STAGES = frozenset({"decode", "encode", "search", "verify", "fetch", "total"})
VITALS: Mapping[str, str] = {
    "recall": "share of the true nearest photos that searches find, of real queries asked again exactly",
    "recall_low": "lower end of the 95 % interval of its recall",
    "recall_high": "upper end of the 95 % interval of its recall",
    "recall_queries": "queries its recall is of",
    "effort": "how many times as far as tuned searches look",
    "delta": "photos newer than the base",
    "buried": "photos in the base that are gone",
    "generation": "number of the base that is searched",
    "age_seconds": "seconds since the last look at what other processes have written",
    "damaged_bases": "bases left because they are damaged",
    "rebuilding": "1 while the next base is being made",
    "commits": "transactions committed since it was opened",
    "writes": "writes in them",
}
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

    def watch_store(self, vitals: Callable[[], Mapping[str, float]]) -> None:
        """Tell what a store tells of itself, asked at each reading: `wearabouts_store_recall` among it."""
        self.registry.register(_Vitals(vitals))

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


class _Vitals(Collector):
    """A store's own figures, as gauges; none where it cannot be read just now."""

    def __init__(self, vitals: Callable[[], Mapping[str, float]]) -> None:
        self._vitals = vitals

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """One gauge a figure."""
        try:
            found = dict(self._vitals())
        except (WearaboutsError, OSError):
            return
        for name, value in found.items():
            told = VITALS.get(name, name.replace("_", " "))
            yield GaugeMetricFamily(f"wearabouts_store_{name}", f"The store: {told}.", value=value)

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Nothing beforehand: which figures there are, the store knows once it is asked."""
        return iter(())


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
