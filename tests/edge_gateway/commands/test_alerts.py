"""The commands about alarms, over a real outbox file, with the gateway stopped."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import alarm_records as made
import pytest
from click.testing import Result
from typer.testing import CliRunner

from cloud_sink.outbox.database import Database
from cloud_sink.outbox.writer import OutboxWriter
from cloud_sink.records import Alert
from cloud_sink.settings import OutboxSettings
from connectors.commands.command import Command, decode_command
from edge_gateway.cli import app
from edge_gateway.layout import Layout
from edge_gateway.times import utc_text

CONFIG = """
[gateway]
site = "riverside"
name = "gw-1"
data = "data"
[[modbus]]
name = "hall"
[[modbus.units]]
asset = "mill-1"
map = "missing.csv"
"""

Sluicegate = Callable[..., Result]
WINDER = replace(made.ANOMALY, asset="winder-2", opened_at=made.RAISED + 5, at=made.RAISED + 5, severity="warning")
ACKNOWLEDGED = made.then(made.ANOMALY, "acknowledged", "ACKED", 95, "operator-1", "Bearing is noisy.")
OVER = made.then(made.LIMIT, "cleared", "NORM", 60)


@pytest.fixture
def sluicegate(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Sluicegate:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "gateway.toml").write_text(CONFIG)
    return lambda *words: CliRunner().invoke(app, list(words))


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "data")


def keep(layout: Layout, *alerts: Alert) -> None:
    layout.outbox.mkdir(parents=True, exist_ok=True)
    writer = OutboxWriter(layout.outbox, OutboxSettings(disk_reserve=0))
    writer.put(alerts)
    writer.close()


@pytest.fixture
def alarms(layout: Layout) -> None:
    keep(layout, made.ANOMALY, ACKNOWLEDGED, made.LIMIT, OVER, WINDER)


def asked(layout: Layout) -> list[Command]:
    return [decode_command(path.read_bytes()) for path in sorted(layout.commands.glob("*.json"))]


class TestLs:
    def test_what_wants_attention_comes_first_and_what_is_over_does_not(
        self, sluicegate: Sluicegate, alarms: None
    ) -> None:
        head, *rows = (line.split("\t") for line in sluicegate("alerts", "ls").stdout.splitlines())
        assert head == ["state", "severity", "asset", "alarm", "tag", "since", "score/limit", "detail", "id"]
        assert [(row[0], row[2], row[3]) for row in rows] == [
            ("▲ UNACK", "winder-2", "anomaly"),
            ("■ ACKED", "pump-1", "anomaly"),
        ]
        assert rows[1][5:7] == ["2025-11-21T16:30:00.000Z", "3 / 1"]
        assert rows[1][8] == made.ANOMALY.alert_id[:8]

    def test_all_and_of_one_asset(self, sluicegate: Sluicegate, alarms: None) -> None:
        rows = sluicegate("alerts", "ls", "--all", "--asset", "pump-1").stdout.splitlines()[1:]
        assert [row.split("\t")[0] for row in rows] == ["■ ACKED", "✓ NORM"]

    def test_json(self, sluicegate: Sluicegate, alarms: None) -> None:
        winder, pump = json.loads(sluicegate("alerts", "ls", "--json").stdout)
        assert (winder["asset"], winder["alarm_state"], winder["state"]) == ("winder-2", "UNACK", "opened")
        assert (pump["alarm_state"], pump["state"], pump["score"]) == ("ACKED", "acknowledged", 3.0)
        assert pump["time"] == "2025-11-21T16:31:35.000Z"
        assert "evidence" not in pump

    def test_hostile_names_do_not_command_a_terminal(self, sluicegate: Sluicegate, layout: Layout) -> None:
        hostile = "x\x1b[2J\ty\u202e"
        keep(layout, replace(WINDER, asset=hostile, rule=hostile, tag=hostile, detail=hostile, alarm_state=hostile))
        (_, row) = sluicegate("alerts", "ls").stdout.splitlines()
        assert len(row.split("\t")) == 9
        shown = sluicegate("alerts", "show", row.split("\t")[8]).stdout
        assert "x\\x1b[2J\\ty\\u202e" in row
        assert "\\x1b[2J" in shown
        assert all(c.isprintable() or c in "\t\n" for c in row + shown)

    def test_damage_is_told(self, sluicegate: Sluicegate, layout: Layout, alarms: None) -> None:
        database = Database(layout.outbox / "outbox.sqlite3")
        database.execute("UPDATE alarms SET crc = 0 WHERE asset = 'winder-2'")
        database.close()
        result = sluicegate("alerts", "ls")
        assert "winder-2" not in result.stdout
        assert "1 damaged entries of the alarm history were left out" in result.stderr


class TestShow:
    def test_transitions_and_evidence(self, sluicegate: Sluicegate, alarms: None) -> None:
        result = sluicegate("alerts", "show", made.ANOMALY.alert_id[:8].upper())
        assert result.exit_code == 0
        for told in (
            "■ ACKED active, acknowledged: pump-1, anomaly, alarm",
            "raised",
            "operator-1",
            "Bearing is noisy.",
            "2025-11-21T16:31:35.000Z",
            "Most of the score comes from vibration 75%, flow 25%.",
            "kurtosis",
            "75%",
            "limit 1 ┤╌",
            "vibration in mm/s, 2025-11-21T16:29:40.000Z to 2025-11-21T16:30:00.000Z:",
        ):
            assert told in result.stdout, told

    def test_json_has_everything(self, sluicegate: Sluicegate, alarms: None) -> None:
        opened, acknowledged = json.loads(sluicegate("alerts", "show", made.ANOMALY.alert_id, "--json").stdout)
        assert opened["evidence"] == json.loads(json.dumps(made.EVIDENCE.to_json()))
        assert (acknowledged["by"], acknowledged["comment"]) == ("operator-1", "Bearing is noisy.")

    def test_a_limit_is_drawn_into_the_curve_of_its_tag(self, sluicegate: Sluicegate, alarms: None) -> None:
        assert "limit 90 ┤" in sluicegate("alerts", "show", made.LIMIT.alert_id).stdout

    def test_a_limit_of_something_else_is_not(self, sluicegate: Sluicegate, layout: Layout, alarms: None) -> None:
        rate = replace(made.LIMIT, rule="temperature.rate")
        keep(layout, rate)
        told = sluicegate("alerts", "show", rate.alert_id).stdout
        assert "temperature in °C" in told
        assert "limit" not in told

    def test_times_are_whole_however_narrow_it_is(self, sluicegate: Sluicegate, alarms: None) -> None:
        assert utc_text(made.ANOMALY.at) in sluicegate("alerts", "show", made.ANOMALY.alert_id).stdout


class TestAsking:
    def test_by_the_beginning_of_an_id(self, sluicegate: Sluicegate, layout: Layout, alarms: None) -> None:
        before = time.time_ns()
        result = sluicegate("alerts", "ack", WINDER.alert_id[:8], "--by", "operator-1", "--comment", "Seen.")
        assert result.exit_code == 0, result.output
        assert "Asked: acknowledge anomaly of winder-2, by operator-1." in result.stdout
        assert "The gateway is not running: it takes effect at its next start." in result.stdout
        (command,) = asked(layout)
        assert (command.action, command.asset, command.alarm) == ("acknowledge", "winder-2", "anomaly")
        assert (command.by, command.comment, command.until) == ("operator-1", "Seen.", 0)
        assert command.alert == WINDER.alert_id, "not whichever is open when the gateway reads it"
        assert before <= command.at <= time.time_ns()

    def test_by_names_for_some_time(self, sluicegate: Sluicegate, layout: Layout, alarms: None) -> None:
        words = ("--asset", "pump-1", "--alarm", "anomaly", "--for", "2h", "--by", "operator-1")
        assert "for 2h" in sluicegate("alerts", "shelve", *words).stdout
        (command,) = asked(layout)
        assert command.until - command.at == 7200 * 10**9

    @pytest.mark.parametrize("action", ["unshelve", "reset"])
    def test_all_alarms_of_an_asset(
        self, sluicegate: Sluicegate, layout: Layout, action: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SUDO_USER", "operator-2")
        result = sluicegate("alerts", action, "--asset", "mill-1", "--alarm", "*")  # before the gateway ever ran
        assert f"Asked: {action} all alarms of mill-1, by operator-2." in result.stdout
        (command,) = asked(layout)
        assert (command.action, command.alarm, command.by) == (action, "*", "operator-2")

    def test_a_running_gateway_is_told_apart(self, sluicegate: Sluicegate, layout: Layout, alarms: None) -> None:
        layout.status.mkdir(parents=True)
        (layout.status / "acquire.json").write_text(json.dumps({"time": time.time_ns()}))
        assert "takes it within a second or two" in sluicegate("alerts", "ack", WINDER.alert_id).stdout

    def test_an_alarm_never_raised_is_a_note_not_a_refusal(
        self, sluicegate: Sluicegate, layout: Layout, alarms: None
    ) -> None:
        result = sluicegate("alerts", "shelve", "--asset", "pump-1", "--alarm", "anomoly", "--for", "2h")
        assert result.exit_code == 0
        assert "never raised here; raised so far: anomaly, temperature_high" in result.stderr

    def test_an_opening_that_is_over_is_not_acknowledged_in_place_of_the_next(
        self, sluicegate: Sluicegate, layout: Layout, alarms: None
    ) -> None:
        again = replace(made.LIMIT, opened_at=made.RAISED + 10**12, at=made.RAISED + 10**12)
        keep(layout, again)
        result = sluicegate("alerts", "ack", made.LIMIT.alert_id)
        assert result.exit_code == 1
        assert "is over, and the alarm is now UNACK (active, not acknowledged)" in result.stderr
        assert again.alert_id[:8] in result.stderr
        assert asked(layout) == []
        assert sluicegate("alerts", "shelve", made.LIMIT.alert_id, "--for", "1h").exit_code == 0

    @pytest.mark.parametrize("action", ["ack", "reset"])
    def test_a_flood_is_nothing_to_answer(
        self, sluicegate: Sluicegate, layout: Layout, alarms: None, action: str
    ) -> None:
        flood = replace(made.LIMIT, asset="", rule="alarm_flood")
        keep(layout, flood)
        result = sluicegate("alerts", action, flood.alert_id[:8])
        assert result.exit_code == 1
        told = f'ALERT_ID = "{flood.alert_id[:8]}": is alarm_flood, which the gateway raises and ends itself.'
        assert told in result.stderr
        assert asked(layout) == []


ID = made.ANOMALY.alert_id


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("ls", "--gateway", "none.toml"), "--gateway = none.toml: cannot be read: No such file"),
        (("show", "abc"), 'ALERT_ID = "abc": must be 8 to 32 hexadecimal digits'),
        (("show", "zzzzzzzz"), "hexadecimal"),
        (("show", "00000000"), 'ALERT_ID = "00000000": is no alert of this gateway'),
        (("ack",), "ALERT_ID: is required. Give an ALERT_ID, or --asset and --alarm"),
        (("ack", "--asset", "pump-1"), "--alarm: is required"),
        (("ack", "--alarm", "x"), "--asset: is required"),
        (("ack", ID, "--asset", "pump-1"), "stands beside --asset or --alarm"),
        (("ack", "--asset", "pumb-1", "--alarm", "*"), '--asset = "pumb-1": is no asset of this gateway. Did you mean'),
        (("ack", ID, "--comment", "x" * 1001), "must be a text of at most 1000 characters. Say it in fewer words"),
        (("ack", ID, "--by", "\x1b"), "--by = "),
        (("shelve", ID, "--for", "soon"), '--for = "soon": is no duration. Between 1min and 30d, such as "2h".'),
        (("shelve", ID, "--for", "59s"), "is too short or too long to shelve an alarm for"),
        (("shelve", ID, "--for", "31d"), "is too short or too long to shelve an alarm for"),
    ],
)
def test_refusals_name_key_value_rule_and_fix(
    sluicegate: Sluicegate, layout: Layout, alarms: None, words: tuple[str, ...], told: str
) -> None:
    result = sluicegate("alerts", *words)
    assert result.exit_code == 2, result.output
    assert told in result.stderr
    assert asked(layout) == []


@pytest.mark.parametrize(
    ("text", "told"), [("[gateway", "is not TOML"), ("[gateway]", "does not say who the gateway is")]
)
def test_a_configuration_that_says_nothing(sluicegate: Sluicegate, tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "gateway.toml").write_text(text)
    result = sluicegate("alerts", "ls")
    assert (result.exit_code, told in result.stderr) == (2, True)


def test_without_a_history_there_is_nothing_to_list(sluicegate: Sluicegate) -> None:
    result = sluicegate("alerts", "ls")
    assert result.exit_code == 2
    assert "is not there; it is made when the gateway first runs" in result.stderr


def test_a_folder_that_cannot_be_written_is_told(sluicegate: Sluicegate, layout: Layout, alarms: None) -> None:
    layout.commands.touch()
    result = sluicegate("alerts", "ack", ID)
    assert result.exit_code == 2
    assert f"commands = {layout.commands}: cannot be written" in result.stderr


class TestExplain:
    def test_writes_a_page(self, sluicegate: Sluicegate, tmp_path: Path, alarms: None) -> None:
        result = sluicegate("explain", ID[:8], "--out", "alert.html")
        assert result.exit_code == 0, result.output
        page = (tmp_path / "alert.html").read_text()
        for told in ("riverside, gw-1", "Bearing is noisy.", 'class="plot"', ID):
            assert told in page

    def test_refuses_what_cannot_be_written(self, sluicegate: Sluicegate, alarms: None) -> None:
        result = sluicegate("explain", ID, "--out", "none/alert.html")
        assert result.exit_code == 2
        assert "--out = none/alert.html: cannot be written" in result.stderr
