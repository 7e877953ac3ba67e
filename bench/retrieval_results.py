"""What a run of the retrieval benchmark gives, as values that go to JSON and back, and as tables. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from bench.results import percentile
from bench.retrieval_metrics import Metrics, Score, by_category, difference, mean
from bench.tables import Table

ANSWERED = "answered"
COMPLETE = "complete"
WHEN = {ANSWERED: "when the add was answered", COMPLETE: "signals complete"}

_SHOWN = ("recall@5", "recall@10", "recall@20", "recall@50", "all@10", "any@10", "mrr", "ndcg@10")


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Answers(_Value):
    """How one system ranked the set. `when`: in which state, for Remora. `ms`: how long each answer took."""

    system: str
    when: str = ""
    weights: dict[str, float] = {}
    scores: tuple[Score, ...]
    ms: tuple[float, ...]

    @property
    def title(self) -> str:
        """System and state."""
        return f"{self.system}, {WHEN[self.when]}" if self.when else self.system


class Filled(_Value):
    """What loading one group into Remora took. `signals`: what the server said when the add was answered, and after."""

    group: str
    units: int
    add_s: float
    settled_s: float
    signals: tuple[list[dict[str, Any]], list[dict[str, Any]]] = ([], [])


class Retrieval(_Value):
    """One run. `ablation`: Remora with one signal out each, by the signal's name."""

    set: str
    started: str
    groups: dict[str, tuple[int, int]]
    apart: tuple[str, ...]
    skipped: tuple[str, ...]
    answers: tuple[Answers, ...]
    ablation: dict[str, Answers] = {}
    filled: tuple[Filled, ...] = ()
    versions: dict[str, dict[str, str]] = {}


def tables(found: Retrieval) -> list[Table]:
    """All of them, in reading order."""
    shown = [_summary(found), *(_categories(found, one) for one in _whole(found.answers))]
    if found.ablation:
        shown.append(_ablation(found))
    return [*shown, _speed(found), *_signals(found.filled)]


def _summary(found: Retrieval) -> Table:
    asked = sum(1 for one in found.answers[0].scores if one.category not in found.apart)
    header = ("", *(_heading(name) for name in _SHOWN))
    rows = [(one.title, *_figures(mean(_counted(one, found.apart)))) for one in found.answers]
    without = f", without {', '.join(found.apart)}" if found.apart else ""
    return Table(f"{found.set}: {asked} questions{without}, %", header, tuple(rows))


def _categories(found: Retrieval, answers: Answers) -> Table:
    rows = []
    for category, scores in by_category(answers.scores).items():
        name = f"{category} (apart)" if category in found.apart else category
        rows.append((name, str(len(scores)), *_figures(mean(scores))))
    return Table(f"{answers.title}, by category", ("", "questions", *(_heading(name) for name in _SHOWN)), tuple(rows))


def _ablation(found: Retrieval) -> Table:
    (base,) = [one for one in found.answers if one.system == _remora(found) and one.when == COMPLETE][:1]
    kept = _counted(base, found.apart)
    rows = [("all signals", *_figures(mean(kept)), "", "")]
    for signal, answers in found.ablation.items():
        scores = _counted(answers, found.apart)
        changes = [_change(kept, scores, name) for name in ("recall@10", "mrr")]
        rows.append((f"without {signal}", *_figures(mean(scores)), *changes))
    header = ("", *(_heading(name) for name in _SHOWN), "R@10 ± (95 %)", "MRR ± (95 %)")
    return Table("Each signal out", header, tuple(rows))


def _change(before: Sequence[Score], after: Sequence[Score], name: str) -> str:
    change, low, high = (100 * value for value in difference(before, after, name))
    return f"{change:+.1f} ({low:+.1f}–{high:+.1f})"


def _speed(found: Retrieval) -> Table:
    rows = [
        (one.title, str(len(one.ms)), f"{percentile(one.ms, 0.5):.1f}", f"{percentile(one.ms, 0.95):.1f}")
        for one in found.answers
    ]
    return Table("Time of an answer", ("", "questions", "p50 ms", "p95 ms"), tuple(rows))


def _signals(filled: Sequence[Filled]) -> list[Table]:
    """What the server told of derived signals; nothing if it has none."""
    if not any(one.signals[1] for one in filled):
        return []
    rows = [
        (
            one.group,
            str(one.units),
            f"{one.units / one.add_s:.1f}",
            str(_total(one.signals[0], "pending")),
            f"{one.settled_s:.1f}",
            f"{one.units / (one.add_s + one.settled_s):.1f}",
        )
        for one in filled
    ]
    header = ("", "memories", "adds: memories/s", "pending at the answer", "complete after s", "complete: memories/s")
    parts = _parts(filled[-1].signals[1])
    sizes = Table("Of the last group, as the server's status tells it", ("", "bytes"), tuple(parts))
    return [Table("Derived signals", header, tuple(rows)), *([sizes] if parts else [])]


def _parts(shards: Iterable[Mapping[str, Any]]) -> list[tuple[str, str]]:
    rows = []
    for number, shard in enumerate(shards):
        for key, what in (("bytes_per_memory", "on disk, per memory"), ("resident_bytes", "resident")):
            for part, size in (shard.get(key) or {}).items():
                rows.append((f"shard {number}, {what}: {part}", f"{size:,.0f}"))
    return rows


def _total(shards: Iterable[Mapping[str, Any]], key: str) -> int:
    return sum(int(shard.get(key) or 0) for shard in shards)


def _whole(answers: Iterable[Answers]) -> list[Answers]:
    """Those whose categories are shown: not Remora's twice."""
    return [one for one in answers if one.when != ANSWERED]


def _remora(found: Retrieval) -> str:
    return next(one.system for one in found.answers if one.when)


def _counted(answers: Answers, apart: Iterable[str]) -> list[Score]:
    return [one for one in answers.scores if one.category not in set(apart)]


def _heading(name: str) -> str:
    return name.replace("recall", "R").replace("mrr", "MRR").replace("ndcg", "nDCG")


def _figures(metrics: Metrics) -> tuple[str, ...]:
    return tuple(f"{100 * metrics[name]:.1f}" if metrics else "–" for name in _SHOWN)
