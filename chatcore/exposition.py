"""What was counted, as Prometheus reads it. Loads `prometheus_client`, so only who is asked for it imports this."""

import platform
import time
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from itertools import accumulate

import django
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.parser import text_string_to_metric_families

from chatcore import metrics
from chatcore.health import Health, Parts

_COUNTERS: tuple[tuple[str, metrics.Counter, str], ...] = (
    ("frames_in", metrics.frames_in, "Frames that sockets have sent"),
    ("messages_stored", metrics.messages_stored, "Messages posted on sockets here that are on disk, repeats left out"),
    ("events_delivered", metrics.events_delivered, "Events that rooms here have delivered to their sockets"),
    ("deliveries", metrics.deliveries, "Writes to sockets, each of one batch of events"),
    ("catchup_pages", metrics.catchup_pages, "Pages of the log for sockets that come (back) and lack events"),
    ("history_reads", metrics.history_reads, "Pages of older messages that people asked for"),
    ("slow_readers", metrics.slow_readers, "Sockets closed because they read too slowly (4008)"),
    ("floods", metrics.floods, "Sockets closed because they sent far too much (4029)"),
    ("sign_ins_refused", metrics.sign_ins_refused, "Sign-ins with a wrong password, or while none is looked at"),
)
_HISTOGRAMS: tuple[tuple[str, metrics.Histogram, str], ...] = (
    ("batch_posts", metrics.batch_posts, "Posts that one transaction took"),
    ("post_to_disk_seconds", metrics.post_to_disk, "From a post's arrival until it is on disk"),
    ("post_to_sockets_seconds", metrics.post_to_sockets, "From a post's arrival until this server's sockets have it"),
    ("clock_round_seconds", metrics.clock_round, "What a round of the clock took"),
    ("clock_lag_seconds", metrics.clock_lag, "How late a round of the clock began"),
    ("event_loop_lag_seconds", metrics.loop_lag, "How late the event loop was"),
)


class Chat:
    """A collector of `prometheus_client`: the counts of this process, and what its parts count for themselves."""

    def __init__(self, parts: Parts, health: Health) -> None:
        self._parts, self._health = parts, health

    def collect(self) -> Iterator[Metric]:
        """All metrics, each named `roomline_...`."""
        for name, counter, text in _COUNTERS:
            yield CounterMetricFamily(f"roomline_{name}", text, value=counter.value)
        for name, histogram, text in _HISTOGRAMS:
            yield _histogram(f"roomline_{name}", text, histogram)
        yield from self._parts_own()
        yield from self._gauges()

    def _parts_own(self) -> Iterator[Metric]:
        bell, lookout = self._parts.bell, self._parts.hub.lookout
        yield _by("code", "refusals", "Refusals: error frames, pages, handshakes", metrics.refusals())
        yield CounterMetricFamily("roomline_rings", "Rings that the channel layer took", value=bell.rung)
        yield CounterMetricFamily("roomline_ring_failures", "Rings that the layer did not take", value=bell.failed)
        ignored = dict(lookout.listener.ignored)
        yield _by("reason", "rings_ignored", "Messages on the channel layer that were not for us", ignored)
        repaired = {"ring": 0, "head": 0, **lookout.repaired}
        yield _by("by", "repairs", "Lost rings made up for from the log, noticed by what", repaired)

    def _gauges(self) -> Iterator[Metric]:
        lookout, (healthy, _) = self._parts.hub.lookout, self._health.report(time.monotonic())
        sockets = GaugeMetricFamily("roomline_sockets", "Open sockets in rooms, by kind", labels=["kind"])
        for kind, count in self._parts.hub.sockets().items():
            sockets.add_metric([kind], count)
        yield sockets
        yield GaugeMetricFamily("roomline_rooms_followed", "Rooms that somebody here is in", value=lookout.rooms)
        yield GaugeMetricFamily("roomline_healthy", "Whether /healthz answers with 200", value=int(healthy))
        layer = int(self._parts.bell.failing)
        yield GaugeMetricFamily("roomline_layer_failing", "Whether the layer fails; the log delivers", value=layer)
        build = GaugeMetricFamily("roomline_build_info", "Versions", labels=["version", "python", "django"])
        build.add_metric([_version(), platform.python_version(), django.__version__], 1)
        yield build


class Gathered:
    """A collector: what several workers have said, each sample with its worker's number."""

    def __init__(self, texts: Mapping[int, bytes | None]) -> None:
        """The workers' texts, of the plain format, by number; None of one that does not answer."""
        self._texts = texts

    def collect(self) -> Iterator[Metric]:
        """Each metric once, with the samples of all."""
        families: dict[str, Metric] = {}
        for number, text in sorted(self._texts.items()):
            for family in text_string_to_metric_families((text or b"").decode()):
                all_of = families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
                for sample in family.samples:
                    all_of.add_sample(sample.name, {"worker": str(number), **sample.labels}, sample.value)
        yield from families.values()
        there = GaugeMetricFamily("roomline_worker_up", "Whether this worker answers", labels=["worker"])
        for number, text in sorted(self._texts.items()):
            there.add_metric([str(number)], int(text is not None))
        yield there


def exposition(parts: Parts, health: Health, accept: str) -> tuple[bytes, str]:
    """All metrics as text and its content type: the one that `accept`, an HTTP header, prefers. For any thread."""
    registry = CollectorRegistry(auto_describe=False)
    ProcessCollector(registry=registry)  # memory, descriptors, CPU: where there is a /proc
    registry.register(Chat(parts, health))
    return _encoded(registry, accept)


def gathered(texts: Mapping[int, bytes | None], accept: str) -> tuple[bytes, str]:
    """As `exposition`, of several workers: what each says for the header "", by number, None of one that is silent."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Gathered(texts))
    return _encoded(registry, accept)


def _encoded(registry: CollectorRegistry, accept: str) -> tuple[bytes, str]:
    encode, content_type = choose_encoder(accept)
    text: bytes = encode(registry)
    return text, content_type


def _version() -> str:
    try:
        return version("django-roomline")
    except PackageNotFoundError:  # it runs from its folder
        return ""


def _by(label: str, name: str, text: str, values: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(f"roomline_{name}", text, labels=[label])
    for word, count in values.items():
        family.add_metric([word], count)
    return family


def _histogram(name: str, text: str, found: metrics.Histogram) -> Metric:
    bounds = [*map(str, found.bounds), "+Inf"]
    return HistogramMetricFamily(
        name, text, buckets=list(zip(bounds, accumulate(found.counts), strict=True)), sum_value=found.total
    )
