"""Many memories with Ray Data: a data set of messages is written in batches, then questions are answered in batches.

Needs `pip install 'ray[data]'` and a running Remora; `remora up` starts one and prints the variables to export.
"""

import logging
import os
from typing import Any

import numpy as np
import ray

USERS = 20
INSTRUMENTS = ["cello", "violin", "viola", "flute", "oboe", "harp", "tuba", "piano", "guitar", "drums"]
TOWNS = ["Porto", "Turin", "Ghent", "Leipzig", "Bergen", "Split", "Nantes"]
QUESTION = "Which town do I live in?"


def orchestrator() -> Any:
    """The one actor that a job talks to."""
    return ray.get_actor("orchestrator-0", namespace=os.environ.get("REMORA_RUNTIME_NAMESPACE", "remora"))


def remember(batch: dict[str, Any]) -> dict[str, Any]:
    """Write a batch of messages in one call; adds the column `event`. `batch` holds columns by name."""
    items = [{"messages": text, "user_id": user} for text, user in zip(batch["text"], batch["user_id"], strict=True)]
    answers = checked(ray.get(orchestrator().add_batch.remote(items)))
    return {**batch, "event": np.array([answer["results"][0]["event"] for answer in answers])}


def recall(batch: dict[str, Any]) -> dict[str, Any]:
    """Answer a batch of questions in one call; adds the column `memory`: what fits each best."""
    items = [
        {"query": question, "user_id": user, "top_k": 1, "threshold": 0.0}
        for question, user in zip(batch["question"], batch["user_id"], strict=True)
    ]
    answers = checked(ray.get(orchestrator().search_batch.remote(items)))
    return {**batch, "memory": np.array([answer["results"][0]["memory"] for answer in answers])}


def checked(answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A batch never fails as a whole: an item that was refused answers `{"error": …}` in its place."""
    for answer in answers:
        if "error" in answer:
            raise ValueError(answer["error"]["message"])
    return answers


def messages() -> list[dict[str, str]]:
    """Two of each user. With real data this is `ray.data.read_parquet(…)` or any other source of Ray Data."""
    rows = []
    for number in range(USERS):
        user = f"ray-data-{number:02}"
        rows.append({"user_id": user, "text": f"I play the {INSTRUMENTS[number % len(INSTRUMENTS)]}."})
        rows.append({"user_id": user, "text": f"The town I live in is {TOWNS[number % len(TOWNS)]}."})
    return rows


def main() -> None:
    """Write everything, then ask for every user."""
    ray.init(address="auto", log_to_driver=False, logging_level=logging.ERROR)
    ray.data.DataContext.get_current().enable_progress_bars = False

    # Remora merges the batches of all tasks into few calls to its models, and refuses what would overfill its queues.
    written = ray.data.from_items(messages()).map_batches(remember, batch_size=16)
    print(f"written: {written.count()} messages of {USERS} users")

    questions = [{"user_id": f"ray-data-{number:02}", "question": QUESTION} for number in range(USERS)]
    answered = ray.data.from_items(questions).map_batches(recall, batch_size=16).take_all()
    for row in sorted(answered, key=lambda row: str(row["user_id"]))[:3]:
        print(f"{row['user_id']}: {row['question']} -> {row['memory']}")


if __name__ == "__main__":
    main()
