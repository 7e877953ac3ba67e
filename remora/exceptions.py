"""The names of `mem0.exceptions`, so that a changed import is enough: what `remora.errors` raises is one of these too.

Those whose description says so are there to be named in an `except`; nothing raises them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class MemoryError(Exception):
    """Every error of a memory."""

    def __init__(
        self,
        message: str,
        error_code: str,
        details: Mapping[str, Any] | None = None,
        suggestion: str | None = None,
        debug_info: Mapping[str, Any] | None = None,
    ) -> None:
        # Not super(): an OSError, as TimeoutError is, would take the second argument for a system's error text.
        Exception.__init__(self, message)
        self.message = message
        self.error_code = error_code
        self.details: dict[str, Any] = dict(details or {})
        self.suggestion = suggestion
        self.debug_info: dict[str, Any] = dict(debug_info or {})


class AuthenticationError(MemoryError):
    """No key, an unknown one, or one that may not do this."""


class RateLimitError(MemoryError):
    """Too many calls; `debug_info["retry_after"]` says in how many seconds to come back."""


class ValidationError(MemoryError):
    """The call itself is wrong."""


class MemoryNotFoundError(MemoryError):
    """There is no such memory."""


class NetworkError(MemoryError):
    """Nothing answers, not in time, or a part that is needed is down."""


class ConfigurationError(MemoryError):
    """Not raised: a configuration that can't be honoured is a ValidationError that names the key."""


class MemoryQuotaExceededError(MemoryError):
    """Over a limit that is named in the details."""


class MemoryCorruptionError(MemoryError):
    """Not raised."""


class VectorSearchError(MemoryError):
    """Not raised: a search that must do without an index says so in `degraded`."""


class CacheError(MemoryError):
    """Not raised."""


class _Part(MemoryError):
    """Of a part that Mem0 drives; it has a code of its own."""

    _code = ""

    def __init__(
        self,
        message: str,
        error_code: str | None = None,
        details: Mapping[str, Any] | None = None,
        suggestion: str | None = None,
        debug_info: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message, error_code or self._code, details, suggestion, debug_info)


class VectorStoreError(_Part):
    """Not raised: what is down is a NetworkError."""

    _code = "VECTOR_001"


class EmbeddingError(_Part):
    """Not raised: what is down is a NetworkError."""

    _code = "EMBED_001"


class LLMError(_Part):
    """Not raised: what is down is a NetworkError."""

    _code = "LLM_001"


class DatabaseError(_Part):
    """Not raised: what is down is a NetworkError."""

    _code = "DB_001"


class DependencyError(_Part):
    """Not raised: Remora is installed with all that it needs."""

    _code = "DEPS_001"
