"""Names that a person has said to mean the same: merged, split, kept, and gone with a purge."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.alias_book import AliasBook, resolved
from engine.config import load
from engine.errors import Conflict, InvalidInput, NotFound, StaleEpoch
from engine.in_process import in_process
from engine.ledger.store import SqlLedger
from engine.ledger_port import Alias
from engine.sharding import Sharded
from engine.types import Scope
from tests.integration.test_graph_time import Capitals, stated

SHARDS = 3


@pytest.fixture(params=["one shard", "three shards"])
async def api(request: pytest.FixtureRequest) -> AsyncIterator[Any]:
    """The same verbs over one memory system or over three shards."""
    shards = SHARDS if request.param == "three shards" else 1
    settings = load(shards=shards)
    parts = [in_process(settings, recogniser=Capitals()) for _ in range(shards)]
    for part in parts:
        await part.start()
    yield Sharded(0, parts, settings) if shards > 1 else parts[0]
    for part in parts:
        await part.close()


async def seen(api: Any, **scope: Any) -> Any:
    """All that can be asked of three names."""
    found: list[Any] = [await api.graph_entities(**scope), await api.communities(**scope)]
    for name in ("Nana", "Anna Schmidt", "Rome"):
        try:
            found += [await api.neighbours(name, **scope), await api.path(name, "Bonn", **scope)]
        except NotFound as error:
            found.append(str(error))
    return found


@pytest.mark.parametrize("scope", [{"user_id": "u0"}, {"agent_id": "bot"}], ids=["a user", "an agent of many users"])
async def test_two_names_are_one_until_they_are_split_and_then_all_is_as_before(api: Any, scope: Any) -> None:
    texts = ("Nana moved to Rome", "so Anna Schmidt met Ben", "Anna Schmidt lives in Bonn", "my friend Nana")
    for number, text in enumerate(texts):
        user = "u0" if "user_id" in scope else f"u{number}"
        await api.add(text, user_id=user, agent_id="bot", timestamp=number)
    before = await seen(api, **scope)
    merged = await api.merge_entities("Nana", "Anna Schmidt", **scope)
    assert merged == {
        "name": "Nana",
        "into": "Anna Schmidt",
        "changed": True,
        "aliases": [{"name": "Nana", "into": "Anna Schmidt"}],
    }
    assert not (await api.merge_entities("nana", "Anna Schmidt", **scope))["changed"]

    near = await api.neighbours("NANA", **scope)
    assert near["entity"]["name"] == "Anna Schmidt"
    assert ("Anna Schmidt", "lives_in", "Bonn") in stated(near)
    assert ("Anna Schmidt", "lives_in", "Rome") not in stated(near), "the newer closes the older, of one entity now"
    assert (await api.path("Rome", "Bonn", **scope))["length"] == 2
    names = [one["name"] for one in (await api.graph_entities(**scope))["results"]]
    assert "Nana" not in names

    assert (await api.split_entity("Nana", **scope))["changed"]
    assert not (await api.split_entity("Nana", **scope))["changed"]
    assert await seen(api, **scope) == before


async def test_a_search_starts_from_the_one_that_is_meant(api: Any) -> None:
    await api.add("so Anna plays chess", user_id="u")

    async def by_graph() -> bool:
        found = await api.search("what of Nana?", user_id="u", explain=True, threshold=0.0)
        details = found["results"][0]["score_details"]
        return bool(details.get("signals", details).get("graph"))

    assert not await by_graph()
    await api.merge_entities("Nana", "Anna", user_id="u")
    assert await by_graph()


async def test_what_cannot_be_merged_is_refused(api: Any) -> None:
    await api.merge_entities("Nana", "Anna", user_id="u")
    await api.merge_entities("Anna", "Anna Schmidt", user_id="u")
    with pytest.raises(Conflict, match="split"):
        await api.merge_entities("Anna Schmidt", "Nana", user_id="u")
    with pytest.raises(InvalidInput, match="one name"):
        await api.merge_entities("Anna", "ANNA\u2019s", user_id="u")
    with pytest.raises(InvalidInput):
        await api.merge_entities("Anna", "Eva")
    with pytest.raises(InvalidInput, match="into"):
        await api.merge_entities("Anna", " ", user_id="u")


async def test_they_hold_in_their_scope_and_in_narrower_ones_only(api: Any) -> None:
    for user in ("u", "v"):
        await api.add("so Nana met Ben", user_id=user, run_id="r")
    await api.merge_entities("Nana", "Anna", user_id="u")
    assert (await api.neighbours("Nana", user_id="u", run_id="r"))["entity"]["name"] == "Anna"
    assert (await api.neighbours("Nana", user_id="v"))["entity"]["name"] == "Nana"
    assert (await api.neighbours("Nana", run_id="r"))["entity"]["name"] == "Nana"
    await api.merge_entities("Nana", "Eva", user_id="u", run_id="r")
    assert (await api.neighbours("Nana", user_id="u", run_id="r"))["entity"]["name"] == "Eva"
    assert (await api.neighbours("Nana", user_id="u"))["entity"]["name"] == "Anna"


async def test_they_outlive_the_process_and_go_with_a_purge_of_their_scope(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    first = in_process(ledger_=(ledger := SqlLedger(url)), recogniser=Capitals())
    await first.start()
    await first.merge_entities("Rumpelstiltskin", "Anna", user_id="u")
    await first.merge_entities("Nana", "Anna", user_id="v")
    await first.close()
    await ledger.close()
    second = in_process(ledger_=(ledger := SqlLedger(url)), recogniser=Capitals())
    await second.start()
    await second.add("so Rumpelstiltskin danced", user_id="u")
    assert (await second.neighbours("Rumpelstiltskin", user_id="u"))["entity"]["name"] == "Anna"
    await second.purge(user_id="u")
    assert [one.name for one in await ledger.aliases("default")] == ["Nana"]
    await second.close()
    await ledger.close()
    assert not any(b"Rumpelstiltskin" in file.read_bytes() for file in tmp_path.iterdir())


async def test_an_owner_of_before_changes_nothing() -> None:
    ledger = SqlLedger("sqlite://")
    old = await ledger.open()
    await ledger.open()
    with pytest.raises(StaleEpoch):
        await AliasBook(ledger).merge(old.epoch, "p", Alias(Scope(user_id="u"), "nana", "Nana", "Anna"))
    assert await ledger.aliases("p") == ()
    await ledger.close()


async def test_what_was_read_is_read_anew_after_a_while() -> None:
    ledger = SqlLedger("sqlite://")
    owner = await ledger.open()
    now_s = 0.0
    book = AliasBook(ledger, clock=lambda: now_s)
    assert await book.standing("p", {"user_id": "u"}) == {}
    await ledger.put_alias(owner.epoch, "p", Alias(Scope(user_id="u"), "nana", "Nana", "Anna"))
    assert await book.standing("p", {"user_id": "u"}) == {}
    now_s = 6.0
    assert await book.standing("p", {"user_id": "u"}) == {"nana": "Anna"}
    await ledger.close()


@given(st.dictionaries(st.sampled_from("abcde"), st.sampled_from("abcde")))
def test_every_chain_ends_and_none_of_the_names_it_ends_in_means_another(into: dict[str, str]) -> None:
    found = resolved(into)
    assert set(found) <= set(into)
    assert all(name not in found for name in found.values())
