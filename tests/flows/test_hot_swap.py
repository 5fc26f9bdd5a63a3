"""Models are swapped under a running flow: between two windows, and no window loses a sample by it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from flows_gateway import ListGateway, MeanScorer, keyed, run
from flows_mortal import Polls
from flows_scorers import StepScorer
from flows_streams import T0, S, regular

from cloud_sink.records import Event, WindowSummary
from flows import WindowSettings, condition_monitoring
from models.roster import Roster
from models.scores import Scorer
from models.served import Served

ONE, TWO = MeanScorer(model="means@1"), MeanScorer(limit=5.0, model="means@2")


@dataclass
class Swapping(ListGateway):
    """Puts other models to work before given polls."""

    roster: Roster = field(default_factory=Roster)
    swaps: dict[int, list[Served]] = field(default_factory=dict)

    @property
    def models(self) -> Any:
        return self.roster

    def source(self) -> Any:
        gateway = self

        class Swaps(Polls):
            def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> Any:
                part = super().build_part(step_id, for_part, resume_state)
                poll = part.next_batch

                def next_batch() -> list[Any]:
                    if (served := gateway.swaps.get(part.at)) is not None:
                        gateway.roster.put("press", served)
                    return poll()  # type: ignore[no-any-return]

                part.next_batch = next_batch
                return part

        return Swaps([[item] for item in self.items])


def served(swaps: dict[int, list[Served]], first: Scorer = ONE, every: str = "10s") -> Swapping:
    """A minute of the press, a second a poll; windows of 10 s close 2 s after their end."""
    windows = WindowSettings("10s", every=every, lateness="2s")
    gateway = Swapping(keyed(regular(63)), windows=windows, roster=Roster({"press": [Served(first)]}), swaps=swaps)
    run(condition_monitoring.build(gateway))
    return gateway


def stamps(gateway: ListGateway) -> list[tuple[int, str, float]]:
    return [((one.start - T0) // S, one.model, one.score) for one in gateway.records(WindowSummary)]


def test_a_swap_falls_between_two_windows_and_none_loses_a_sample() -> None:
    """The swap comes at 27 s, in the midst of the third window, which the new model judges whole."""
    calm, swapped = served({}), served({27: [Served(TWO)]})
    assert [model for _, model, _ in stamps(swapped)] == ["means@1"] * 2 + ["means@2"] * 4
    for (start, _, old), (again, model, score) in zip(stamps(calm), stamps(swapped), strict=True):
        assert start == again
        assert score == (old if model == "means@1" else 2 * old)
    counts = [[one.n.tolist() for one in gateway.records(WindowSummary)] for gateway in (calm, swapped)]
    assert counts[0] == counts[1] == [[10, 10, 10]] * 6


def test_of_overlapping_windows_each_is_judged_by_one_model() -> None:
    swapped = served({27: [Served(TWO)]}, every="2s")
    judged = stamps(swapped)
    assert [start for start, _, _ in judged] == list(range(-8, 52, 2))
    assert [model for start, model, _ in judged if start + 12 <= 26] == ["means@1"] * 12
    assert {model for start, model, _ in judged if start + 12 > 27} == {"means@2"}


def test_a_model_that_is_taken_away_leaves_its_windows_unscored() -> None:
    gone = served({27: []})
    assert [model for _, model, _ in stamps(gone)] == ["means@1"] * 2 + [""] * 4
    assert np.isnan([score for _, model, score in stamps(gone) if not model]).all()


def test_a_shadow_that_is_promoted_goes_on_and_a_newcomer_warms_up() -> None:
    one, two = StepScorer(model="steps@1"), StepScorer(model="steps@2")
    both = [Served(one), Served(two, shadow=True)]
    promoted = served({1: both, 47: [Served(two)]}, first=one)
    assert [model for _, model, _ in stamps(promoted)] == ["steps@1"] * 4 + ["steps@2"] * 2
    assert np.isfinite([score for _, _, score in stamps(promoted)[2:]]).all()
    newcomer = served({47: [Served(two)]}, first=one)
    assert np.isnan([score for _, _, score in stamps(newcomer)[4:]]).all()
    told = [one.source for one in newcomer.records(Event) if one.reason == "warming_up"]
    assert told == ["steps@1", "steps@2"]


def test_every_window_is_judged_by_one_whole_model_while_another_thread_swaps() -> None:
    scorers = [MeanScorer(limit=1.0 + at, model=f"means@{at}") for at in range(50)]
    roster, done = Roster({"press": [Served(scorers[0])]}), threading.Event()

    def swap() -> None:
        for _ in range(40):
            for scorer in scorers:
                roster.put("press", [Served(scorer)])
        done.set()

    thread = threading.Thread(target=swap)
    thread.start()
    while not done.is_set():
        ((one,),) = [roster.of("press")]
        scores = one.scorer.score(np.full((1, 2, 2), 10.0))
        assert scores.score[0] == 10.0 / (1.0 + int(scores.model.partition("@")[2]))
    thread.join()
