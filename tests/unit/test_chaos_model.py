"""The chaos run's own checker finds what is planted: each way of breaking the word, and nothing where nothing is."""

from __future__ import annotations

from typing import Any

import pytest

from bench.chaos_model import Findings, Maybe, ScopeModel, Wrong, check_same, check_shared, marker, markers


def memory(number: int, text: str, *, user: str = "ana", version: int = 1) -> dict[str, Any]:
    return {"id": f"id-{number}", "memory": text, "user_id": user, "version": version}


def added(*texts: str, first: int = 0, event: str = "ADD", degraded: tuple[str, ...] = ()) -> dict[str, Any]:
    rows = [{"id": f"id-{first + at}", "memory": text, "event": event} for at, text in enumerate(texts)]
    return {"results": rows, "degraded": list(degraded)}


@pytest.fixture
def findings() -> Findings:
    return Findings()


@pytest.fixture
def model(findings: Findings) -> ScopeModel:
    """A scope with two memories, one of them changed once."""
    model = ScopeModel("ana")
    model.added(["one", "two"], added("one", "two"), findings)
    model.updated("id-1", "two again", {"degraded": []})
    return model


def right() -> list[dict[str, Any]]:
    return [memory(0, "one"), memory(1, "two again", version=2)]


def only(findings: Findings) -> Wrong:
    assert findings.counts.total() == 1, findings.words
    return next(iter(findings.counts))


def test_what_is_right_is_no_finding(model: ScopeModel, findings: Findings) -> None:
    model.check_list(right(), findings, final=True)
    model.check_search("id-0", {"results": right()}, findings)
    model.check_history("id-1", [{}, {}], findings)
    model.deleted("id-0", {"degraded": []})
    model.check_history("id-0", [{}, {}], findings)
    model.check_list(right()[1:], findings, final=True)
    assert not findings.counts


@pytest.mark.parametrize(
    ("shown", "wrong"),
    [
        (right()[:1], Wrong.LOST),
        ([*right(), memory(2, "one")], Wrong.DOUBLED),
        ([*right(), memory(2, "never said")], Wrong.TORN),
        ([right()[0], memory(1, "two", version=1)], Wrong.TORN),
        ([right()[0], memory(1, "two again", version=3)], Wrong.TORN),
        ([right()[0], memory(1, "two again", version=2, user="bob")], Wrong.LEAKED),
    ],
    ids=["missing", "twice", "unknown", "older version", "changed twice", "of another user"],
)
def test_a_wrong_list_is_found(
    model: ScopeModel, findings: Findings, shown: list[dict[str, Any]], wrong: Wrong
) -> None:
    model.check_list(shown, findings)
    assert only(findings) is wrong


@pytest.mark.parametrize(
    ("there", "must", "wrong"),
    [
        ([], False, None),
        (["a", "b"], False, None),
        (["a"], False, Wrong.TORN),
        (["a", "a", "b"], False, Wrong.DOUBLED),
        ([], True, Wrong.LOST),
    ],
    ids=["absent", "whole", "half", "twice", "acknowledged and absent"],
)
def test_a_request_without_an_answer_is_whole_or_absent(
    model: ScopeModel, findings: Findings, there: list[str], must: bool, wrong: Wrong | None
) -> None:
    model.maybe["op"] = Maybe(("a", "b"), must=must)
    shown = [*right(), *[memory(10 + at, text) for at, text in enumerate(there)]]
    model.check_list(shown, findings, final=True)
    assert [*findings.counts] == ([] if wrong is None else [wrong])


@pytest.mark.parametrize(
    ("hits", "wrong"),
    [
        (right()[1:], Wrong.STALE),
        ([right()[0], memory(1, "two", version=1)], Wrong.STALE),
        ([right()[0], memory(7, "gone")], Wrong.STALE),
        ([right()[0], memory(1, "two again", user="bob")], Wrong.LEAKED),
    ],
    ids=["not found", "older text", "deleted", "of another user"],
)
def test_a_wrong_search_is_found(
    model: ScopeModel, findings: Findings, hits: list[dict[str, Any]], wrong: Wrong
) -> None:
    model.check_search("id-0", {"results": hits, "degraded": []}, findings)
    assert only(findings) is wrong


def test_a_search_that_says_it_is_degraded_may_miss_something(model: ScopeModel, findings: Findings) -> None:
    model.check_search("id-0", {"results": [], "degraded": ["vector"]}, findings)
    model.added(["three"], added("three", first=5, degraded=("vector",)), findings)
    model.check_search("id-5", {"results": [], "degraded": []}, findings)
    assert not findings.counts
    model.added(["four"], added("four", first=6), findings)
    model.check_search("id-5", {"results": [], "degraded": []}, findings)
    assert only(findings) is Wrong.STALE


def test_half_an_answer_and_a_second_effect_are_found(findings: Findings) -> None:
    ScopeModel("ana").added(["one", "two"], added("one"), findings)
    assert only(findings) is Wrong.TORN
    ScopeModel("bob").added(["one"], added("one", event="NONE"), findings)
    assert findings.counts[Wrong.DOUBLED] == 1


def test_a_history_that_is_too_long_or_too_short_is_found(model: ScopeModel, findings: Findings) -> None:
    model.check_history("id-1", [{}, {}, {}], findings)
    assert only(findings) is Wrong.DOUBLED
    model.check_history("id-1", [{}], findings)
    assert findings.counts[Wrong.LOST] == 1


def test_a_deletion_that_counts_wrong_is_found(model: ScopeModel, findings: Findings) -> None:
    model.deleted_all({"count": 1, "degraded": []}, findings)
    assert only(findings) is Wrong.TORN
    assert not model.live


def test_what_was_purged_and_shows_again_has_leaked(model: ScopeModel, findings: Findings) -> None:
    model.purged_all(["one", "two", "two again"], whole=True)
    model.check_list([], findings, final=True)
    assert not findings.counts
    model.check_list([memory(0, "one")], findings, final=True)
    assert only(findings) is Wrong.LEAKED


def test_what_a_purge_says_goes_on_is_not_gone_yet(model: ScopeModel) -> None:
    model.purged_all(["one"], whole=False)
    model.purged_all(["two"], whole=True)
    assert model.erased == {"one", "two"}
    assert model.gone == {"two"}


def test_one_request_has_one_answer(findings: Findings) -> None:
    once = {"operation_id": "a", "status": "SUCCEEDED", "results": [{"id": "1", "event": "ADD"}]}
    check_same([once, once, {"operation_id": "a", "status": "PENDING"}], findings)
    assert not findings.counts
    check_same([once, {**once, "results": [{"id": "2", "event": "ADD"}]}], findings)
    assert only(findings) is Wrong.DOUBLED
    check_same([once, {**once, "operation_id": "b"}], findings)
    assert findings.counts[Wrong.DOUBLED] == 3


def test_a_shared_fact_is_there_once(findings: Findings) -> None:
    check_shared({"one": {"id-0"}}, [memory(0, "one", user="shared")], findings)
    assert not findings.counts
    check_shared({"one": {"id-0"}}, [memory(0, "one"), memory(1, "one")], findings)
    assert only(findings) is Wrong.DOUBLED
    check_shared({"one": {"id-0"}}, [], findings)
    assert findings.counts[Wrong.LOST] == 1


def test_markers_are_found_in_texts() -> None:
    assert markers(f"Ana told Bob ({marker(1, 2, 3)}).") == {"m1c2n3"}
