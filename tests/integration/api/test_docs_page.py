import re

from starlette.testclient import TestClient


def test_the_page_that_tries_routes_loads_nothing_from_elsewhere(client: TestClient) -> None:
    page = client.get("/docs")
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(loaded) >= 3
    for address in loaded:
        assert address.startswith("/"), f"{address} lies elsewhere"
        assert client.get(address).status_code == 200
