"""The upkeep of the indexes from the ledger: compared, mended, built anew, freed of what was purged."""

from __future__ import annotations

from engine.upkeep.upkeep import Upkeep

__all__ = ["Upkeep"]
