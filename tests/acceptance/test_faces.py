"""Every verb through every face, with 1 and with 4 shards: the same answers, and the same refusals in each one's style.

A runtime per number of shards is started once, by the real command; each face tells its story there once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pytest

from tests.acceptance.faces.face import Face, Refused
from tests.acceptance.faces.refusals import REFUSALS, Refusal
from tests.acceptance.faces.runtimes import FACES, Runtimes
from tests.acceptance.faces.story import (
    BEES,
    BERLIN,
    HONEY,
    LATER_TRAM,
    MOVED,
    PEANUTS,
    SOON,
    SUMMER,
    TRAM,
    Story,
)

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

Steps: TypeAlias = dict[str, Any]

REFERENCE = (1, "ray")
EVERYWHERE = [(shards, face) for shards in (1, 4) for face in FACES]
SLOW_TO_ASK = "command"
"""A process for each question."""


def case(shards: int, face: str, *refusal: Refusal, slow: bool) -> Any:
    """A face on so many shards, and what it has to refuse, as a parameter with a name that can be read."""
    name = "-".join([face, f"{shards}-shard{'s' if shards > 1 else ''}", *[one.name for one in refusal]])
    return pytest.param((shards, face), *refusal, id=name, marks=[pytest.mark.slow] if slow else [])


TOLD = [case(shards, face, slow=shards > 1) for shards, face in EVERYWHERE]
ASKED = [case(shards, face, slow=shards > 1 or face == SLOW_TO_ASK) for shards, face in EVERYWHERE]
REFUSED = [
    case(shards, face, refusal, slow=shards > 1 or face == SLOW_TO_ASK)
    for shards, face in EVERYWHERE
    for refusal in REFUSALS
    if face not in refusal.not_by
]


@pytest.fixture(scope="module")
def runtimes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtimes]:
    started = Runtimes(tmp_path_factory.mktemp("faces"))
    yield started
    started.close()


@pytest.fixture(scope="module")
def told(runtimes: Runtimes) -> Callable[[int, str], Story]:
    """The whole story as a face tells it with so many shards; told when it is first asked for."""
    known: dict[tuple[int, str], Story] = {}

    def tell(shards: int, name: str) -> Story:
        if (shards, name) not in known:
            known[shards, name] = Story(runtimes.face(shards, name))
            known[shards, name].tell()
        assert known[shards, name].ended, "the story broke off when it was told"
        return known[shards, name]

    return tell


@pytest.fixture(scope="module", params=TOLD)
def story(request: pytest.FixtureRequest, told: Callable[[int, str], Story]) -> Story:
    return told(*request.param)


@pytest.fixture(scope="module")
def face(request: pytest.FixtureRequest, runtimes: Runtimes) -> Face:
    return runtimes.face(*request.param)


def texts(answer: Steps) -> list[str]:
    return [one["memory"] for one in answer["results"]]


def names(entities: list[Steps]) -> dict[str, int]:
    return {one["name"]: one["memories"] for one in entities}


def test_every_face_tells_the_same_story(story: Story, told: Callable[[int, str], Story]) -> None:
    expected = told(*REFERENCE).steps
    missing = {"search many"} if "search_batch" in story.face.lacks else set()

    assert list(story.steps) == [step for step in expected if step not in missing]
    for step, answer in story.steps.items():
        assert answer == expected[step], step


@pytest.mark.parametrize(("face", "refusal"), REFUSED, indirect=["face"])
def test_bad_input_is_refused_with_the_same_code_and_says_what_is_wrong(face: Face, refusal: Refusal) -> None:
    with pytest.raises(Refused) as refused:
        face.call(refusal.verb, *refusal.arguments, **refusal.fields)

    assert refused.value.code == refusal.code
    assert refusal.says in refused.value.message


# --- what the story says, verb by verb -------------------------------------------------------------------------------


def test_add_answers_what_became_of_each_message(story: Story) -> None:
    assert story.steps["add"] == {
        "message": "Memories stored successfully",
        "results": [
            {
                "id": f"id of {MOVED}",
                "memory": MOVED,
                "data": {"memory": MOVED},
                "event": "ADD",
                "message_index": 0,
                "role": "user",
                "actor_id": None,
            }
        ],
        "relations": [{"source": "Clara Nilsson", "relationship": "lives_in", "target": "Lisbon"}],
        "extractor": "verbatim",
        "status": "SUCCEEDED",
        "degraded": [],
    }
    rows = story.steps["add two messages"]["results"]
    assert [(row["memory"], row["role"], row["actor_id"], row["message_index"]) for row in rows] == [
        (BERLIN, "user", "Clara", 0),
        (TRAM, "assistant", None, 1),
    ]


def test_an_idempotency_key_has_one_effect_and_means_one_request(story: Story) -> None:
    assert story.steps["the same key again"] == story.steps["add"]
    assert story.steps["the key for something else"] == "conflict"


def test_a_text_that_is_known_is_not_stored_twice(story: Story) -> None:
    (row,) = story.steps["the same text again"]["results"]
    assert (row["id"], row["event"]) == (f"id of {MOVED}", "NONE")


def test_an_add_that_nobody_waits_for_is_accepted_and_takes_effect(story: Story) -> None:
    accepted, operation = story.steps["add without waiting"], story.steps["operation"]
    assert (accepted["status"], accepted["results"]) == ("PENDING", [])
    assert (operation["event_type"], operation["status"], texts(operation)) == ("ADD", "SUCCEEDED", [SOON])


def test_search_ranks_filters_and_cuts(story: Story) -> None:
    steps = story.steps
    assert texts(steps["search"])[0] == MOVED
    assert texts(steps["search the best"]) == [TRAM]
    assert texts(steps["search metadata"]) == [MOVED]
    assert set(texts(steps["search by date"])) == {BERLIN, TRAM}
    assert texts(steps["search for nothing like it"]) == []
    assert texts(steps["search nobody"]) == []


def test_a_memory_of_a_user_and_an_agent_is_found_by_the_agent_alone(story: Story) -> None:
    assert set(texts(story.steps["search by agent"])) == {PEANUTS, SUMMER}
    assert texts(story.steps["list by agent"]) == [SUMMER, PEANUTS]
    assert story.steps["search several users"] == [SUMMER, *sorted([MOVED, BERLIN, TRAM, PEANUTS, SOON])]


def test_an_explained_score_is_made_of_its_parts(story: Story) -> None:
    (hit,) = story.steps["search explained"]["results"]
    assert hit["memory"] == MOVED
    assert hit["score"] == story.steps["search"]["results"][0]["score"]
    assert hit["score_details"]


def test_get_answers_the_whole_memory(story: Story) -> None:
    assert story.steps["get"] == {
        "id": f"id of {MOVED}",
        "memory": MOVED,
        "user_id": "ana",
        "agent_id": None,
        "app_id": None,
        "run_id": None,
        "session_id": None,
        "role": "user",
        "name": None,
        "actor_id": None,
        "metadata": {"source": "letter", "pages": 2},
        "categories": None,
        "hash": "710941ead7c4df737e6c6790ecbc1f87",
        "version": 1,
        "created_at": "2024-01-01T10:00:00.000000+00:00",
        "updated_at": "2024-01-01T10:00:00.000000+00:00",
        "expiration_date": None,
    }


def test_a_list_is_newest_first_and_its_pages_are_its_parts(story: Story) -> None:
    newest_first = [SOON, PEANUTS, TRAM, BERLIN, MOVED]
    assert texts(story.steps["list"]) == newest_first
    pages = [story.steps[f"list page {number}"] for number in (1, 2, 3, 4)]
    assert [texts(page) for page in pages] == [newest_first[:2], newest_first[2:4], newest_first[4:], []]
    assert {page["count"] for page in pages} == {5}
    assert texts(story.steps["list filtered"]) == [SOON, PEANUTS]


def test_entities_counts_the_memories_of_everybody(story: Story) -> None:
    people = [(one["type"], one["name"], one["total_memories"]) for one in story.steps["people"]]
    assert people == [("agent", "guide", 2), ("user", "ana", 5), ("user", "ben", 1)]
    assert [one["name"] for one in story.steps["people at the end"]] == ["cleo"]


def test_the_graph_lists_what_memories_mention(story: Story) -> None:
    mentioned = names(story.steps["graph entities"]["results"])
    assert mentioned.items() >= {"Clara Nilsson": 1, "Lisbon": 1, "Jonas Weber": 1, "Siemens": 1, "Berlin": 1}.items()
    assert names(story.steps["graph entities by name"]["results"]) == {"Lisbon": 1}
    by_agent = story.steps["graph entities by agent"]
    assert (by_agent["count"], len(by_agent["results"])) == (2, 1)
    assert story.steps["graph entities, empty"]["results"] == []


def test_a_context_is_a_text_within_its_budget_with_its_sources(story: Story) -> None:
    told = story.steps["context"]
    assert told["context"] == f"2024-01-01 (Monday)\n- user: {MOVED}"
    assert [one["id"] for one in told["memories"]] == [f"id of {MOVED}"]
    assert 0 < told["tokens"] <= 30
    assert (story.steps["context of nobody"]["context"], story.steps["context of nobody"]["tokens"]) == ("", 0)


def test_neighbours_are_what_is_mentioned_together(story: Story) -> None:
    near = story.steps["neighbours"]
    assert near["entity"] == {"name": "Jonas Weber", "type": "person", "memories": 1}
    assert names(near["entities"]).items() >= {"Siemens": 1, "Berlin": 1}.items()
    assert [one["memory"] for one in near["memories"]] == [BERLIN]
    by_agent = story.steps["neighbours by agent"]
    assert [one["memory"] for one in by_agent["memories"]] == [SUMMER]
    assert story.steps["neighbours of nothing"] == "not_found"


def test_a_path_goes_over_common_memories(story: Story) -> None:
    path = story.steps["path"]
    assert (path["found"], path["length"], path["entities"]) == (True, 1, ["Siemens", "Berlin"])
    (step,) = path["steps"]
    assert (step["source"], step["relationship"], step["target"]) == ("Siemens", "mentioned_with", "Berlin")
    assert step["memory"]["memory"] == BERLIN
    assert (story.steps["no path"]["found"], story.steps["no path"]["steps"]) == (False, [])
    assert story.steps["path to nothing"] == "not_found"


def test_two_names_are_one_until_they_are_split(story: Story) -> None:
    merged, split = story.steps["merge"], story.steps["split"]
    assert (merged["changed"], merged["aliases"]) == (True, [{"name": "Siemens", "into": "Berlin"}])
    assert (split["changed"], split["into"], split["aliases"]) == (True, None, [])


def test_a_batch_answers_each_item_in_order(story: Story) -> None:
    first, refused, last = story.steps["add many"]
    assert (texts(first), texts(last)) == ([BEES], [HONEY])
    assert refused["error"]["code"] == "invalid_input"
    if "search_batch" in story.face.lacks:
        return
    first, refused, last = story.steps["search many"]
    assert (texts(first), texts(last)) == ([BEES], [HONEY])
    assert refused["error"]["code"] == "invalid_input"


def test_an_update_makes_a_version_that_is_found(story: Story) -> None:
    updated = story.steps["update"]
    assert (updated["id"], updated["memory"], updated["version"]) == (f"id of {TRAM}", LATER_TRAM, 2)
    assert updated["metadata"] == {"source": "timetable"}
    assert texts(story.steps["search the new text"]) == [LATER_TRAM]
    assert story.steps["update to a text that exists"] == "conflict"


def test_a_memory_whose_time_is_over_is_not_listed(story: Story) -> None:
    assert story.steps["update the end"]["expiration_date"] == "2023-01-01"
    assert story.steps["list without the ended"]["count"] == 4


def test_history_tells_every_change_also_after_deletion(story: Story) -> None:
    changes = [(one["event"], one["old_memory"], one["new_memory"]) for one in story.steps["history what is deleted"]]
    assert changes == [("ADD", None, TRAM), ("UPDATE", TRAM, LATER_TRAM), ("DELETE", LATER_TRAM, None)]
    assert story.steps["history"] == story.steps["history what is deleted"][:2]


def test_what_is_deleted_is_gone(story: Story) -> None:
    assert story.steps["delete"] == {
        "message": "Memory deleted successfully!",
        "status": "SUCCEEDED",
        "degraded": [],
    }
    assert story.steps["get what is deleted"] == "not_found"
    assert story.steps["delete what is deleted"] == "not_found"
    assert LATER_TRAM not in texts(story.steps["search after deletion"])


def test_delete_all_counts_what_went_over_all_users_of_an_agent(story: Story) -> None:
    counts = [story.steps[f"delete all {what}"]["count"] for what in ("by agent", "by user", "again")]
    assert counts == [2, 3, 0]
    assert story.steps["list by agent, empty"]["count"] == 0
    assert story.steps["list by user, empty"]["count"] == 0


def test_operations_are_listed_and_a_failed_one_is_tried_again(story: Story) -> None:
    (failed,) = story.steps["failed operations"]["results"]
    assert (failed["event_type"], failed["status"], failed["error"]["code"]) == ("UPDATE", "FAILED", "conflict")
    assert story.steps["retry"] == "not_found", "the memory was deleted meanwhile"
    assert story.steps["operations"] == [("ADD", "SUCCEEDED", [BEES]), ("ADD", "SUCCEEDED", [HONEY])]


def test_what_is_purged_is_gone_from_every_answer(story: Story) -> None:
    counts = [story.steps[f"purge{what}"]["count"] for what in ("", " by user", " again")]
    assert counts == [1, 1, 0]
    assert {story.steps[f"{verb} what is purged"] for verb in ("get", "history", "delete")} == {"purged"}
    assert texts(story.steps["list what is left"]) == [HONEY]
    assert [memories for _, _, memories in story.steps["operations, erased"] if memories] == []


@pytest.mark.parametrize("face", ASKED, indirect=True)
def test_status_says_what_runs(face: Face, request: pytest.FixtureRequest) -> None:
    shards, _ = request.node.callspec.params["face"]
    status = face.call("status")
    assert status["ready"] is True
    assert [one["shard"] for one in status["shards"]] == list(range(shards))
    assert {"embedder-0", *(f"orchestrator-{shard}" for shard in range(shards))} <= {
        one["name"] for one in status["actors"]
    }
