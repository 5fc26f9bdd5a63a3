from __future__ import annotations

import pytest

from tests.cloud_sink.peers.moto_server import KEYS, MOTO, serving


@pytest.fixture(scope="module")
def server():
    if not (MOTO / "bin" / "moto_server").exists():
        pytest.skip("moto is not installed: make var/moto/.ready")
    with serving() as origin:
        yield origin


@pytest.fixture
def keys():
    return KEYS
