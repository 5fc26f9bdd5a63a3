"""Other rules, levels and calendars while the flow runs."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from alarm_streams import ALERTS, WINDOWS, Scored, command, told
from flows_gateway import ListGateway, MeanScorer
from flows_streams import T0, S, block, idle

from cloud_sink.records import Alert
from connectors.samples import REMOVED, Item, Notice, NoticeKind
from flows.alarm_settings import AlarmSettings
from flows.alarms import AlarmSetup, AlertSettings, AssetAlarms, Maintenance, Once
from flows.alarms.flood import FloodState
from flows.alarms.rules import watched
from flows.alert import alarm_setup
from flows.rules import Limit, RuleSet


def limits(**highs: float) -> RuleSet:
    rules = tuple(Limit(tag, "H", high, name=f"{tag}.H") for tag, high in highs.items())
    return RuleSet(rules, {rule.name: AlarmSettings() for rule in rules})


@dataclass
class Plant:
    """A setup that can be changed under the hands of its alarms."""

    rules: RuleSet
    alerts: AlertSettings = ALERTS
    calendar: Maintenance = field(default_factory=Maintenance)
    started: int = 0

    def __post_init__(self) -> None:
        self.setup = self._made()
        self.alarms = AssetAlarms(self.setup)

    def change(self, **to: object) -> None:
        for name, value in to.items():
            setattr(self, name, value)
        self.setup = self._made()

    def _made(self) -> AlarmSetup:
        found = watched("press", self.rules, WINDOWS.allowed_skew_ns)

        def start(kept: bytes) -> object:
            self.started += 1
            assert found is not None
            return found.start(kept)

        counted = None if found is None else replace(found, start=start)  # type: ignore[arg-type]
        calendar = self.calendar
        return AlarmSetup(
            alerts=self.alerts,
            windows=WINDOWS,
            rules=lambda _: counted,
            maintenance=lambda _: calendar,
            latest=lambda: self.setup,
        )

    def push(self, *items: Item) -> list[tuple[str, str, str, float]]:
        return told([record for item in items for record in self.alarms.push([item])])


def test_the_alarm_of_a_rule_that_goes_is_closed_out_and_others_stay_as_they_are() -> None:
    plant = Plant(limits(speed=5, current=5))
    plant.push(block((1, 1, 9.0), (1, 0, 9.0)), command("acknowledge", 2, "current.H"))
    plant.change(rules=limits(current=5))
    records = plant.alarms.push([idle(3)])
    (closed,) = [one for one in records if isinstance(one, Alert)]
    assert (closed.rule, closed.state, closed.alarm_state) == ("speed.H", "cleared", "NORM")
    assert closed.detail == "There is no such rule any more."
    assert plant.push(block((4, 0, 1.0))) == [("current.H", "cleared", "NORM", 4)]  # acknowledged as it was


def test_a_rule_that_stays_judges_by_its_new_limit_and_one_that_comes_judges_from_then_on() -> None:
    plant = Plant(limits(speed=5))
    assert plant.push(block((1, 1, 4.0), (1, 0, 9.0))) == []
    plant.change(rules=limits(speed=3, current=5))
    assert sorted(plant.push(block((2, 1, 4.0), (2, 0, 9.0)))) == [
        ("current.H", "opened", "UNACK", 2),
        ("speed.H", "opened", "UNACK", 2),
    ]


def test_what_does_not_concern_an_asset_touches_nothing_of_it() -> None:
    plant = Plant(limits(speed=5))
    plant.push(block((1, 1, 9.0)))
    assert plant.started == 1
    plant.change()  # another configuration, the same for this asset
    assert plant.push(idle(2), block((3, 1, 1.0))) == [("speed.H", "cleared", "RTNUN", 3)]
    assert plant.started == 1
    plant.change(calendar=Maintenance((Once(T0 + 4 * S, T0 + 6 * S),)))
    assert plant.push(block((5, 1, 9.0)))[0][1] == "out_of_service"
    assert plant.started == 2


def test_other_levels_hold_for_the_next_windows() -> None:
    settings = AlertSettings(open_after=1, clear_after=1, quality_after=2)
    plant, scorer = Plant(RuleSet(), settings), Scored(WINDOWS, MeanScorer(limit=10.0))

    def pushed(start: int) -> list[tuple[str, str, str, float]]:
        rows = [(start + half / 2, tag, 15.0) for half in range(20) for tag in (0, 1)]
        return told(plant.alarms.push(scorer.push([block(*rows)])))

    plant.change(alerts=replace(settings, open_above=2.0, alarm_above=2.0))
    assert pushed(0) == []
    assert pushed(10) == []
    plant.change(alerts=settings)
    assert [one[:2] for one in pushed(20) + pushed(30)] == [("anomaly", "opened")]


def test_an_asset_that_nobody_acquires_any_more_leaves_no_open_alarm_and_may_come_back() -> None:
    plant = Plant(limits(speed=5))
    plant.push(block((1, 1, 9.0)))
    removed = Notice(NoticeKind.GAP, "press", REMOVED, T0 + S, T0 + 2 * S, 0, "intake")
    (over,) = plant.alarms.push([removed])
    assert isinstance(over, Alert)
    assert (over.state, over.alarm_state) == ("cleared", "NORM")
    assert over.detail == "Nothing is acquired of this asset any more."
    again = AssetAlarms.restore(plant.alarms.snapshot(), plant.setup)
    assert told(again.push([block((9, 1, 9.0))])) == [("speed.H", "opened", "UNACK", 9)]


def test_the_gateway_is_asked_again_when_it_says_so_and_not_else() -> None:
    gateway = ListGateway([], rule_sets={"press": limits(speed=5)})
    setup = alarm_setup(gateway, WINDOWS)
    gateway.rule_sets = {"press": limits(speed=6)}
    assert setup.now is setup
    gateway.revision = 1
    renewed = setup.now
    assert renewed is not setup
    assert renewed.now is renewed is setup.now
    assert renewed.of("press") != ()


def test_a_flood_is_judged_by_other_limits_from_the_next_record_on() -> None:
    state = FloodState(AlertSettings(flood_limit=1, flood_spares_alarms=False))

    def passed(alert: Alert) -> list[bool]:
        return [one.held_back for one in state.push([alert]) if isinstance(one, Alert) and one.rule == alert.rule]

    def opening(at: float) -> Alert:
        (alert,) = AssetAlarms(Plant(limits(speed=5)).setup).push([block((at, 1, 9.0))])
        assert isinstance(alert, Alert)
        return alert

    first, second, third = opening(1), opening(2), opening(3)
    assert passed(first) == [False]
    assert passed(second) == [True]
    state.settings = AlertSettings(flood_limit=10, flood_spares_alarms=False)
    assert passed(third) == [False]
