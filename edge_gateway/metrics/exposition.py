"""The samples as Prometheus reads them; the one file that knows its library."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from math import inf

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from typing_extensions import override

from edge_gateway.metrics.samples import Buckets, Sample
from edge_gateway.metrics.table import METRICS, Metric

Family = CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily


class GatewayCollector(Collector):
    """Reads the statuses at each scrape."""

    def __init__(self, look: Callable[[], Iterable[Sample | Buckets]]) -> None:
        """Nothing is read yet.

        Args:
            look: Everything as of now.
        """
        self._look = look

    @override
    def collect(self) -> Iterator[Family]:
        families = {metric.name: _family(metric) for metric in METRICS}
        for sample in self._look():
            family = families[sample.metric]
            if isinstance(sample, Buckets):
                assert isinstance(family, HistogramMetricFamily)
                upto = [("+Inf" if bound == inf else repr(bound), count) for bound, count in sample.upto]
                family.add_metric(list(sample.labels), upto, sample.sum)
            else:
                assert not isinstance(family, HistogramMetricFamily)
                family.add_metric(list(sample.labels), float(sample.value))
        yield from (family for family in families.values() if family.samples)


def expose(look: Callable[[], Iterable[Sample | Buckets]], accept: str) -> tuple[bytes, str]:
    """The text of a scrape and its content type.

    Args:
        look: Everything as of now.
        accept: What the scraper says it reads; the text format 0.0.4 where it does not say.
    """
    registry = CollectorRegistry(auto_describe=False)  # of our own: the library's global one counts its process, too
    registry.register(GatewayCollector(look))
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


def _family(metric: Metric) -> Family:
    if metric.kind == "histogram":
        return HistogramMetricFamily(metric.name, metric.meaning, labels=metric.labels)
    kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    return kind(metric.name, metric.meaning, labels=metric.labels)
