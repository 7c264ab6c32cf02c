"""What the service counts, for GET /metrics. Names carry their unit; totals never fall while it runs.

Counters are plain additions on the event loop; everything that can be read off the pool or the process is
collected when somebody asks, so a request pays for a handful of additions only.
"""

from collections.abc import Callable, Iterable, Mapping

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

BCRYPT_BUCKETS_MS = (1, 2, 5, 10, 25, 50, 100, 200, 300, 500, 1000, 2500)
CONTENT_TYPE = prometheus_client.CONTENT_TYPE_LATEST


class PoolFigures(Collector):
    """Reads the figures of the connection pool at the moment of the scrape."""

    _GAUGES: Mapping[str, str] = {
        "max_connections": "most connections the pool may open",
        "active_connections": "connections in use",
        "idle_connections": "connections waiting for work",
        "waiting_requests": "requests waiting for a connection",
    }
    _TOTALS: Mapping[str, str] = {
        "waits": "requests that had to wait for a connection",
        "wait_ms": "milliseconds spent getting connections",
        "errors": "requests that got no connection, and connections that could not be opened",
    }

    def __init__(self, figures: Callable[[], Mapping[str, float]]) -> None:
        self._figures = figures

    def collect(self) -> Iterable[Metric]:
        found = self._figures()
        for name, text in self._GAUGES.items():
            yield GaugeMetricFamily(f"lab_pool_{name}", text, found[name])
        for name, text in self._TOTALS.items():
            yield CounterMetricFamily(f"lab_pool_{name}", text, found[name])


class Metrics:
    """All figures of one service, in a registry of their own."""

    def __init__(self) -> None:
        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.started = self._labelled("lab_requests_started", "requests read", "endpoint")
        self.finished = self._labelled("lab_requests", "requests answered", "endpoint", "status")
        self.cache_hits = self._total("lab_cache_hits", "accounts found in the cache")
        self.cache_misses = self._total("lab_cache_misses", "accounts not found in the cache")
        self.cache_errors = self._total("lab_cache_errors", "cache operations that failed")
        self.cache_get_ms = self._total("lab_cache_get_ms", "milliseconds spent reading the cache")
        self.cache_set_ms = self._total("lab_cache_set_ms", "milliseconds spent writing the cache")
        self.cache_sets = self._total("lab_cache_sets", "accounts written to the cache")
        self.cache_pool = Gauge(
            "lab_cache_pool_max_connections",
            "most connections to the cache, 0 when off",
            registry=self.registry,
        )
        self.bcrypt_ms = Histogram(
            "lab_bcrypt_duration_ms",
            "milliseconds from asking for a password check to its answer",
            buckets=BCRYPT_BUCKETS_MS,
            registry=self.registry,
        )
        self.bcrypt_ms_total = self._total("lab_bcrypt_ms", "milliseconds spent checking passwords")
        self.bcrypt_checks = self._total("lab_bcrypt_checks", "passwords checked")
        self.lock_wait_ms = self._total("lab_lock_wait_ms", "milliseconds spent waiting for the storage lock")
        self.lock_waits = self._total("lab_lock_waits", "times the storage lock was asked for")
        self.lock_timeouts = self._total("lab_lock_timeouts", "times the storage lock was not got in time")

    def add_bcrypt(self, elapsed_ms: float) -> None:
        self.bcrypt_ms.observe(elapsed_ms)
        self.bcrypt_ms_total.inc(elapsed_ms)
        self.bcrypt_checks.inc()

    def text(self) -> bytes:
        """Prometheus text format."""
        return prometheus_client.generate_latest(self.registry)

    def _total(self, name: str, text: str) -> Counter:
        return Counter(name, text, registry=self.registry)

    def _labelled(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, registry=self.registry)
