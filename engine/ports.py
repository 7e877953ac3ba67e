"""What the memory system needs from the world: small, asynchronous, batch-first. Lists in, lists out, same order.

Models and vectors; the graph and the ledger have ports of their own in `graph_port` and `ledger_port`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from engine.filters import Filter
from engine.pickling import by_fields
from engine.ranking.signals import Signal
from engine.ranking.weights import NO_FLOORS, SHIPPED_WEIGHTS, Floors, Weights
from engine.temporal.question import NO_TIMES, TimeQuestion
from engine.types import (
    Applied,
    AuditAnswer,
    Block,
    BlockKey,
    ChangeBatch,
    Derived,
    Entity,
    FloatArray,
    Json,
    LiveRows,
    MemoryVersion,
    Mending,
    Message,
)

Span: TypeAlias = tuple[int, int]


class Priority(IntEnum):
    """Who goes first when work queues for a model: a person waits for a read, nobody for a derived signal.

    BULK: of a request with so many items that others would wait long behind it.
    """

    READ = 0
    ADD = 1
    BULK = 2
    SIGNAL = 3


class Output(StrEnum):
    """What an encoder is asked for."""

    POOLED = "pooled"
    TOKENS = "tokens"


@dataclass(frozen=True, slots=True)
class EmbedderInfo:
    """Which model this is: vectors of two models never meet in one index.

    `floor`, `token_floor`: what it says of unrelated texts, see `engine.ranking.weights.Floors`.
    `tokens`: whether it can give token states. `query_prefix`, `text_prefix`: what it wants before each.
    """

    model: str
    dimensions: int
    max_tokens: int
    device: str = "cpu"
    dtype: str = "float32"
    tokens: bool = True
    query_prefix: str = ""
    text_prefix: str = ""
    floor: float = 0.0
    token_floor: float = 0.0


@dataclass(frozen=True, slots=True)
class Encoded:
    """`pooled`: float32 (spans, d), unit length, spans of all windows in order. `tokens`: float16 (t, d) per span."""

    pooled: FloatArray
    tokens: tuple[npt.NDArray[np.float16], ...] = ()


class Embedder(Protocol):
    """Texts to vectors."""

    async def info(self) -> EmbedderInfo: ...

    async def encode(
        self,
        windows: Sequence[str],
        spans: Sequence[Sequence[Span]] | None = None,
        outputs: frozenset[Output] = frozenset({Output.POOLED}),
        priority: Priority = Priority.ADD,
    ) -> Encoded:
        """Encode each window once and pool each of its spans (character ranges; None: the whole window, one span)."""
        ...


class Reranker(Protocol):
    """How well texts answer a question, by a model that reads both together."""

    async def score(self, query: str, texts: Sequence[str]) -> list[float]:
        """Of each text in [0, 1].

        Raises:
            Unavailable: it can't be done now, or no such model is set.
        """
        ...


@by_fields
@dataclass(frozen=True, slots=True)
class Prompt:
    """What a language model is asked. `schema`: JSON Schema of the answer, for servers that hold a model to one.

    `images`: URLs or data URIs of images that belong to it, in order; a model that takes none is asked without them.
    """

    system: str
    user: str
    schema: Json
    images: tuple[str, ...] = ()


@by_fields
@dataclass(frozen=True, slots=True)
class Completion:
    """What it answers. `whole`: it didn't break off for want of room. `calls`: how often it was asked; `ms`: how long
    that took, with waiting for its turn. `images`: how many of the prompt's it was shown.
    """

    text: str
    whole: bool = True
    prompt_tokens: int = 0
    completion_tokens: int = 0
    calls: int = 1
    ms: float = 0.0
    images: int = 0


class LanguageModel(Protocol):
    """A chat model somewhere."""

    async def complete(self, prompt: Prompt, deadline_s: float) -> Completion:
        """Its answer; what may pass is tried again within `deadline_s` seconds.

        Raises:
            Overloaded: too many wait for it.
            Unavailable: it can't be had now, its budget is spent, or it refuses us; `retry_after_s` if that is known.
            InvalidInput: it refuses this prompt, as it would again.
        """
        ...

    def figures(self) -> Json:
        """Counted since the start, and what is under way."""
        ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Fragment:
    """What an extractor makes of messages: one memory to be. `message_index` says where it came from."""

    text: str
    message_index: int
    role: str | None = None
    name: str | None = None
    timestamp_us: int | None = None


class Extractor(Protocol):
    """Messages to memories to be, texts to the entities that they name, and texts to their length in tokens."""

    async def extract(self, conversations: Sequence[Sequence[Message]]) -> list[list[Fragment]]: ...

    async def entities(self, texts: Sequence[str]) -> list[tuple[Entity, ...]]: ...

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """As the embedder's tokenizer counts, without the tokens that the model sets around a text."""
        ...


@by_fields
@dataclass(frozen=True, slots=True)
class KeywordStatistics:
    """What BM25 needs to know of all texts that a query is asked of. `frequencies`: texts that hold each query term.

    `length_together`: of all texts, each with those beside it in its conversation.
    """

    texts: int
    total_length: int
    frequencies: Mapping[str, int]
    length_together: int = 0


@by_fields
@dataclass(frozen=True, slots=True)
class VectorQuery:
    """One search. `vector` float32 (d,) or None: no dense signal. `text` None: no keywords.

    `block` names the one block that every match must lie in, when the filter says so. `statistics`: of more texts
    than are here, so that shares of keywords compare with those of other shards; None: those of what is searched.
    `tokens`: of the question, as `engine.ranking.codes.question` gives them. `named`: speakers that the question names.
    `time`: which times it asks for. `at_us`: when it is asked. `among`: memories that are wanted in any case, if they
    match. `vectors`: hits shall carry theirs. `include_expired`: memories whose last day is over by `at_us` count too.
    """

    project: str
    filter: Filter
    limit: int
    vector: FloatArray | None = None
    text: str | None = None
    block: BlockKey | None = None
    statistics: KeywordStatistics | None = None
    tokens: FloatArray | None = None
    named: tuple[str, ...] = ()
    weights: Weights = SHIPPED_WEIGHTS
    floors: Floors = NO_FLOORS
    time: TimeQuestion = NO_TIMES
    at_us: int = 0
    half_life_s: float = 1.0
    among: tuple[str, ...] = ()
    vectors: bool = False
    include_expired: bool = False


@by_fields
@dataclass(frozen=True, slots=True)
class VectorHit:
    """One live version with the signals that the store knows of it; one that isn't there is unknown, not zero.

    `vector`: its unit vector, float32 (d,), if it was asked for.
    """

    version: MemoryVersion
    signals: Mapping[Signal, float] = field(default_factory=dict)
    vector: FloatArray | None = None

    @property
    def dense(self) -> float | None:
        """The cosine with the question."""
        return self.signals.get(Signal.DENSE)

    @property
    def keywords(self) -> float | None:
        """What its words got, as a share of what they could."""
        return self.signals.get(Signal.KEYWORDS)


@dataclass(frozen=True, slots=True)
class VectorAnswer:
    """Per query the best `limit`, unordered, or the block that has to be filled first.

    `speakers`: who speaks in the query's block, or those of them whom the query names, if there are too many.
    """

    applied: Applied
    hits: tuple[tuple[VectorHit, ...], ...]
    cold: tuple[BlockKey | None, ...]
    speakers: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class StatisticsAnswer:
    """Per query the keyword statistics of what it is asked of (None: no text, or too much to tell), or the block that
    has to be filled first."""

    applied: Applied
    statistics: tuple[KeywordStatistics | None, ...]
    cold: tuple[BlockKey | None, ...]
    speakers: tuple[tuple[str, ...], ...] = ()


class VectorStore(Protocol):
    """The dense and keyword index over live versions."""

    async def status(self) -> Applied: ...

    async def apply(self, batch: ChangeBatch) -> Applied:
        """Take the changes in, if the index has come at least to `batch.after`; otherwise change nothing.

        The answer's position tells: below `batch.until`, the caller has to send what lies between.
        """
        ...

    async def search(self, queries: Sequence[VectorQuery]) -> VectorAnswer: ...

    async def statistics(self, queries: Sequence[VectorQuery]) -> StatisticsAnswer:
        """What the texts that each query is asked of say of its terms, whether they match the rest of it or not."""
        ...

    async def fill(self, block: Block) -> Applied:
        """Give a block that `search` named as cold. Changes applied since then are kept and win over it."""
        ...

    async def derive(self, rows: Sequence[Derived]) -> None:
        """Take in what was computed of versions, where they are in memory; the ledger has it already.

        What isn't (any more) a version that is here is ignored.
        """
        ...

    async def resident(self) -> Mapping[str, int]:
        """About how many bytes in memory each part of the index takes."""
        ...

    async def audit(self, after: str, until: str | None) -> AuditAnswer:
        """What is held of memories with `after < memory_id <= until` (None: to the end), as digests."""
        ...

    async def mend(self, mending: Mending) -> Applied:
        """Make single memories what they have to be. The position stays; what is newer here stays too."""
        ...

    async def begin_rebuild(self) -> None:
        """Begin an empty copy beside what is in use; one that was begun before is thrown away."""
        ...

    async def load(self, rows: LiveRows) -> None:
        """Put live versions into the copy. Raises Conflict when no rebuild is under way."""
        ...

    async def finish_rebuild(self, position: int) -> Applied:
        """Let the copy take the place of what is in use, as an index that has come to `position`, in a new incarnation.

        Nothing of the old files stays. Raises Conflict when no rebuild is under way.
        """
        ...

    async def close(self) -> None: ...
