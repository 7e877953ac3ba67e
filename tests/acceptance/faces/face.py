"""What the suite calls: one way to say a verb, whatever face carries it. Each face has a file of its own."""

from __future__ import annotations

from typing import Any, Protocol


class Refused(Exception):
    """A face said no, in its own style. `code`: what that means; `message`: what people read."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        self.message = message
        super().__init__(f"{code}: {message}")


class Face(Protocol):
    """One way to reach a running Remora."""

    name: str
    lacks: frozenset[str]
    """Verbs that this face doesn't have."""

    def call(self, verb: str, *arguments: Any, **fields: Any) -> Any:
        """Do a verb of `engine.api.MemoryApi`; the answer has its shape. Raises Refused, after a look at the style."""
        ...

    def close(self) -> None: ...
