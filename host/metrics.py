"""What is counted, as plain numbers on the way and as Prometheus text when somebody asks."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from host.pool import Pool

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)  # seconds


class Histogram:
    """Seconds, sorted into buckets."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.total = 0.0

    def observe(self, seconds: float) -> None:
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds

    def buckets(self) -> list[tuple[str, float]]:
        """Cumulative, as Prometheus wants them."""
        seen, out = 0, []
        for bound, count in zip((*map(str, BOUNDS), "+Inf"), self.counts, strict=True):
            seen += count
            out.append((bound, float(seen)))
        return out


class FunctionMetrics:
    """The counters of one function; gauges are read off its pool at the time of asking."""

    __slots__ = ("answers", "cold", "exits", "refused", "starts", "wake", "warm")

    def __init__(self) -> None:
        self.starts = 0
        self.exits: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.answers: dict[int, int] = {}
        self.warm = Histogram()
        self.cold = Histogram()
        self.wake = Histogram()

    def answered(self, status: int, seconds: float, cold: bool) -> None:
        """The head of an answer came `seconds` after the call arrived; `cold` when it waited for a process to
        start.
        """
        self.answers[status] = self.answers.get(status, 0) + 1
        (self.cold if cold else self.warm).observe(seconds)


class HostCollector:
    """Makes the metric families of all pools; prometheus_client asks it at each scrape."""

    def __init__(self, pools: Iterable[Pool], gauges: dict[str, Any]) -> None:
        """`gauges`: name without prefix -> a callable that says the number, for what is not a function's."""
        self._pools = pools
        self._gauges = gauges

    def collect(self) -> Iterator[Any]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

        def counter(name: str, text: str, label: str, of: str) -> Any:
            labels = ["function", label] if label else ["function"]
            family = CounterMetricFamily(f"bizosaas_function_{name}", text, labels=labels)
            for pool in self._pools:
                values = getattr(pool.metrics, of)
                for key, value in values.items() if label else (("", values),):
                    family.add_metric([pool.function.name, *([str(key)] if label else [])], value)
            return family

        def gauge(name: str, text: str, of: str) -> Any:
            family = GaugeMetricFamily(f"bizosaas_function_{name}", text, labels=["function"])
            for pool in self._pools:
                family.add_metric([pool.function.name], getattr(pool, of))
            return family

        def histogram(name: str, text: str, of: str) -> Any:
            family = HistogramMetricFamily(f"bizosaas_function_{name}_seconds", text, labels=["function"])
            for pool in self._pools:
                seconds: Histogram = getattr(pool.metrics, of)
                if any(seconds.counts):
                    family.add_metric([pool.function.name], seconds.buckets(), seconds.total)
            return family

        yield counter("starts", "Processes started", "", "starts")
        yield counter("exits", "Processes ended, by why", "reason", "exits")
        yield counter("refused", "Calls refused before a process got them, by why", "reason", "refused")
        yield counter("answers", "Answers of the function, by HTTP status", "status", "answers")
        yield gauge("in_flight", "Calls that a process has now", "in_flight")
        yield gauge("waiting", "Calls that wait for a process now", "waiting_calls")
        yield gauge("processes", "Processes that live now", "living")
        yield histogram("warm_latency", "From a call's arrival to its answer's head, process awake", "warm")
        yield histogram("cold_latency", "From a call's arrival to its answer's head, process asleep", "cold")
        yield histogram("wake", "From the wish for a process to its readiness", "wake")
        for name, read in self._gauges.items():
            yield GaugeMetricFamily(f"bizosaas_host_{name}", name.replace("_", " "), value=read())


def render(pools: Iterable[Pool], gauges: dict[str, Any]) -> bytes:
    """The Prometheus text of everything."""
    from prometheus_client import CollectorRegistry, generate_latest

    registry = CollectorRegistry(auto_describe=False)
    registry.register(HostCollector(pools, gauges))
    return generate_latest(registry)
