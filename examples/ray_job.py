"""Memories from any Ray job: this file needs nothing but Ray. Start a runtime with `remora up` first.

It prints the variables to export and both ways to run this: directly (`python ray_job.py`), or as a submitted job.
"""

import os
from typing import Any

import ray

USER = "ray-job"
FACTS = [
    "Maria plays the cello in a quartet.",
    "The quartet rehearses on Thursdays.",
    "Maria's train to Porto leaves at seven.",
]
QUESTIONS = ["Which instrument does Maria play?", "When does the quartet rehearse?", "When does the train leave?"]


def orchestrator() -> Any:
    """The one actor that a job talks to."""
    return ray.get_actor("orchestrator-0", namespace=os.environ.get("REMORA_RUNTIME_NAMESPACE", "remora"))


@ray.remote(num_cpus=0)
def remember(fact: str) -> str:
    """Keep a fact; answers what became of it."""
    message = {"role": "user", "content": fact}
    return str(ray.get(orchestrator().add.remote([message], user_id=USER))["results"][0]["event"])


@ray.remote(num_cpus=0)
def recall(question: str) -> str:
    """The memory that fits best."""
    found = ray.get(orchestrator().search.remote(question, user_id=USER, top_k=1, threshold=0.0))
    return str(found["results"][0]["memory"])


def main() -> None:
    """Store facts from many tasks at once, ask for them, and read an error."""
    ray.init(address="auto", log_to_driver=False)

    for fact, event in zip(FACTS, ray.get([remember.remote(fact) for fact in FACTS]), strict=True):
        print(f"{event:6} {fact}")
    for question, memory in zip(QUESTIONS, ray.get([recall.remote(question) for question in QUESTIONS]), strict=True):
        print(f"{question} -> {memory}")

    try:
        ray.get(orchestrator().search.remote("a question without a scope"))
    except ValueError as error:  # Ray raises its own error and the original at once; the original is its `cause`.
        code, message, details = getattr(error, "cause", error).args
        print(f"refused as expected: {code}: {message} {details}")


if __name__ == "__main__":
    main()
