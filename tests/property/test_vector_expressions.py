"""Whatever the filter: the rows that its expression selects in Milvus Lite hold all that match, and when it says that
it is exact, no other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.filters import And, Compare, Everything, Filter, Not, Op, Or, matches
from engine.ports import EmbedderInfo
from engine.types import SCOPE_FIELDS, Change, EventKind, MemoryVersion, Scope
from engine.vector.block import Row
from engine.vector.expressions import pushed
from engine.vector.lite import open_lite
from engine.vector.mark import Mark
from engine.vector.milvus import MilvusTable

NAMES = ["ann", "bob", '" or 1==1', "back\\", "new\nline", "用户", "*"]
TIMES = [0, 1_000, 2_000, -5]

names = st.sampled_from(NAMES)
times = st.sampled_from(TIMES)
id_field = st.sampled_from([*SCOPE_FIELDS, "memory_id"])
compared = st.one_of(
    st.builds(Compare, id_field, st.sampled_from([Op.EQ, Op.NE]), names | st.just("") | st.just("m3")),
    st.builds(Compare, id_field, st.just(Op.IN), st.lists(names, max_size=3).map(tuple)),
    st.builds(Compare, id_field, st.just(Op.PRESENT), st.none()),
    st.builds(
        Compare,
        st.sampled_from(["created_at", "updated_at"]),
        st.sampled_from([Op.EQ, Op.NE, Op.GT, Op.GTE, Op.LT, Op.LTE]),
        times,
    ),
    st.builds(Compare, st.just("metadata"), st.sampled_from([Op.EQ, Op.NE]), st.integers(0, 2), st.just("n")),
    st.builds(Compare, st.just("text"), st.just(Op.CONTAINS), names),
)
filters: st.SearchStrategy[Filter] = st.recursive(
    compared | st.just(Everything()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda parts: And(tuple(parts))),
        st.lists(inner, max_size=3).map(lambda parts: Or(tuple(parts))),
        inner.map(Not),
    ),
    max_leaves=8,
)


def _versions() -> list[MemoryVersion]:
    rng = np.random.default_rng(7)

    def some(values: list[Any]) -> Any:
        return values[rng.integers(len(values))]

    made = []
    for at in range(40):
        ids = {name: some([None, *NAMES]) for name in SCOPE_FIELDS}
        ids["user_id"] = ids["user_id"] or "ann"
        stamp = some(TIMES)
        made.append(
            MemoryVersion(f"m{at}", "p", Scope(**ids), some(NAMES), 1, 1, stamp, stamp + 1, metadata={"n": at % 3})
        )
    return made


VERSIONS = _versions()


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MilvusTable]:
    path = tmp_path_factory.mktemp("expressions") / "vector.db"
    made, _ = open_lite(path, "rows", Mark.of(EmbedderInfo("test", 4, 1), "english"))
    other = MemoryVersion("elsewhere", "q", Scope("ann"), "ann", 1, 1, 0, 0)
    changes = [
        Change(at, EventKind.ADD, one.memory_id, one.project, one) for at, one in enumerate([*VERSIONS, other], 1)
    ]
    made.write([Row(change, np.ones(4, dtype=np.float32)) for change in changes])
    yield made
    made.close()


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(node=filters)
def test_an_expression_never_selects_too_little(table: MilvusTable, node: Filter) -> None:
    push = pushed("p", node)
    rows = table._client.query("rows", filter=push.expression, output_fields=["memory_id"])
    selected = {row["memory_id"] for row in rows}
    expected = {one.memory_id for one in VERSIONS if matches(node, one)}
    assert expected <= selected
    assert "elsewhere" not in selected
    if push.exact:
        assert selected == expected
