"""The notebook runs from top to bottom, and what is stored in it could have been made anywhere."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

import models

NOTEBOOK = Path(models.__file__).parent / "train_a_model.ipynb"


def outputs(notebook: Any) -> list[Any]:
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def test_it_is_whole_and_names_no_machine() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert not [output for output in outputs(notebook) if output.output_type == "error"]
    told = json.dumps(outputs(notebook)).replace("http://www.w3.org/2000/svg", "").replace("</", "<")
    assert re.findall(r"(?:^|[\s\"'(=])(/[\w.-]+/[\w./-]+)", told) == []
    assert notebook.metadata.keys() == {"kernelspec", "language_info"}


@pytest.mark.integration
@pytest.mark.slow
def test_it_runs(tmp_path: Path) -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    stored = [output.get("text", "") for output in outputs(notebook)]
    NotebookClient(
        notebook, timeout=100, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    told = [output.get("text", "") for output in outputs(notebook)]
    assert len(told) == len(stored)
    assert told[:2] == stored[:2]  # samples and rows; beyond, a digit may depend on the libraries
    assert "scores the same: True" in told[-1]
    assert any("  head " in text for text in told)
