"""What a score means with the model that comes along: a good match is above 0.3, unrelated texts are below 0.1."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from engine import embed
from engine.config import Settings
from engine.in_process import in_process
from engine.memory import Memory

GOOD = 0.3
UNRELATED = 0.1

TRIPLES = [
    (
        "Where did we park the car at the airport?",
        "The car is on level three of the long-term car park, row F.",
        "The soup needs more salt and a bay leaf.",
    ),
    (
        "What is my sister allergic to?",
        "My sister can't eat peanuts, she swells up at once.",
        "The bridge will be closed for repairs until May.",
    ),
    (
        "When is the dentist appointment?",
        "I have to see the dentist on 14 March at half past nine.",
        "They painted the nursery yellow with white clouds.",
    ),
    (
        "Which laptop did Tom buy?",
        "Tom got himself a used ThinkPad for the office.",
        "Our choir sings Bach's cantatas at Easter.",
    ),
    (
        "Who takes care of the dog during the holidays?",
        "While we are away the neighbours walk and feed the dog.",
        "The stock fell by four percent after the report.",
    ),
    (
        "What does the landlord want us to fix?",
        "The landlord asked that we mend the broken window in the hall.",
        "A marathon is a little over forty-two kilometres.",
    ),
    (
        "How do I reset the alarm system?",
        "To reset the alarm, hold the red button for ten seconds and enter the code.",
        "She planted tulips along the garden path.",
    ),
    (
        "What was the name of the restaurant in Lisbon?",
        "In Lisbon we ate at a tiny restaurant called Casa Azul.",
        "The tax form has to be signed on every page.",
    ),
    (
        "What is my favourite breakfast?",
        "I love porridge with blueberries in the morning.",
        "The server restarts every night at two.",
    ),
    (
        "Why did Ana change her job?",
        "Ana left the bank because she had no time for her children.",
        "Owls can turn their heads almost all the way round.",
    ),
    (
        "What languages does my boss speak?",
        "My boss is fluent in French, Polish and a little Japanese.",
        "The drill is in the lower drawer of the workbench.",
    ),
    (
        "When did we move into the new flat?",
        "We have been living in the new apartment since June 2021.",
        "Cinnamon comes from the bark of a tree.",
    ),
    (
        "What is the wifi password at the office?",
        "The office wifi password is written on the whiteboard: tulip-77-lamp.",
        "Grandpa fought with the goose again.",
    ),
    (
        "Which medicine do I take for blood pressure?",
        "The doctor prescribed me ramipril, one tablet a day, against high blood pressure.",
        "The film festival opens with a comedy.",
    ),
    (
        "How tall is the bookshelf I ordered?",
        "The new bookcase is 2.10 m high and will be delivered on Friday.",
        "We lost the match two to nil.",
    ),
    (
        "What does Maria collect?",
        "Maria has a collection of old postcards from seaside towns.",
        "The update broke the printer driver.",
    ),
    (
        "Where do the kids go to school?",
        "Our children attend the primary school on Mill Lane.",
        "My flight to Oslo was overbooked.",
    ),
    (
        "What should I bring to the barbecue?",
        "For the barbecue please bring a salad and some charcoal.",
        "The committee rejected the second draft.",
    ),
    (
        "What size are my hiking boots?",
        "I take size 43 in hiking boots, the left foot is a bit wider.",
        "Quarterly numbers are due on Tuesday.",
    ),
    (
        "Who painted the picture over the sofa?",
        "The picture above our couch was painted by my aunt Helga.",
        "Bus 12 no longer stops at the hospital.",
    ),
    (
        "How did the interview at the museum go?",
        "The museum interview went well, they offered me the job on the spot.",
        "There is a leak under the dishwasher.",
    ),
]
"""A question, what answers it, and what has nothing to do with it."""


@pytest_asyncio.fixture
async def memory() -> AsyncIterator[Memory]:
    settings = Settings()
    made = in_process(settings, embedder=embed.build(settings.embed))
    await made.start()
    texts = [text for _, *both in TRIPLES for text in both]
    await made.add_batch([{"messages": text, "user_id": "all", "infer": False} for text in texts])
    await made.signals_complete()
    yield made
    await made.close()


async def test_answers_score_above_and_unrelated_texts_below(memory: Memory) -> None:
    for question, answer, unrelated in TRIPLES:
        found = await memory.search(question, user_id="all", top_k=2 * len(TRIPLES), threshold=0.0, explain=True)
        scores = {hit["memory"]: hit["score"] for hit in found["results"]}
        assert max(scores, key=lambda text: scores[text]) == answer, question
        assert scores[answer] > GOOD, (question, scores[answer])
        assert scores.get(unrelated, 0.0) < UNRELATED, (question, scores[unrelated])
