"""modiste's HTTP API as a typed Python client, in the API's own words. The guide is docs/client.md of modiste."""

from modiste_client import answers, errors
from modiste_client.client import Client

__all__ = ["Client", "answers", "errors"]
