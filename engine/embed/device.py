"""Which device and number type a model runs in."""

from __future__ import annotations

import torch

from engine.errors import Unavailable
from engine.variables import variable_of


def choose_device(wanted: str, setting: str = "embed.device") -> torch.device:
    """`auto`: CUDA, else Apple's MPS, else the processor. `setting`: which says what is wanted.

    Raises:
        Unavailable: the device that is asked for isn't here.
    """
    here = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        return torch.device(next(name for name, available in here.items() if available))
    if not here[wanted]:
        raise Unavailable(f"no {wanted} device here; set {variable_of(setting)}=auto", {"setting": setting})
    return torch.device(wanted)


def choose_dtype(wanted: str, device: torch.device) -> torch.dtype:
    """`auto`: bfloat16 where the device computes in it, which elsewhere is slower than float32."""
    if wanted != "auto":
        return torch.bfloat16 if wanted == "bfloat16" else torch.float32
    return torch.bfloat16 if _computes_in_bfloat16(device) else torch.float32


def _computes_in_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu":
        has = torch.cpu.get_capabilities()
        return bool(has.get("avx512_bf16") or has.get("amx_bf16"))
    return False
