"""The library `mem0ai` 2.2.1 as code that uses it sees it: methods with their parameters, and exceptions.

Written down, since Remora's own environment has no Mem0; the acceptance test holds it against the real one.
"""

from __future__ import annotations

METHODS: dict[str, list[str]] = {
    "add": [
        "messages", "*user_id", "*agent_id", "*run_id", "*metadata", "*timestamp", "*expiration_date", "*infer",
        "*memory_type", "*prompt",
    ],
    "chat": ["query"],
    "close": [],
    "delete": ["memory_id"],
    "delete_all": ["user_id", "agent_id", "run_id"],
    "from_config": ["config_dict"],
    "get": ["memory_id"],
    "get_all": ["*filters", "*top_k", "*show_expired"],
    "history": ["memory_id"],
    "reset": [],
    "search": [
        "query", "*top_k", "*filters", "*threshold", "*rerank", "*explain", "*reference_date", "*show_expired",
    ],
    "update": ["memory_id", "text", "metadata", "expiration_date", "data"],
}  # fmt: skip
"""By name the parameters in their order; with a star: by keyword only."""

ONLY_ASYNC = {"add": ["*llm"]}
"""Parameters that only `AsyncMemory` has."""

ATTRIBUTES = {"entity_store", "project"}
"""What is public and no method."""

EXCEPTIONS = {
    "AuthenticationError": None,
    "CacheError": None,
    "ConfigurationError": None,
    "DatabaseError": "DB_001",
    "DependencyError": "DEPS_001",
    "EmbeddingError": "EMBED_001",
    "LLMError": "LLM_001",
    "MemoryCorruptionError": None,
    "MemoryError": None,
    "MemoryNotFoundError": None,
    "MemoryQuotaExceededError": None,
    "NetworkError": None,
    "RateLimitError": None,
    "ValidationError": None,
    "VectorSearchError": None,
    "VectorStoreError": "VECTOR_001",
}
"""By name the code that one has when it is made without; None: it has to be given."""

OF_STATUS = {
    400: "ValidationError",
    401: "AuthenticationError",
    403: "AuthenticationError",
    404: "MemoryNotFoundError",
    409: "ValidationError",
    413: "MemoryQuotaExceededError",
    429: "RateLimitError",
    502: "NetworkError",
    503: "NetworkError",
    504: "NetworkError",
}
"""Which of them Mem0's client raises for an HTTP status."""

_MEMORY = {"id", "memory", "hash", "metadata", "created_at", "updated_at", "user_id", "role", "expiration_date"}
SHAPES = {
    "add": {"id", "memory", "event", "actor_id", "role"},
    "get": _MEMORY | {"actor_id", "score"},
    "get_all": _MEMORY | {"actor_id"},
    "search": _MEMORY | {"actor_id", "score", "score_details"},
    "history": {
        "id", "memory_id", "old_memory", "new_memory", "event", "created_at", "updated_at", "is_deleted", "actor_id",
        "role",
    },
}  # fmt: skip
"""By method the fields of a row of the answer, where the memory has everything that a user's can have."""
