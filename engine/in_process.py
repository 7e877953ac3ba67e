"""A whole memory system in this process, without Ray, files or models: for tests and for trying things out."""

from __future__ import annotations

from collections.abc import Callable

from engine import graph, ledger
from engine.clock import now_us
from engine.config import Settings
from engine.embed.hashing import HashingEmbedder
from engine.embed.tokenizer import TokenCounter
from engine.extract.extractor import VerbatimExtractor
from engine.extract.recogniser import NoEntities, Recogniser
from engine.faults import FAULTS, FaultPoints
from engine.graph_port import GraphStore
from engine.ledger_port import Ledger
from engine.memory import Memory
from engine.ports import Embedder, LanguageModel, Reranker, VectorStore
from engine.vector.memory import InMemoryVectorStore

_MAX_TOKENS = 256
_DIMENSIONS = 384


def in_process(
    settings: Settings | None = None,
    *,
    embedder: Embedder | None = None,
    recogniser: Recogniser | None = None,
    ledger_: Ledger | None = None,
    vector: VectorStore | None = None,
    graph_: GraphStore | None = None,
    reranker: Reranker | None = None,
    language_model: LanguageModel | None = None,
    faults: FaultPoints = FAULTS,
    clock: Callable[[], int] = now_us,
) -> Memory:
    """A `Memory` whose parts all live in memory, except those that are given. Call `start` before use.

    The embedder is `HashingEmbedder`: similar words give similar vectors, meaning plays no part.
    """
    return Memory(
        ledger=ledger_ or ledger.in_memory(clock),
        embedder=embedder or HashingEmbedder(_DIMENSIONS),
        extractor=VerbatimExtractor(recogniser or NoEntities(), TokenCounter(None), _MAX_TOKENS),
        vector=vector or InMemoryVectorStore(_DIMENSIONS),
        graph=graph_ or graph.in_memory(clock),
        settings=settings or Settings(),
        reranker=reranker,
        language_model=language_model,
        faults=faults,
        clock=clock,
    )
