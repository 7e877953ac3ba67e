"""What the retrieval benchmark's pure parts promise: figures checked by hand, sets that say what is wrong."""

from __future__ import annotations

import json
import math
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import typer

from bench import locomo, locomo_data
from bench.judged_sets import JudgedSet, Question, Unit, assemble, lines, read
from bench.make_assistant_chats import FILE, chats
from bench.retrieval_metrics import NAMES, Score, by_category, difference, mean, score
from bench.retrieval_results import ANSWERED, COMPLETE, Answers, Filled, Retrieval, tables
from bench.retrieval_run import chosen
from bench.retrieval_systems import Bm25, Plain, Vectors
from engine.embed.hashing import HashingEmbedder


def ranks(*covered: str) -> list[set[str]]:
    return [set(one.split()) for one in covered]


def a_score(question: str, recall: float, category: str = "fact") -> Score:
    return Score("g", question, category, dict.fromkeys(NAMES, 0.0) | {"recall@10": recall})


class TestMetrics:
    def test_recall_is_the_share_of_the_evidence_in_the_first_k(self) -> None:
        found = score(ranks("x", "a", "x", "x", "x", "b"), ["a", "b", "c", "d"])
        assert found["recall@5"] == 0.25
        assert found["recall@10"] == found["recall@50"] == 0.5
        assert found["all@10"] == 0.0
        assert found["any@5"] == 1.0

    def test_all_needs_every_piece(self) -> None:
        assert score(ranks("a", "b"), ["a", "b"])["all@5"] == 1.0

    def test_the_reciprocal_rank_is_of_the_first_hit(self) -> None:
        assert score(ranks("x", "x", "a", "b"), ["a", "b"])["mrr"] == pytest.approx(1 / 3)

    def test_what_comes_after_rank_fifty_counts_as_missing(self) -> None:
        found = score(ranks(*["x"] * 50, "a"), ["a"])
        assert set(found.values()) == {0.0}

    def test_a_perfect_ranking_has_every_figure_at_one(self) -> None:
        assert set(score(ranks("a", "b"), ["a", "b"]).values()) == {1.0}

    def test_ndcg_discounts_by_rank(self) -> None:
        assert score(ranks("x", "a"), ["a"])["ndcg@10"] == pytest.approx(1 / math.log2(3))

    def test_the_same_evidence_twice_gains_once(self) -> None:
        once, twice = score(ranks("a", "x", "b"), ["a", "b"]), score(ranks("a", "a", "b"), ["a", "b"])
        assert once == twice

    def test_a_unit_may_bring_several_pieces(self) -> None:
        assert score(ranks("a b"), ["a", "b"])["recall@5"] == 1.0

    def test_an_empty_ranking_finds_nothing(self) -> None:
        assert set(score([], ["a"]).values()) == {0.0}

    def test_a_question_without_evidence_is_refused(self) -> None:
        with pytest.raises(ValueError, match="without evidence"):
            score(ranks("a"), [])

    def test_means_weigh_questions_alike(self) -> None:
        assert mean([a_score("1", 1.0), a_score("2", 0.0), a_score("3", 0.5)])["recall@10"] == 0.5
        assert mean([]) == {}

    def test_categories_keep_their_order(self) -> None:
        found = by_category([a_score("1", 1, "b"), a_score("2", 1, "a"), a_score("3", 1, "b")])
        assert {name: len(scores) for name, scores in found.items()} == {"b": 2, "a": 1}
        assert list(found) == ["b", "a"]

    def test_a_difference_is_paired_and_has_an_interval(self) -> None:
        before = [a_score(str(n), 0.0) for n in range(40)]
        after = [a_score(str(n), float(n % 2)) for n in range(40)]
        gain, low, high = difference(before, after)
        assert gain == 0.5
        assert 0.3 < low < 0.5 < high < 0.7

    def test_a_difference_needs_common_questions(self) -> None:
        with pytest.raises(ValueError, match="in common"):
            difference([a_score("1", 1)], [a_score("2", 1)])


def write(path: Path, *objects: Any) -> Path:
    path.write_text("".join(f"{json.dumps(one)}\n" for one in objects), encoding="utf-8")
    return path


class TestJudgedSets:
    def test_lines_come_in_any_order_and_groups_are_scopes(self, tmp_path: Path) -> None:
        found = read(
            write(
                tmp_path / "notes.jsonl",
                {"question": {"id": "q", "text": "Where?", "evidence": ["u1"], "group": "a"}},
                {"unit": {"id": "u1", "text": "In Porto.", "group": "a", "session": "s"}},
                {"unit": {"id": "u1", "text": "In Riga.", "group": "b"}},
                {"unit": {"id": "u2", "text": "Since May.", "group": "a", "session": "s", "role": "assistant"}},
            )
        )
        assert found.name == "notes"
        assert [group.name for group in found.groups] == ["a", "b"]
        assert [[unit.id for unit in session] for session in found.groups[0].sessions()] == [["u1", "u2"]]
        assert found.groups[0].questions[0].evidence == ("u1",)

    def test_units_without_a_session_stand_alone(self) -> None:
        found = assemble("s", [Unit(id="1", text="a"), Unit(id="2", text="b")], [])
        assert [[unit.id for unit in session] for session in found.groups[0].sessions()] == [["1"], ["2"]]

    def test_evidence_that_no_unit_covers_is_named_and_left_out(self) -> None:
        units = [Unit(id="u", text="t", covers=("e1", "e2"))]
        asked = [Question(id="q", text="?", evidence=("e1", "e9")), Question(id="r", text="?", evidence=("e9",))]
        found = assemble("s", units, asked)
        assert [question.evidence for question in found.groups[0].questions] == [("e1",)]
        assert any("question q" in told and "e9" in told for told in found.skipped)
        assert any("question r" in told and "not asked" in told for told in found.skipped)

    def test_evidence_that_is_known_stays_wanted_without_a_unit(self) -> None:
        asked = [Question(id="q", text="?", evidence=("e",))]
        found = assemble("s", [Unit(id="u", text="t")], asked, known={"all": {"e"}})
        assert found.groups[0].questions[0].evidence == ("e",)
        assert not found.skipped

    @pytest.mark.parametrize(
        ("line", "told"),
        [
            ('{"unit": {"id": "u"}}', "text"),
            ('{"unit": {"id": "u", "text": "t", "colour": "red"}}', "colour"),
            ('{"note": {}}', "unknown kind"),
            ("[1]", "should be"),
            ("{", "line 2"),
            ('{"unit": {"id": "u", "text": "t", "role": "robot"}}', "role"),
            ('{"unit": {"id": "u", "text": "t", "timestamp": "yesterday"}}', "timestamp"),
        ],
    )
    def test_a_bad_line_is_named(self, tmp_path: Path, line: str, told: str) -> None:
        path = tmp_path / "bad.jsonl"
        path.write_text('{"unit": {"id": "ok", "text": "t"}}\n' + line + "\n")
        with pytest.raises(ValueError, match=told) as error:
            read(path)
        assert "line 2" in str(error.value)

    def test_an_id_twice_in_a_group_is_refused(self) -> None:
        with pytest.raises(ValueError, match="several units"):
            assemble("s", [Unit(id="u", text="a"), Unit(id="u", text="b")], [])

    def test_questions_without_units_are_refused(self) -> None:
        with pytest.raises(ValueError, match="no units in group b"):
            assemble("s", [Unit(id="u", text="a")], [Question(id="q", text="?", evidence=("u",), group="b")])

    def test_a_set_survives_being_written(self, tmp_path: Path) -> None:
        units = [Unit(id="u", text="Grüße", name="Ana", timestamp=datetime(2025, 3, 1, 9, tzinfo=UTC), covers=("e",))]
        before = assemble("s", units, [Question(id="q", text="?", evidence=("e",), category="c")], {"c"})
        path = tmp_path / "set.jsonl"
        path.write_text("\n".join(lines(before)), encoding="utf-8")
        assert read(path) == before

    def test_a_group_that_is_not_there_is_named(self) -> None:
        with pytest.raises(ValueError, match="no group z; there are all"):
            assemble("s", [Unit(id="u", text="a")], []).only(["z"])

    def test_the_speaker_stands_in_front_once(self) -> None:
        assert Unit(id="u", text="Hello", name="Ana").said() == "Ana: Hello"
        assert Unit(id="u", text="Ana sings", name="Ana").said() == "Ana sings"
        assert Unit(id="u", text="Hi", timestamp=datetime(2023, 5, 8, tzinfo=UTC)).dated() == "[8 May 2023] Hi"


DIALOGUE = {
    "sample_id": "conv-1",
    "conversation": {
        "speaker_a": "Ana",
        "speaker_b": "Ben",
        "session_1_date_time": "1:56 pm on 8 May, 2023",
        "session_1": [
            {"speaker": "Ana", "dia_id": "D1:1", "text": "Look!", "blip_caption": "a red boat"},
            {"speaker": "Ben", "dia_id": "D1:2", "text": "Nice."},
        ],
        "session_2_date_time": "10:00 am on 9 May, 2023",
        "session_2": [{"speaker": "Ben", "dia_id": "D2:1", "text": "I bought it."}],
    },
    "observation": {
        "session_1_observation": {"Ana": [["Ana has a boat.", "D1:1"]]},
        "session_2_observation": {"Ben": [["Ben bought a boat.", ["D1:1", "D2:1"]]]},
    },
    "qa": [
        {"question": "What did Ana show?", "evidence": ["D1:1; D2:1"], "category": 1},
        {"question": "And Ben?", "evidence": ["D01:02", "D"], "category": 4},
        {"question": "Why?", "evidence": [], "category": 3},
        {"question": "What did Ben show?", "evidence": ["D:1:1"], "category": 5},
    ],
}


class TestLocomo:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        path = tmp_path / "locomo.json"
        path.write_text(json.dumps([DIALOGUE]))
        return path

    def test_turns_carry_speaker_session_date_and_caption(self, path: Path) -> None:
        first = locomo_data.read(path, caption=True).groups[0].units[0]
        assert (first.id, first.name, first.session) == ("D1:1", "Ana", "session_1")
        assert first.text == "Look! [shared image: a red boat]"
        assert first.timestamp == datetime(2023, 5, 8, 13, 56, tzinfo=UTC)
        assert locomo_data.read(path).groups[0].units[0].text == "Look!"

    def test_it_is_written_as_lines_that_other_commands_read(self, path: Path) -> None:
        lines_file = path.with_suffix(".jsonl")
        locomo.main(path, caption=True, lines=lines_file)
        assert read(lines_file).groups == locomo_data.read(path, caption=True).groups

    def test_lines_that_can_not_be_written_end_the_command(self, path: Path) -> None:
        with pytest.raises(typer.Exit) as ended:
            locomo.main(path, lines=path / "below-a-file")
        assert ended.value.exit_code == 1

    def test_evidence_is_read_however_it_is_written(self, path: Path) -> None:
        found = locomo_data.read(path)
        assert [question.evidence for question in found.groups[0].questions] == [("D1:1", "D2:1"), ("D1:2",), ("D1:1",)]

    def test_malformed_and_missing_evidence_is_named(self, path: Path) -> None:
        malformed, missing = locomo_data.read(path).skipped
        assert '"D"' in malformed
        assert "question 2: without evidence" in missing

    def test_the_adversarial_category_is_apart(self, path: Path) -> None:
        found = locomo_data.read(path)
        assert found.apart == {"adversarial"}
        assert [question.category for question in found.groups[0].questions][-1] == "adversarial"

    def test_observations_cover_turns_and_what_they_lack_stays_wanted(self, path: Path) -> None:
        group = locomo_data.read(path, "observation").groups[0]
        assert [unit.evidence for unit in group.units] == [("D1:1",), ("D1:1", "D2:1")]
        assert group.questions[1].evidence == ("D1:2",)

    def test_another_file_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "other.json"
        path.write_text('[{"title": 1}]')
        with pytest.raises(ValueError, match="isn't LoCoMo's"):
            locomo_data.read(path)


class TestPlainSystems:
    def test_bm25_knows_word_forms_and_prefers_rare_words(self) -> None:
        scores = Bm25(["She was painting the boats", "He was in the garden", "A boat in a garden of boats"]).scores(
            "Who paints the garden?"
        )
        assert scores.argmax() == 0

    async def test_the_share_of_keywords_decides(self) -> None:
        units = [Unit(id="1", text="red boat"), Unit(id="2", text="the garden gnome"), Unit(id="3", text="a blue car")]
        (group,) = assemble("s", units, []).groups
        for share in (0.0, 0.4, 1.0):
            system = Plain("one", Vectors(HashingEmbedder()), share)
            await system.load(group)
            assert (await system.rank("Which garden gnome?", 2))[0] == "2"


@pytest.fixture(scope="module")
def judged() -> JudgedSet:
    return chats(9, 0)


class TestAssistantChats:
    def test_the_file_is_what_the_generator_writes(self, judged: JudgedSet) -> None:
        assert "".join(f"{line}\n" for line in lines(judged)) == FILE.read_text(encoding="utf-8")

    def test_there_are_enough_questions_over_long_chats(self, judged: JudgedSet) -> None:
        assert sum(len(group.questions) for group in judged.groups) >= 150
        assert all(150 <= len(group.units) <= 300 for group in judged.groups)
        assert not judged.skipped

    def test_every_kind_of_question_is_there(self, judged: JudgedSet) -> None:
        kinds = Counter(question.category for group in judged.groups for question in group.questions)
        assert set(kinds) == {"fact", "reference", "pair", "update", "several", "answer"}
        assert min(kinds.values()) >= 10

    def test_nobody_has_a_name_and_roles_take_turns(self, judged: JudgedSet) -> None:
        for group in judged.groups:
            assert all(unit.name is None for unit in group.units)
            roles = Counter(unit.role for unit in group.units)
            assert roles["assistant"] > 0.3 * len(group.units)

    def test_evidence_says_what_nothing_else_says_in_the_same_words(self, judged: JudgedSet) -> None:
        for group in judged.groups:
            said = Counter(unit.text for unit in group.units)
            text_of = {unit.id: unit.text for unit in group.units}
            assert all(said[text_of[one]] == 1 for question in group.questions for one in question.evidence)

    def test_another_seed_tells_other_chats(self, judged: JudgedSet) -> None:
        other = chats(1, 7)
        assert [unit.text for unit in other.groups[0].units] != [unit.text for unit in judged.groups[0].units]


def answers(system: str, when: str, *recalls: float) -> Answers:
    scores = tuple(a_score(str(place), recall) for place, recall in enumerate(recalls))
    return Answers(system=system, when=when, scores=(*scores, a_score("t", 1.0, "trick")), ms=(10.0, 30.0, 20.0))


class TestResults:
    @pytest.fixture
    def found(self) -> Retrieval:
        return Retrieval(
            set="notes",
            started="now",
            groups={"g": (3, 3)},
            apart=("trick",),
            skipped=(),
            answers=(answers("Remora", ANSWERED, 0.0, 0.5), answers("Remora", COMPLETE, 1.0, 0.5)),
            ablation={"dense": answers("Remora", COMPLETE, 0.0, 0.5)},
            filled=(
                Filled(group="g", units=30, add_s=1.0, settled_s=2.0, signals=([{"pending": 7}], [{"pending": 0}])),
            ),
        )

    def row(self, found: Retrieval, title: str, first: str) -> dict[str, str]:
        (table,) = [table for table in tables(found) if table.title.startswith(title)]
        (row,) = [row for row in table.rows if row[0] == first]
        return dict(zip(table.header, row, strict=True))

    def test_totals_leave_out_what_is_apart(self, found: Retrieval) -> None:
        assert self.row(found, "notes: 2 questions, without trick", "Remora, signals complete")["R@10"] == "75.0"
        assert self.row(found, "notes", "Remora, when the add was answered")["R@10"] == "25.0"

    def test_what_is_apart_has_its_own_row(self, found: Retrieval) -> None:
        assert self.row(found, "Remora, signals complete, by", "trick (apart)")["R@10"] == "100.0"

    def test_ablation_says_what_is_lost(self, found: Retrieval) -> None:
        row = self.row(found, "Each signal out", "without dense")
        assert row["R@10"] == "25.0"
        assert row["R@10 ± (95 %)"].startswith("-50.0 (")

    def test_times_and_completion_are_shown(self, found: Retrieval) -> None:
        assert self.row(found, "Time of an answer", "Remora, signals complete")["p50 ms"] == "20.0"
        row = self.row(found, "Derived signals", "g")
        assert (row["pending at the answer"], row["complete: memories/s"]) == ("7", "10.0")

    def test_results_survive_json(self, found: Retrieval) -> None:
        assert Retrieval.model_validate_json(found.model_dump_json()) == found


class TestWeights:
    def test_they_are_written_as_signal_and_number(self) -> None:
        assert chosen(["dense=1", "tokens = 0.5"]) == {"dense": 1.0, "tokens": 0.5}

    @pytest.mark.parametrize("written", ["dense", "dense=", "=1", "dense=much"])
    def test_anything_else_is_refused(self, written: str) -> None:
        with pytest.raises(ValueError, match="dense=1"):
            chosen([written])
