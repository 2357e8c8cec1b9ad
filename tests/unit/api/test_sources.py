import pytest

from api.sources import public_source


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("TEE-1/a@2x.jpg", "TEE-1/a@2x.jpg"),
        ("sha256:00ff", "sha256:00ff"),
        ("https://img.example/a.jpg?v=3&w=200", "https://img.example/a.jpg?v=3&w=200"),
        ("https://ann:pass@img.example/a.jpg", "https://img.example/a.jpg"),
        ("https://ann@img.example:8443/a.jpg#x", "https://img.example:8443/a.jpg"),
        ("https://b.example/a?X-Amz-Signature=1&X-Amz-Date=2", "https://b.example/a?X-Amz-Signature=***&X-Amz-Date=2"),
        ("https://b.example/a?access_token=1&design=2&ACCESS-KEY=3", "https://b.example/a?access_token=***&design=2&ACCESS-KEY=***"),
        ("https://ann:pass@[bad/a.jpg", "[bad/a.jpg"),
    ],
)  # fmt: skip
def test_a_source_is_shown_without_what_would_let_its_reader_in(source: str, shown: str) -> None:
    assert public_source(source) == shown
