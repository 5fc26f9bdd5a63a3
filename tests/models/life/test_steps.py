from __future__ import annotations

from functools import partial

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from models.errors import LifeRefused
from models.life import steps
from models.life.agreement import Figures
from models.life.record import Lives, Step, decode_lives
from models.life.steps import Asked

NAME, LEAST = "pump", 10
SEEN = Figures(windows=LEAST)
NOW = Asked(1_000, "anna")
FORCED = Asked(1_000, "anna", "the plant was rebuilt", force=True)


def promoted(lives: Lives, version: str, counter: int, figures: Figures = SEEN, asked: Asked = NOW) -> Lives:
    return steps.promote(lives, NAME, version, counter, figures, LEAST, asked)


def first() -> Lives:
    return promoted(Lives(), "1", 1)


def with_shadow() -> Lives:
    return steps.shadow(first(), NAME, "2", 2, NOW)


def second() -> Lives:
    return promoted(with_shadow(), "2", 2)


def last(lives: Lives) -> tuple[str, Step]:
    return lives.changes[-1].version, lives.changes[-1].step


def test_the_first_version_needs_no_shadow():
    life = first().of(NAME)
    assert (life.active, life.shadow, life.previous, life.counter) == ("1", None, (), 1)
    assert life.promoted_at == 1_000


def test_a_shadow_becomes_the_active_one_and_the_old_one_stays_behind_it():
    life = with_shadow().of(NAME)
    assert (life.active, life.shadow) == ("1", "2")
    lives = second()
    life = lives.of(NAME)
    assert (life.active, life.shadow, life.previous, life.counter) == ("2", None, ("1",), 2)
    assert [(change.number, change.version, change.step) for change in lives.changes] == [
        (1, "1", Step.PROMOTED),
        (2, "2", Step.SHADOWED),
        (3, "2", Step.PROMOTED),
    ]
    assert lives.changes[-1].by == "anna"


def test_a_roll_back_goes_to_the_one_before_and_remembers_why():
    lives = steps.roll_back(second(), NAME, Asked(2_000, "", "an alert storm"))
    life = lives.of(NAME)
    assert (life.active, life.previous, life.failed) == ("1", (), {"2": "an alert storm"})
    assert last(lives) == ("2", Step.ROLLED_BACK)
    assert lives.changes[-1].why == "an alert storm; pump@1 is active again"
    assert life.counter == 2  # a roll-back does not let an old one in
    assert life.promoted_at == 0  # and what was gone back to is not on probation
    with pytest.raises(LifeRefused, match="no version to go back to"):
        steps.roll_back(lives, NAME, NOW)


def test_only_two_are_kept_to_go_back_to():
    lives = first()
    for counter in range(2, 6):
        lives = promoted(lives, str(counter), counter, asked=FORCED)
    assert lives.of(NAME).previous == ("4", "3")


@pytest.mark.parametrize(
    ("figures", "told"),
    [
        (Figures(windows=LEAST - 1), "has judged 9 windows of the 10"),
        (Figures(windows=LEAST, errors=2, last_error="took 1 s"), r"failed 2 times \(last: took 1 s\)"),
    ],
)
def test_a_shadow_that_has_not_shown_enough_is_not_promoted_but_by_force(figures, told):
    with pytest.raises(LifeRefused, match=told):
        promoted(with_shadow(), "2", 2, figures)
    assert promoted(with_shadow(), "2", 2, figures, FORCED).of(NAME).active == "2"


def test_what_was_no_shadow_is_not_promoted():
    with pytest.raises(LifeRefused, match="has not run as a shadow beside 1"):
        promoted(first(), "2", 2)


def test_d1_an_older_counter_is_refused_unless_forced():
    gone = steps.fail(first(), NAME, "1", Asked(2, "", "cannot be loaded", force=True))
    for step in (partial(steps.shadow, first(), NAME, "0", 0), partial(promoted, gone, "0", 0, SEEN)):
        with pytest.raises(LifeRefused, match="counter 0 is older than 1"):
            step(NOW)
        assert "0" in (step(FORCED).of(NAME).shadow, step(FORCED).of(NAME).active)


def test_an_equal_counter_is_not_older():
    assert steps.shadow(first(), NAME, "1b", 1, NOW).of(NAME).shadow == "1b"


def test_a_force_without_a_reason_is_none():
    with pytest.raises(LifeRefused, match="say why"):
        promoted(first(), "2", 2, asked=Asked(1, "anna", "", force=True))
    with pytest.raises(LifeRefused, match="say why"):
        steps.shadow(first(), NAME, "2", 2, Asked(1, "anna", "", force=True))


def test_what_failed_is_not_tried_again_unless_forced():
    lives = steps.roll_back(second(), NAME, Asked(2_000, "", "an alert storm"))
    with pytest.raises(LifeRefused, match="failed before: an alert storm"):
        steps.shadow(lives, NAME, "2", 3, NOW)
    lives = steps.shadow(lives, NAME, "2", 2, FORCED)
    assert (lives.of(NAME).shadow, lives.of(NAME).failed) == ("2", {})


def test_a_shadow_that_fails_ends():
    lives = steps.fail(with_shadow(), NAME, "2", Asked(3, "", "it cannot be loaded"))
    assert (lives.of(NAME).shadow, lives.of(NAME).active) == (None, "1")
    assert lives.of(NAME).failed == {"2": "it cannot be loaded"}
    assert last(lives) == ("2", Step.FAILED)


def test_an_active_one_that_fails_is_rolled_back_as_far_as_there_is_one_before():
    lives = steps.fail(second(), NAME, "2", Asked(3, "", "too slow"))
    assert lives.of(NAME).active == "1"
    assert steps.fail(lives, NAME, "1", Asked(4, "", "too slow")) == lives  # it abstains rather than goes
    lives = steps.fail(lives, NAME, "1", Asked(5, "", "cannot be loaded", force=True))
    assert lives.of(NAME).active is None
    assert last(lives) == ("1", Step.FAILED)
    assert steps.fail(lives, NAME, "9", Asked(6, "", "who?")) == lives


@pytest.mark.parametrize(
    ("step", "told"),
    [
        (lambda: steps.shadow(Lives(), NAME, "1", 1, NOW), "no active version"),
        (lambda: steps.shadow(first(), NAME, "1", 2, NOW), "is the active one"),
        (lambda: steps.shadow(with_shadow(), NAME, "2", 2, NOW), "is the shadow one"),
        (lambda: steps.shadow(first(), NAME, None, 0, NOW), "has no shadow"),
        (lambda: promoted(first(), "1", 2), "is the active one"),
    ],
)
def test_steps_that_lead_nowhere_are_told(step, told):
    with pytest.raises(LifeRefused, match=told) as refusal:
        step()
    assert refusal.value.fix


def test_a_shadow_can_be_ended():
    lives = steps.shadow(with_shadow(), NAME, None, 0, NOW)
    assert lives.of(NAME).shadow is None
    assert last(lives) == ("2", Step.SHADOW_ENDED)


def test_every_change_is_told_once_and_none_is_forgotten_before():
    lives = Lives()
    for version in range(500):
        lives = steps.added(lives, NAME, str(version), NOW)
    assert len(lives.untold) == 500
    lives = steps.tell(lives, 400)
    assert [change.number for change in lives.untold] == list(range(401, 501))
    assert len(lives.changes) == steps.KEPT_CHANGES
    lives = steps.added(steps.tell(lives, 500), NAME, "x", NOW)
    assert [change.number for change in lives.untold] == [501]


VERSIONS = st.sampled_from(["1", "2", "3", "4"])
MOVES = st.one_of(
    st.tuples(st.just("shadow"), VERSIONS | st.none(), st.booleans()),
    st.tuples(st.just("promote"), VERSIONS, st.booleans()),
    st.tuples(st.just("fail"), VERSIONS, st.booleans()),
    st.tuples(st.just("back"), st.none(), st.just(False)),
    st.tuples(st.just("tell"), st.none(), st.just(False)),
)


@settings(max_examples=300, deadline=None)
@example(
    [
        ("promote", "3", True),
        ("promote", "1", True),
        ("shadow", "3", False),
        ("fail", "3", False),
        ("back", None, False),
    ]
)
@given(st.lists(MOVES, max_size=30))
def test_whatever_is_asked_the_record_stays_sound(moves):
    lives = Lives()
    for at, (move, version, force) in enumerate(moves):
        asked = Asked(at, "x", "because" if force or move == "fail" else "", force)
        before = lives
        try:
            match move:
                case "shadow":
                    lives = steps.shadow(lives, NAME, version, int(version or 0), asked)
                case "promote":
                    lives = steps.promote(lives, NAME, version, int(version), SEEN, LEAST, asked)
                case "fail":
                    lives = steps.fail(lives, NAME, version, asked)
                case "back":
                    lives = steps.roll_back(lives, NAME, asked)
                case _:
                    lives = steps.tell(lives, max([0, *(change.number for change in lives.changes)]))
        except LifeRefused:
            assert lives is before
        life = lives.of(NAME)
        assert life.active not in (*life.previous, life.shadow or "none")
        assert len(set(life.previous)) == len(life.previous) <= steps.KEPT_PREVIOUS
        assert not set(life.failed) & {life.active, life.shadow}
        assert life.counter >= before.of(NAME).counter
        assert decode_lives(lives.encode()) == lives


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b'{"schema": 2}', b'{"schema": 1, "models": 3}', b'{"schema": 1, "x": 1}', b"[" * 99999]
)
def test_a_damaged_record_is_told(data):
    with pytest.raises(ValueError, match=r"."):
        decode_lives(data)
