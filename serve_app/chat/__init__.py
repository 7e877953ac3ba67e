"""The chat door: a language model's answers pass through it, with what is remembered put in and what is said kept.

`request`, `messages`, `events` and `said` are pure; `recall`, `upstream` and `turns` ask others; `passing` is one chat.
"""

from __future__ import annotations

from serve_app.chat.door import ChatDoor

__all__ = ["ChatDoor"]
