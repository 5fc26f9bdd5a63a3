from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from rich.console import Console

import flows
from edge_gateway.check import describe
from edge_gateway.config.load import load
from edge_gateway.config.problems import ConfigRejected
from edge_gateway.rule_sets import rule_sets
from flows.alarm_settings import AlarmSettings
from flows.rules import Deviation, Limit, RateOfChange, Silence, Stuck

PLANT = """
[gateway]
site = "riverside"
name = "gw-1"
data = "data"
[[modbus]]
name = "press"
host = "127.0.0.1"
[[modbus.tags]]
asset = "pump-1"
tag = "flow"
address = "holding:100:float32"
unit = "m3/h"
[[modbus.tags]]
asset = "pump-1"
tag = "flow_2"
address = "holding:102:float32"
unit = "m3/h"
[[modbus.tags]]
asset = "pump-2"
tag = "flow"
address = "holding:104:float32"
[[target]]
kind = "file"
path = "cloud"
"""
HEAD = '[[rules]]\nassets = ["pump-1"]\ntag = "flow"\n'


def write(folder: Path, text: str) -> Path:
    path = folder / "gateway.toml"
    path.write_text(PLANT + text)
    return path


def problems(folder: Path, text: str) -> list[str]:
    with pytest.raises(ConfigRejected) as caught:
        load(write(folder, text))
    return [str(problem) for problem in caught.value.problems]


ALL = """
[[rules]]
assets = ["pump-1", "pump-2"]
tag = "flow"
kind = "limit"
hh = 12
h = 10.0
ll = 1.0
deadband = 0.5
on_delay = "2s"
off_delay = "1min"
latch = true
suppressed_by = ["flow.silence"]
[[rules]]
assets = ["pump-1"]
tag = "flow"
kind = "rate"
rise = 2.0
[[rules]]
assets = ["pump-1"]
tag = "flow"
kind = "stuck"
unchanged_for = "30min"
tolerance = 0.01
[[rules]]
assets = ["pump-2", "pump-1"]
tag = "flow"
kind = "silence"
silent_for = "30s"
severity = "alarm"
[[rules]]
assets = ["pump-1"]
tag = "flow"
name = "meters"
kind = "deviation"
other_tag = "flow_2"
tolerance = 0.5
max_age = "5s"
"""


def test_rules_and_how_their_alarms_behave_are_found_by_asset(tmp_path: Path) -> None:
    sets = rule_sets(load(write(tmp_path, ALL)))
    assert list(sets) == ["pump-1", "pump-2"]
    assert sets["pump-1"].rules == (
        Limit("flow", "HH", 12.0, 0.5),
        Limit("flow", "H", 10.0, 0.5),
        Limit("flow", "LL", 1.0, 0.5),
        RateOfChange("flow", rise=2.0, over="1s"),
        Stuck("flow", "30min", tolerance=0.01),
        Silence("flow", "30s"),
        Deviation("flow", "flow_2", 0.5, "5s", name="meters.deviation"),
    )
    assert [rule.name for rule in sets["pump-2"].rules] == ["flow.HH", "flow.H", "flow.LL", "flow.silence"]
    alarms = sets["pump-1"].alarms
    assert list(alarms) == [rule.name for rule in sets["pump-1"].rules]
    assert alarms["flow.HH"] == AlarmSettings(
        severity="alarm",
        on_delay=timedelta(seconds=2),
        off_delay=timedelta(minutes=1),
        latch=True,
        suppressed_by=("flow.silence",),
    )
    severities = {name: settings.severity for name, settings in alarms.items() if settings.severity == "alarm"}
    assert list(severities) == ["flow.HH", "flow.LL", "flow.silence"]
    assert alarms["flow.rate"] == AlarmSettings()


def test_the_example_of_the_documentation_is_a_good_one(tmp_path: Path) -> None:
    readme = Path(flows.__file__).with_name("README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", readme, re.DOTALL)
    sets = rule_sets(load(write(tmp_path, example)))
    names = ["flow.HH", "flow.H", "flow.LL", "flow.silence"]
    assert [rule.name for rule in sets["pump-1"].rules] == names


def test_check_tells_what_the_rules_mean(tmp_path: Path) -> None:
    path = write(tmp_path, ALL)
    console = Console(width=200)
    with console.capture() as capture:
        console.print(describe(load(path), path))
    told = capture.get()
    for line in (
        "flow.HH alarm flow above 12 m3/h, until back by 0.5 m3/h",
        "flow.LL alarm flow below 1 m3/h, until back by 0.5 m3/h",
        "flow.rate warning flow rises by more than 2 m3/h a second, over 1s",
        "flow.stuck warning flow does not change by more than 0.01 m3/h for 30min",
        "flow.silence alarm no good sample of flow for 30s",
        "meters.deviation warning flow and flow_2 differ by more than 0.5 m3/h",
    ):
        assert line in " ".join(told.split()), line
    with console.capture() as capture:
        console.print(describe(load(write(tmp_path, "")), path))
    assert "rules" not in capture.get()


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ('kind = "limit"', "kind 'limit' needs at least one of hh, h, l, ll: add it"),
        ('kind = "limit"\nh = 5.0\nhh = 5.0', "hh = 5 must be above h = 5; hh > h > l > ll"),
        ('kind = "limit"\nhh = 5.0\nll = 6.0', "hh = 5 must be above ll = 6"),
        (
            'kind = "limit"\nh = 5.0\nl = 1.0\ndeadband = 3.0',
            "deadband = 3: no value would end both h = 5 and l = 1; w",
        ),
        ('kind = "limit"\nh = 5.0\ndeadband = -1.0', '"flow".deadband = -1.0: must be at least 0. A little more than'),
        ('kind = "limit"\nh = inf', '"flow".h = inf: must be a finite number'),
        ('kind = "limit"\nh = 5.0\nrise = 1.0', "rise: not of kind 'limit', which knows hh, h, l, ll, deadband"),
        ('kind = "rate"', "rise, fall: neither is given; give units a second for one of them"),
        ('kind = "rate"\nrise = 0.0', '"flow".rise = 0.0: must be above 0. Above 0.'),
        ('kind = "rate"\nrise = 1.0\nover = "0s"', '"flow".over = "0s": must be at least 1ms'),
        ('kind = "stuck"', "kind 'stuck' needs unchanged_for: add it"),
        ('kind = "silence"\ntolerance = 1.0', "tolerance: not of kind 'silence', which knows silent_for"),
        ('kind = "deviation"', "kind 'deviation' needs other_tag and tolerance: add it"),
        (
            'kind = "deviation"\nother_tag = "flow_2"\ntolerance = 0.0',
            "tolerance = 0.0: must be a finite number above 0",
        ),
        (
            'kind = "deviation"\nother_tag = "flow"\ntolerance = 1.0',
            "a tag cannot differ from itself; name the redundant",
        ),
        ('kind = "slope"', "\"flow\".kind = \"slope\": must be 'limit', 'rate', 'stuck', 'silence' or 'deviation'"),
        ('kind = "silence"\nsilent_for = "1s"\nlatch = "maybe"', '"flow".latch = "maybe"'),
        (
            'kind = "silence"\nsilent_for = "1s"\nsuppressed_by = ["flow.H"]',
            '"flow.H": asset pump-1 has no such alarm. It',
        ),
        (
            'kind = "silence"\nsilent_for = "1s"\nsuppressed_by = ["flow.silence"]',
            "an alarm cannot suppress itself. Write",
        ),
        (
            'kind = "deviation"\nother_tag = "flow_3"\ntolerance = 1.0',
            'rules[0] "flow".other_tag = "flow_3": asset pump-1 has no such tag. '
            "Did you mean 'flow_2'? It has: flow, flow_2.",
        ),
    ],
)
def test_what_cannot_be_is_told_with_key_rule_and_fix(tmp_path: Path, keys: str, told: str) -> None:
    (found,) = problems(tmp_path, HEAD + keys)
    assert found.startswith('rules[0] "flow"')
    assert told in found


def test_assets_and_tags_that_are_not_there_are_told_with_what_there_is(tmp_path: Path) -> None:
    rule = '[[rules]]\nassets = ["pump-2", "pump-9"]\ntag = "flow_2"\nkind = "silence"\nsilent_for = "5s"\n'
    assert problems(tmp_path, rule) == [
        'rules[0] "flow_2".assets = "pump-9": no link has a tag of this asset. '
        "Did you mean 'pump-2'? Assets with tags: pump-1, pump-2.",
        'rules[0] "flow_2".tag = "flow_2": asset pump-2 has no such tag. Did you mean \'flow\'? It has: flow.',
    ]
    (found,) = problems(tmp_path, rule.replace("flow_2", "flow").replace("pump-9", "pump-2"))
    assert "assets: one stands there twice" in found


def test_two_alarms_of_one_asset_have_two_names(tmp_path: Path) -> None:
    rule = HEAD + 'kind = "limit"\nh = 5.0\nhh = 6.0\n'
    assert problems(tmp_path, rule + rule.replace("h = 5.0\n", "", 1)) == [
        'rules[1] "flow".name: asset pump-1 has an alarm flow.HH already, of rules[0] "flow". '
        "Give one of them another name."
    ]
    load(write(tmp_path, rule + rule + 'name = "other"\n'))
    load(write(tmp_path, rule + rule.replace("pump-1", "pump-2")))


def test_an_alarm_of_a_model_may_suppress(tmp_path: Path) -> None:
    load(write(tmp_path, HEAD + 'kind = "limit"\nh = 5.0\nsuppressed_by = ["anomaly", "data_quality"]\n'))


def test_alarms_that_would_silence_each_other_are_refused(tmp_path: Path) -> None:
    """Both active, neither would be told."""
    ring = """
[[rules]]
assets = ["pump-1"]
tag = "flow"
kind = "limit"
h = 1.0
suppressed_by = ["flow.silence"]
[[rules]]
assets = ["pump-1"]
tag = "flow"
kind = "stuck"
unchanged_for = "1min"
suppressed_by = ["flow.H"]
[[rules]]
assets = ["pump-1"]
tag = "flow"
kind = "silence"
silent_for = "1min"
suppressed_by = ["flow.stuck"]
"""
    (found,) = problems(tmp_path, ring)
    assert 'suppressed_by = "flow.stuck": asset pump-1: each would suppress the other' in found
