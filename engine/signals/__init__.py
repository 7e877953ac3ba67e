"""What is computed of memories in the background, after they were added: context vectors and token codes."""

from __future__ import annotations

from engine.signals.feed import SignalFeed

__all__ = ["SignalFeed"]
