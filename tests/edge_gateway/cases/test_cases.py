"""The example cases, as a command and as tests of pytest."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from edge_gateway.cases.expected import CaseRefused, read_expected
from edge_gateway.cases.run import find_cases, is_case, run_case
from edge_gateway.cli import app
from tests.cases import make

pytest_plugins = ["pytester"]

CASES = Path(__file__).parents[2] / "cases"
NAMES = [folder.name for folder in find_cases(CASES)]


@pytest.fixture
def case(tmp_path: Path) -> Path:
    """A copy of one, to be spoilt."""
    return Path(shutil.copytree(CASES / "hot_motor", tmp_path / "hot_motor"))


def spoil(case: Path, old: str, new: str) -> None:
    file = case / "expected.toml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def command(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["test", *map(str, arguments)])
    return result.exit_code, result.output


def test_there_are_examples() -> None:
    assert NAMES == ["clogged_filter", "hot_motor"]


@pytest.mark.parametrize("name", NAMES)
def test_every_example_passes(name: str) -> None:
    result = run_case(CASES / name)
    assert result.passed, result.lines
    assert result.lines


def test_the_recordings_are_what_the_simulator_makes(tmp_path: Path) -> None:
    make.hot_motor(tmp_path / "r.csv")
    assert (tmp_path / "r.csv").read_bytes() == (CASES / "hot_motor" / "recording.csv").read_bytes()


def test_an_alarm_that_no_longer_comes_fails_with_a_table(case: Path) -> None:
    """The limit was raised: what the case is for."""
    gateway = case / "gateway.toml"
    gateway.write_text(gateway.read_text().replace("hh = 95.0", "hh = 120.0"))
    code, told = command(case)
    assert code == 1
    assert "- missing" in told
    assert "winding.HH" in told
    assert "did not come at all" in told
    assert "0 passed, 1 failed" in told
    code, told = command(case, "--json")
    (one,) = json.loads(told)["cases"]
    assert (code, one["passed"]) == (1, False)
    assert [line["verdict"] for line in one["alerts"]] == ["as expected", "missing"]


def test_update_writes_what_came_and_keeps_the_head(case: Path) -> None:
    before = (case / "expected.toml").read_text()
    (case / "expected.toml").unlink()
    assert not is_case(case)
    assert command(case, "--update")[0] == 0
    assert (case / "expected.toml").read_text() == before
    spoil(case, "winding.HH", "winding.LL")
    spoil(case, 'tolerance = "1s"', 'tolerance = "3s"  # sampled every 5 s\nstates = ["opened", "cleared"]')
    assert command(case)[0] == 1
    assert command(case, "--update")[0] == 0
    after = (case / "expected.toml").read_text()
    assert '"3s"  # sampled every 5 s\nstates' in after
    assert any(one.state == "cleared" and one.at for one in read_expected(case / "expected.toml").alerts)
    assert command(case)[0] == 0


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("opened_at = 2026", "opened_at = 'soon' # 2026", "alerts[0].opened_at"),
        ("tolerance", "tolerence", "tolerence: Extra inputs"),
        ("[[alerts]]", "[[alerts", "is not TOML"),
        ("tolerance =", 'gateway = "none.toml"\ntolerance =', "none.toml"),
        ("tolerance =", 'recording = "none.csv"\ntolerance =', "lacks none.csv"),
    ],
)
def test_a_case_that_cannot_be_run(case: Path, old: str, new: str, told: str) -> None:
    spoil(case, old, new)
    with pytest.raises(CaseRefused) as caught:
        run_case(case)
    assert told in str(caught.value)
    code, output = command(case)
    assert code == 2
    assert "1 not run" in output


def test_no_case_at_all(tmp_path: Path) -> None:
    (tmp_path / "expected.toml").write_text("what = 'is something else'")
    assert command(tmp_path)[0] == 2


def test_as_tests_of_pytest(case: Path, pytester: pytest.Pytester) -> None:
    """Cases beside tests of the user's own, who has a file of the same name that is none of ours."""
    shutil.copytree(case, pytester.path / "good")
    shutil.copytree(case, pytester.path / "spoilt")
    spoil(pytester.path / "spoilt", "00:06:50", "00:07:50")
    pytester.mkdir("theirs")
    (pytester.path / "theirs" / "expected.toml").write_text("answer = 42")
    pytester.makeconftest('pytest_plugins = ["edge_gateway.pytest_plugin"]')
    pytester.makepyfile("def test_mine(): pass")
    result = pytester.runpytest("-p", "no:cacheprovider")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(
        ["*case spoilt*", "2 alarms are not as expected:*", "*- missing*winding.HH*opened 1 min earlier*"]
    )


def test_what_pytest_imports_with_the_plugin_is_little() -> None:
    """A suite without cases must not wait for Bytewax and Arrow."""
    heavy = "{'bytewax', 'pyarrow', 'onnxruntime', 'pydantic', 'numpy'}"
    script = f"import sys, edge_gateway.pytest_plugin; sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", script], check=False, timeout=30).returncode == 0
