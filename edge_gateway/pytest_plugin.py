"""Cases as tests of pytest: `pytest_plugins = ["edge_gateway.pytest_plugin"]` in a conftest.py, or `-p` of that name.

Collects `expected.toml` beside a recording and nothing else. What runs a case is imported when one runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from edge_gateway.cases.judge import Line

_FILE = "expected.toml"


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.File | None:
    """Called by pytest for every file that it sees."""
    if file_path.name != _FILE:
        return None
    from edge_gateway.cases.run import is_case  # noqa: PLC0415 - Bytewax and more, which other tests need not

    return _CaseFile.from_parent(parent, path=file_path) if is_case(file_path.parent) else None


class CaseFailed(Exception):  # noqa: N818 - reads as a sentence where it is told
    """Other alarms came than were expected."""

    def __init__(self, lines: tuple[Line, ...]) -> None:
        super().__init__(f"{sum(line.is_wrong for line in lines)} alarms are not as expected")
        self.lines = lines


class _CaseFile(pytest.File):
    def collect(self) -> Iterator[pytest.Item]:
        yield _CaseItem.from_parent(self, name="alarms")


class _CaseItem(pytest.Item):
    def runtest(self) -> None:
        from edge_gateway.cases.run import run_case  # noqa: PLC0415

        result = run_case(self.path.parent)
        if not result.passed:
            raise CaseFailed(result.lines)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        from edge_gateway.cases.expected import CaseRefused  # noqa: PLC0415
        from edge_gateway.cases.show import diff_text  # noqa: PLC0415

        if isinstance(excinfo.value, CaseFailed):
            return f"{excinfo.value}:\n{diff_text(excinfo.value.lines)}"
        if isinstance(excinfo.value, CaseRefused):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, f"case {self.path.parent.name}"
