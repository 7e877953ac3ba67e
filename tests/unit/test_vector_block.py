"""Scope blocks: what is in one, which rows it finds, which are kept, and who wins between reading and filling."""

from __future__ import annotations

import numpy as np
import pytest

from engine.filters import And, Compare, Everything, Filter, Not, Op, Or
from engine.ports import VectorHit, VectorQuery
from engine.text.analyzer import Analyzer
from engine.types import Block, BlockKey, Change, EventKind, FloatArray, MemoryVersion, Scope
from engine.vector import blocks as blocks_module
from engine.vector.block import Row, ScopeBlock, unit
from engine.vector.blocks import Blocks
from engine.vector.matcher import remainder

ANNS = BlockKey("p", "user_id", "ann")
ENGLISH = Analyzer("english")
IS_ANN = Compare("user_id", Op.EQ, "ann")


def version(
    memory_id: str, text: str = "", user: str = "ann", project: str = "p", agent: str | None = None
) -> MemoryVersion:
    return MemoryVersion(
        memory_id, project, Scope(user, agent), text or memory_id, 1, 1, 1, 1, operation_id=f"add of {memory_id}"
    )


def vector(*values: float) -> FloatArray:
    return np.array(values, dtype=np.float32)


def put(position: int, one: MemoryVersion, at: FloatArray | None = None) -> Row:
    change = Change(position, EventKind.ADD, one.memory_id, one.project, one)
    return Row(change, vector(1, 0) if at is None else at)


def gone(position: int, memory_id: str, project: str = "p") -> Row:
    return Row(Change(position, EventKind.DELETE, memory_id, project, None), None)


def search(block: ScopeBlock, node: Filter = IS_ANN, limit: int = 10, text: str | None = None) -> dict[str, VectorHit]:
    query = VectorQuery("p", node, limit, vector(1, 0), text, ANNS)
    return {hit.version.memory_id: hit for hit in block.search([query], ANNS)[0]}


@pytest.fixture
def block() -> ScopeBlock:
    return ScopeBlock(2, ENGLISH)


def test_a_version_replaces_the_one_before(block: ScopeBlock) -> None:
    block.apply([put(1, version("m", "old")), put(2, version("m", "new"), vector(0, 1))], 2)
    hits = search(block, text="old")
    assert hits["m"].version.text == "new"
    assert (hits["m"].dense, hits["m"].keywords) == (0.0, 0.0)
    assert len(block) == 1


def test_changes_up_to_the_own_position_are_known_already(block: ScopeBlock) -> None:
    block.apply([put(5, version("m"))], 5)
    block.apply([gone(5, "m"), put(4, version("other"))], 5)
    assert set(search(block)) == {"m"}


def test_removing_what_isnt_there_is_harmless(block: ScopeBlock) -> None:
    block.apply([gone(1, "never")], 1)
    assert search(block) == {}


def test_a_zero_vector_is_like_nothing(block: ScopeBlock) -> None:
    block.apply([put(1, version("m"), vector(0, 0))], 1)
    assert search(block)["m"].dense == 0.0


def test_cosines_stay_within_their_bounds() -> None:
    rng = np.random.default_rng(0)
    block = ScopeBlock(384, ENGLISH)
    rows = rng.standard_normal((50, 384)).astype(np.float32)
    block.extend([version(f"m{at}") for at in range(50)], rows)
    queries = [VectorQuery("p", Everything(), 1, row) for row in rows]
    found = [hits[0] for hits in block.search(queries)]
    assert [hit.version.memory_id for hit in found] == [f"m{at}" for at in range(50)]
    assert all(hit.dense is not None and 0.9999 < hit.dense <= 1.0 for hit in found)


def test_rows_survive_growth_and_compaction(block: ScopeBlock) -> None:
    rows = [put(at, version(f"m{at}", f"text{at}"), vector(at, 1000)) for at in range(1, 1001)]
    block.apply(rows, 1000)
    full = block.bytes
    block.apply([gone(1000 + at, f"m{at}") for at in range(1, 991)], 1990)
    assert len(block) == 10
    assert block.bytes < full / 20
    hits = search(block, text="text995", limit=3)
    assert set(hits) == {"m1000", "m999", "m995"}
    assert hits["m995"].keywords == max(hit.keywords or 0.0 for hit in hits.values())
    block.apply([put(2000, version("m995", "moved"), vector(1, 0))], 2000)
    assert search(block, limit=1)["m995"].version.text == "moved"


def test_a_filter_is_asked_only_of_the_best_when_they_match(block: ScopeBlock, monkeypatch: pytest.MonkeyPatch) -> None:
    block.extend(
        [version(f"m{at}", agent="even" if at % 2 == 0 else "odd") for at in range(1000)],
        np.stack([vector(1000 - at, at) for at in range(1000)]),
    )
    asked = 0

    def counting(node: Filter, one: MemoryVersion) -> bool:
        nonlocal asked
        asked += 1
        return one.scope.agent_id == node.value  # type: ignore[union-attr]

    monkeypatch.setattr("engine.vector.matcher.matches", counting)
    even = And((IS_ANN, Compare("agent_id", Op.EQ, "even")))
    assert set(search(block, even, limit=5)) == {"m0", "m2", "m4", "m6", "m8"}
    assert asked == 4 * 64
    asked = 0
    nobody = Compare("agent_id", Op.EQ, "nobody")
    queries = [VectorQuery("p", nobody, 5, vector(1, 0), "m1 m2", ANNS) for _ in range(3)]
    assert block.search(queries, ANNS) == [(), (), ()]
    assert asked == 1000


@pytest.mark.parametrize(
    ("node", "left"),
    [
        (IS_ANN, Everything()),
        (Compare("user_id", Op.IN, ("ann",)), Everything()),
        (And((IS_ANN, IS_ANN)), Everything()),
        (Everything(), Everything()),
        (And((IS_ANN, Compare("role", Op.EQ, "user"))), Compare("role", Op.EQ, "user")),
        (Compare("user_id", Op.EQ, "bob"), Compare("user_id", Op.EQ, "bob")),
        (Compare("user_id", Op.IN, ("ann", "bob")), Compare("user_id", Op.IN, ("ann", "bob"))),
        (Compare("metadata", Op.EQ, "ann", "user_id"), Compare("metadata", Op.EQ, "ann", "user_id")),
        (Not(IS_ANN), Not(IS_ANN)),
        (Or((IS_ANN, IS_ANN)), Or((IS_ANN, IS_ANN))),
        (Compare("agent_id", Op.EQ, "ann"), Compare("agent_id", Op.EQ, "ann")),
    ],
)
def test_only_what_the_block_says_itself_is_not_asked_again(node: Filter, left: Filter) -> None:
    assert remainder(node, ANNS) == left


def test_unit_leaves_zero_alone() -> None:
    assert unit(np.array([[3, 4], [0, 0]], dtype=np.float32)).tolist() == [
        [pytest.approx(0.6), pytest.approx(0.8)],
        [0, 0],
    ]


def filled(key: BlockKey, position: int, *versions: MemoryVersion) -> Block:
    return Block(key, position, versions, np.tile(vector(1, 0), (len(versions), 1)))


def texts(blocks: Blocks, key: BlockKey = ANNS) -> dict[str, str]:
    block = blocks.get(key)
    assert block is not None
    return {memory_id: hit.version.text for memory_id, hit in search(block, Everything(), 1000).items()}


@pytest.fixture
def blocks() -> Blocks:
    return Blocks(2, ENGLISH, budget_bytes=1 << 30)


def test_a_block_is_cold_until_it_is_filled(blocks: Blocks) -> None:
    assert blocks.get(ANNS) is None
    assert blocks.fill(filled(ANNS, 0, version("m")))
    assert texts(blocks) == {"m": "m"}


def test_what_changed_after_the_read_wins_and_what_came_before_it_is_ignored(blocks: Blocks) -> None:
    blocks.apply([put(1, version("a"))], 1)
    assert blocks.get(ANNS) is None
    blocks.apply([put(2, version("b")), gone(3, "b"), put(4, version("a", "edited"))], 4)
    read_at_4 = filled(ANNS, 4, version("a", "edited"))
    blocks.apply([put(5, version("a", "edited again")), put(6, version("b", "back"))], 6)
    assert blocks.fill(read_at_4)
    assert texts(blocks) == {"a": "edited again", "b": "back"}


def test_a_read_from_before_the_naming_is_refused(blocks: Blocks) -> None:
    blocks.apply([put(1, version("a"))], 1)
    assert blocks.get(ANNS) is None
    assert not blocks.fill(filled(ANNS, 0))
    assert blocks.get(ANNS) is None
    assert blocks.fill(filled(ANNS, 1, version("a")))


def test_a_block_that_nobody_asked_for_is_taken_only_if_it_is_not_older_than_the_index(blocks: Blocks) -> None:
    blocks.apply([put(1, version("a"))], 1)
    assert not blocks.fill(filled(ANNS, 0))
    assert blocks.fill(filled(ANNS, 1, version("a")))
    assert texts(blocks) == {"a": "a"}


def test_filling_twice_keeps_what_is_there(blocks: Blocks) -> None:
    blocks.get(ANNS)
    assert blocks.fill(filled(ANNS, 0, version("a")))
    blocks.apply([gone(1, "a")], 1)
    assert blocks.fill(filled(ANNS, 0, version("a")))
    assert texts(blocks) == {}


def test_changes_reach_every_block_of_the_memory_and_no_other(blocks: Blocks) -> None:
    helpers, bobs, elsewhere = (
        BlockKey("p", "agent_id", "helper"),
        BlockKey("p", "user_id", "bob"),
        BlockKey("q", "user_id", "ann"),
    )
    keys = (ANNS, helpers, bobs, elsewhere)
    for key in keys:
        blocks.fill(filled(key, 0))
    blocks.apply([put(1, version("m", agent="helper")), put(2, version("m", "not mine", project="q"))], 2)
    assert [texts(blocks, key) for key in keys] == [{"m": "m"}, {"m": "m"}, {}, {"m": "not mine"}]
    blocks.apply([gone(3, "m")], 3)
    assert [texts(blocks, key) for key in keys] == [{}, {}, {}, {"m": "not mine"}]


def test_the_least_recently_used_block_goes_first() -> None:
    rows = [version(f"m{at}") for at in range(100)]
    size = 2 * 100 * 1800
    blocks = Blocks(2, ENGLISH, budget_bytes=size)
    keys = [BlockKey("p", "user_id", name) for name in ("a", "b", "c")]
    for key in keys[:2]:
        blocks.fill(filled(key, 0, *rows))
    assert blocks.get(keys[0]) is not None
    blocks.fill(filled(keys[2], 0, *rows))
    assert blocks.get(keys[1]) is None
    assert blocks.get(keys[0]) is not None
    assert blocks.get(keys[2]) is not None


def test_a_block_larger_than_the_budget_still_serves_while_it_is_in_use() -> None:
    blocks = Blocks(2, ENGLISH, budget_bytes=1)
    blocks.fill(filled(ANNS, 0, version("m")))
    assert texts(blocks) == {"m": "m"}
    blocks.fill(filled(BlockKey("p", "user_id", "bob"), 0))
    assert blocks.get(ANNS) is None


def test_blocks_that_are_named_and_never_filled_are_forgotten(blocks: Blocks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks_module, "MOST_BUFFERED_ROWS", 3)
    assert blocks.get(ANNS) is None
    blocks.apply([put(at, version(f"m{at}")) for at in range(1, 6)], 5)
    assert not blocks.fill(filled(ANNS, 0))
    assert blocks.get(ANNS) is None
    assert blocks.fill(filled(ANNS, 5, *(version(f"m{at}") for at in range(1, 6))))
    assert len(texts(blocks)) == 5


def test_no_more_blocks_are_pending_than_may_be(blocks: Blocks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks_module, "MOST_PENDING", 2)
    blocks.get(ANNS)
    for name in ("b", "c"):
        blocks.get(BlockKey("p", "user_id", name))
    blocks.apply([put(1, version("m"))], 1)
    assert not blocks.fill(filled(ANNS, 0))
