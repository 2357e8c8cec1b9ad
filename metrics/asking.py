"""What the API counts of its requests. A route is its template, so that ids make no series of their own."""

from prometheus_client import Counter, Histogram

REQUESTS = Counter("modiste_http_requests_total", "Requests answered.", ["method", "route", "status"])
REQUEST_SECONDS = Histogram(
    "modiste_http_request_seconds",
    "Time until an answer's last byte was handed over; event streams are left out.",
    ["method", "route"],
    buckets=(0.003, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
PHOTOS_EMBEDDED = Counter("modiste_photos_embedded_total", "Photos that were handed in and went through the network.")
