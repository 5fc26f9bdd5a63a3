from __future__ import annotations

import pytest

from cloud_sink.uplink.words import Origin, split_url


@pytest.mark.parametrize(
    ("url", "origin", "path"),
    [
        ("https://s3.example", Origin("https", "s3.example", 443), ""),
        ("http://10.0.0.1:9000/", Origin("http", "10.0.0.1", 9000), ""),
        ("https://[::1]:8443/a/b/", Origin("https", "::1", 8443), "/a/b"),
    ],
)
def test_url(url, origin, path):
    assert split_url(url) == (origin, path)


@pytest.mark.parametrize(
    "url",
    [
        "s3.example",
        "ftp://x",
        "https://",
        "https://u:p@x",
        "https://x/?a",
        "https://x/#a",
        "https://x/a b",
        "https://x/é",
        "https://x:port",
        "https://x:99999",
    ],
)
def test_no_url(url):
    with pytest.raises(ValueError, match=r"."):
        split_url(url)


def test_authority():
    assert Origin("https", "x", 443).authority == "x"
    assert Origin("http", "x", 443).authority == "x:443"
    assert str(Origin("https", "::1", 8443)) == "https://[::1]:8443"
