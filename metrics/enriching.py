"""What a worker counts while it enriches. Outcomes are counted a shard at a time."""

from prometheus_client import Counter, Histogram

PHOTOS = Counter(
    "modiste_photos_total",
    "Photos that came to an end in a shard that was written: enriched, recognised, quarantined, or put off.",
    ["outcome", "reason"],
)
STAGE_SECONDS = Histogram(
    "modiste_stage_seconds",
    "Time in a stage of the pipeline: fetch and decode of a photo, infer of a batch, write of a shard.",
    ["stage"],
    buckets=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0),
)
FETCH, DECODE, INFER, WRITE = (STAGE_SECONDS.labels(stage) for stage in ("fetch", "decode", "infer", "write"))
BATCH_FILL = Histogram(
    "modiste_batch_fill_ratio",
    "Photos in a batch that went through the network, of those that the network takes at once.",
    buckets=(0.125, 0.25, 0.5, 0.75, 0.9, 1.0),
)
SHARDS = Counter(
    "modiste_shards_total",
    "Shards that a worker let go: done, lost to another worker, given back by a stopping one, or failed.",
    ["lane", "outcome"],
)
LEASES_EXPIRED = Counter(
    "modiste_leases_expired_total", "Shards that this process' sweep took back from workers that vanished."
)
