"""The fit of weights: better where something can be learned, and honest where nothing can."""

from __future__ import annotations

import numpy as np
import pytest

from engine.ranking.signals import Signal
from engine.ranking.weights import LARGEST_WEIGHT, Floors, Weights
from engine.tuning.fit import fitted
from engine.tuning.pool import Candidate, Case, Pool

NONE = Floors()


def case(number: int, group: str, *, telling: Signal | None, seed: int = 0) -> Case:
    """A question with forty candidates of which one answers. Signals are noise, but for the telling one."""
    random = np.random.default_rng([seed, number])
    right = int(random.integers(40))

    def signals(place: int) -> dict[Signal, float]:
        noise = {one: float(random.random()) for one in (Signal.DENSE, Signal.KEYWORDS, Signal.TOKENS)}
        return noise if telling is None else {**noise, telling: 0.9 if place == right else 0.4 * float(random.random())}

    candidates = tuple(Candidate(f"m{place:02}", signals(place)) for place in range(40))
    return Case(f"q{number}", group, candidates, (frozenset({f"m{right:02}"}),))


def cases(telling: Signal | None, count: int = 60) -> list[Case]:
    return [case(number, f"g{number % 3}", telling=telling) for number in range(count)]


@pytest.mark.parametrize("telling", [Signal.DENSE, Signal.TOKENS, Signal.SPEAKER])
def test_a_signal_that_tells_gets_weight_and_unseen_groups_gain(telling: Signal) -> None:
    fit = fitted(cases(telling), NONE)

    assert fit.helps
    assert fit.after.recall > fit.before.recall + 0.05
    shares = {signal: fit.weights[signal] / Weights()[signal] for signal in (Signal.DENSE, Signal.KEYWORDS, telling)}
    assert shares[telling] == max(shares.values())
    assert [one.group for one in fit.held_out] == ["g0", "g1", "g2"]


def test_noise_does_not_help_questions_that_were_not_seen() -> None:
    fit = fitted(cases(None), NONE)

    assert fit.after.recall < fit.before.recall + 0.1
    assert not fit.helps or fit.after.recall - fit.before.recall < fit.fitted.recall - fit.shipped.recall + 0.05


def test_a_single_question_moves_little() -> None:
    fit = fitted([case(1, "g", telling=Signal.TOKENS)], NONE)

    base = [signal for signal in Signal if Weights()[signal] >= 0.5]
    assert all(abs(fit.weights[signal] - Weights()[signal]) < 0.5 for signal in base)


def test_the_same_questions_give_the_same_weights() -> None:
    assert fitted(cases(Signal.DENSE), NONE) == fitted(cases(Signal.DENSE), NONE)


def test_weights_stay_within_their_bounds_and_signals_that_nobody_has_as_shipped() -> None:
    weights = fitted(cases(Signal.SPEAKER), NONE).weights

    assert all(0 <= weights[signal] <= LARGEST_WEIGHT for signal in Signal)
    assert weights[Signal.SPEAKER] <= 1
    assert weights[Signal.DATE] == Weights()[Signal.DATE]
    assert sum(weights[s] for s in Signal if Weights()[s] >= 0.5) == pytest.approx(3.0, abs=0.01)


def test_one_group_is_left_out_in_fifths() -> None:
    fit = fitted([case(number, "only", telling=Signal.DENSE) for number in range(20)], NONE)

    assert [one.group for one in fit.held_out] == [f"part {part}" for part in range(1, 6)]
    assert fit.before.questions == 20


def test_figures_are_the_share_of_evidence_found_and_the_place_of_the_first() -> None:
    signals = [{Signal.DENSE: 1.0 - place / 20} for place in range(12)]
    candidates = tuple(Candidate(f"m{place:02}", one) for place, one in enumerate(signals))
    wanted = (frozenset({"m01", "m11"}), frozenset({"m11"}), frozenset({"elsewhere"}))

    figures = Pool([Case("q", "g", candidates, wanted)], NONE).figures(Weights())

    assert figures.recall == pytest.approx(1 / 3)
    assert figures.mrr == pytest.approx(1 / 2)


def test_questions_for_which_nothing_was_found_count_as_missed() -> None:
    pool = Pool([Case("q", "g", (), (frozenset({"m"}),))], NONE)

    assert (pool.figures(Weights()).recall, pool.gain(Weights())) == (0.0, 0.0)
