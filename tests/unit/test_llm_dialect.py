"""How servers are asked, and what is learnt from what they refuse. The words are those of real servers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.llm.dialect import Dialect, Form, Learnt, Limit, Refusal, otherwise, request
from engine.ports import Prompt

PROMPT = Prompt("Write facts.", "Ana paints.", {"type": "object"})
SEEN = replace(PROMPT, images=("https://example.org/a.png", "data:image/png;base64,AAAA"))
PLAIN = Dialect()
HOUR_S = 3600.0


@pytest.mark.parametrize(
    ("refusal", "other"),
    [
        (
            Refusal(
                400,
                "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' "
                "instead. unsupported_parameter",
                "max_tokens",
            ),
            replace(PLAIN, limit=Limit.COMPLETION),
        ),
        (
            Refusal(422, "[{'loc': ['body', 'max_tokens'], 'msg': 'Extra inputs are not permitted'}]"),
            replace(PLAIN, limit=Limit.COMPLETION),
        ),
        (
            Refusal(
                400,
                "Unsupported value: 'temperature' does not support 0 with this model. Only the default (1) value is "
                "supported. unsupported_value",
                "temperature",
            ),
            replace(PLAIN, temperature=False),
        ),
        (Refusal(400, "`temperature` is deprecated for this model."), replace(PLAIN, temperature=False)),
        (
            Refusal(400, "This model does not support response format `json_schema`."),
            replace(PLAIN, form=Form.OBJECT),
        ),
        (Refusal(400, "Invalid schema", "response_format"), replace(PLAIN, form=Form.OBJECT)),
    ],
)
def test_a_refusal_teaches_how_else_to_ask(refusal: Refusal, other: Dialect) -> None:
    assert otherwise(refusal, PLAIN, PROMPT) == other


@pytest.mark.parametrize(
    "refusal",
    [
        Refusal(400, "'max_tokens' or 'max_completion_tokens' is too large: 8192. The maximum context length is 4096"),
        Refusal(400, "max_tokens is too large: 99999. This model supports at most 16384 tokens", "max_tokens"),
        Refusal(400, "Please reduce the length of the messages."),
        Refusal(500, "response_format: internal error"),
        Refusal(401, "unsupported temperature"),
        Refusal(404, "The model `image-1` does not exist"),
    ],
)
def test_other_refusals_teach_nothing(refusal: Refusal) -> None:
    assert otherwise(refusal, PLAIN, PROMPT) is None


def test_a_server_that_knows_the_newer_name_no_more_hears_the_older_one() -> None:
    refusal = Refusal(400, "Unrecognized request argument supplied: max_completion_tokens")
    assert otherwise(refusal, replace(PLAIN, limit=Limit.COMPLETION), PROMPT) == PLAIN


@pytest.mark.parametrize(
    "refusal",
    [
        Refusal(400, "unknown variant `image_url`, expected `text`"),
        Refusal(400, "messages[0].content must be a string"),
        Refusal(400, "Error while downloading the file", "url"),
        Refusal(404, "No endpoints found that support image input"),
    ],
)
def test_what_is_refused_with_images_is_asked_without(refusal: Refusal) -> None:
    assert otherwise(refusal, PLAIN, SEEN) == replace(PLAIN, images=False)
    assert otherwise(refusal, replace(PLAIN, images=False), SEEN) is None
    assert otherwise(refusal, PLAIN, PROMPT) is None


@pytest.mark.parametrize(
    "said",
    [
        "Failed to generate JSON. Please adjust your prompt. json_validate_failed",
        "Failed to validate JSON. See 'failed_generation' for more details.",
    ],
)
def test_an_answer_that_is_no_json_is_no_fault_of_the_request(said: str) -> None:
    assert Refusal(400, said).of_answer
    assert not Refusal(500, said).of_answer
    assert not Refusal(400, "json_schema is not supported").of_answer


def test_a_request_says_what_the_dialect_has_words_for() -> None:
    full = request(SEEN, PLAIN, model="m", answer_tokens=99, temperature=0.5)
    assert full["messages"][1]["content"] == [
        {"type": "text", "text": "Ana paints."},
        {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
    ]
    assert (full["max_tokens"], full["temperature"]) == (99, 0.5)
    assert full["response_format"]["json_schema"]["schema"] == PROMPT.schema
    bare = request(SEEN, Dialect(Form.WORDS, Limit.COMPLETION, False, False), model="m", answer_tokens=9, temperature=0)
    assert set(bare) == {"model", "messages", "max_completion_tokens"}
    assert bare["messages"][1]["content"] == "Ana paints."


def test_a_lesser_form_is_kept_an_hour_and_then_one_question_tries_the_better() -> None:
    learnt = Learnt(images=True)
    less = replace(PLAIN, form=Form.OBJECT, temperature=False, images=False)
    learnt.understood(less, 10.0)
    assert learnt.now(9.0 + HOUR_S) == replace(less, images=True)
    assert learnt.now(10.0 + HOUR_S) == replace(less, images=True, form=Form.SCHEMA)
    assert learnt.now(11.0 + HOUR_S) == replace(less, images=True)
    learnt.understood(replace(less, form=Form.SCHEMA), 12.0 + HOUR_S)
    assert learnt.now(13.0 + HOUR_S).form is Form.SCHEMA
