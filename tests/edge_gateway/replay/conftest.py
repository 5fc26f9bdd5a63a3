from __future__ import annotations

from pathlib import Path

import pytest

from connectors.recording import write_recording
from tests.edge_gateway.replay.mill import make_gateway, minute


@pytest.fixture(scope="session")
def mill(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with gateway.toml, its model, and a recording; to be copied by whoever changes it."""
    folder = tmp_path_factory.mktemp("mill")
    make_gateway(folder)
    write_recording(folder / "r.parquet", minute())
    return folder
