"""From messages that are memories already to the facts that they hold, by a language model, whenever it can be had.

`drafting` asks the model for facts, `reconciling` what becomes of them beside what is known, `planning` says what that
does to the ledger (pure), `inference` carries it out: in the order of each lane, bounded, and again after a restart.
`wishing` knows what callers and projects want of it; `making` puts it together.
"""

from __future__ import annotations

from engine.inference.inference import Inference

__all__ = ["Inference"]
