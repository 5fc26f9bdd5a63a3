"""What a gateway does next that follows a channel: one row of the table a case."""

from __future__ import annotations

import re

import pytest

from models.errors import LifeRefused
from models.life import steps
from models.life.agreement import Figures
from models.life.follow import Do, Found, Order, next_step, unfit
from models.life.record import Life, Lives, Step
from models.life.steps import Asked

LEAST = 100
GOOD = Figures(windows=100, rank_correlation=0.9, ratio=1.0)
ONE = Life(active="1", counter=5)
BESIDE = Life(active="1", shadow="2", counter=5)


def found(life: Life, counter: int | None = 6, figures: Figures | None = None, *, followed: bool = True) -> Found:
    return Found(life, counter, followed, figures or Figures())


@pytest.mark.parametrize(
    ("order", "state", "do", "version"),
    [
        pytest.param(Order(None), found(ONE), Do.NOTHING, "", id="nothing is wanted"),
        pytest.param(Order("1"), found(ONE), Do.NOTHING, "", id="it is active"),
        pytest.param(Order("2"), found(ONE, None), Do.FETCH, "2", id="it is not here"),
        pytest.param(Order("2"), found(Life(), None), Do.FETCH, "2", id="there is nothing at all"),
        pytest.param(Order("2"), found(Life()), Do.PROMOTE, "2", id="the first one"),
        pytest.param(Order("2"), found(ONE), Do.SHADOW, "2", id="first a shadow"),
        pytest.param(Order("2"), found(BESIDE, figures=Figures(windows=99)), Do.NOTHING, "2", id="not long enough"),
        pytest.param(Order("2"), found(BESIDE, figures=GOOD), Do.PROMOTE, "2", id="long enough"),
        pytest.param(Order("2"), found(BESIDE, figures=Figures(5, errors=1)), Do.FAIL, "2", id="a bad shadow"),
        pytest.param(Order("3"), found(BESIDE), Do.SHADOW, "3", id="another shadow"),
        pytest.param(Order("1"), found(BESIDE), Do.END_SHADOW, "2", id="its shadow is not wanted any more"),
        pytest.param(Order(None), found(BESIDE), Do.END_SHADOW, "2", id="nothing is wanted and it set a shadow"),
        pytest.param(Order("1"), found(BESIDE, followed=False), Do.NOTHING, "", id="the shadow is a person's"),
        pytest.param(Order("2"), found(Life(active="1", failed={"2": "x"}), None), Do.NOTHING, "", id="it failed"),
        pytest.param(Order("1"), found(Life(active="2", previous=("1",), counter=6), 5), Do.GO_BACK, "1", id="back"),
        pytest.param(Order("0"), found(Life(active="2", counter=6), 5), Do.GO_BACK, "0", id="to one never here"),
        pytest.param(Order("2", active=False), found(Life()), Do.NOTHING, "", id="a shadow of nothing"),
        pytest.param(Order("2", active=False), found(ONE), Do.SHADOW, "2", id="a shadow"),
        pytest.param(Order("2", active=False), found(BESIDE, figures=GOOD), Do.NOTHING, "2", id="stays a shadow"),
        pytest.param(Order("2", active=False), found(ONE, None), Do.FETCH, "2", id="a shadow that is not here"),
    ],
)
def test_next_step(order: Order, state: Found, do: Do, version: str) -> None:
    step = next_step(order, state, LEAST)
    assert (step.do, step.version) == (do, version)


@pytest.mark.parametrize(
    ("figures", "why"),
    [
        (Figures(1000, both=20, only_shadow=90), ""),  # 110 = 5 x 20 + 10
        (Figures(1000, both=20, only_shadow=91), "alarmed in 111 of 1000 windows and the active version in 20"),
        (Figures(1000, only_shadow=10), ""),
        (Figures(1000, only_shadow=11), "alarmed in 11 of"),
        (Figures(1000, only_active=50), ""),  # 0 = 0.2 x 50 - 10
        (Figures(1000, only_active=60), "alarmed in 0 of 1000 windows and the active version in 60"),
        (Figures(1000, errors=2, last_error="slow"), r"failed 2 times \(last: slow\)"),
        (Figures(100, abstained=110), ""),
        (Figures(100, abstained=111), "no score in 111 windows"),
    ],
)
def test_what_keeps_a_shadow_from_being_promoted(figures: Figures, why: str) -> None:
    told = unfit(figures)
    assert bool(told) == bool(why)
    assert re.search(why, told)


def test_going_back_to_a_version_leaves_the_other_unmarked() -> None:
    lives = Lives(models={"press": Life(active="2", shadow="3", previous=("1", "0"), counter=6, promoted_at=9)})
    back = steps.back_to(lives, "press", "1", Asked(10, "channel stable", "issue 4 goes back"))
    assert back.of("press") == Life(active="1", shadow="3", previous=("0",), counter=6, promoted_at=0)
    assert (back.changes[-1].version, back.changes[-1].step) == ("1", Step.PROMOTED)


def test_going_back_is_for_versions_that_were_active_and_did_not_fail() -> None:
    lives = Lives(models={"press": Life(active="2", previous=("1",), failed={"1": "x"})})
    with pytest.raises(LifeRefused, match="was not active before"):
        steps.back_to(lives, "press", "0", Asked(1))
    with pytest.raises(LifeRefused, match="failed before: x"):
        steps.back_to(lives, "press", "1", Asked(1))


def test_what_is_noted_changes_no_life_and_is_told() -> None:
    lives = steps.noted(Lives(models={"press": ONE}), "press", "2", Step.REFUSED, Asked(3, "channel stable", "no"))
    assert lives.models == {"press": ONE}
    assert [(one.version, one.step.value, one.why) for one in lives.untold] == [("2", "refused", "no")]
