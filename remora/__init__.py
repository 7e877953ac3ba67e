"""What people import and type. Light on purpose: importing it loads neither engine, actors, Ray nor torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from remora.blocking import Memory
    from remora.chat import AsyncRemora, Remora
    from remora.memory import AsyncMemory

__version__ = "0.1.0"
__all__ = ["AsyncMemory", "AsyncRemora", "Memory", "Remora", "__version__"]


def __getattr__(name: str) -> Any:
    """Load the classes when they are asked for."""
    if name == "Memory":
        from remora.blocking import Memory

        return Memory
    if name == "AsyncMemory":
        from remora.memory import AsyncMemory

        return AsyncMemory
    if name in {"AsyncRemora", "Remora"}:
        from remora import chat

        return getattr(chat, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
