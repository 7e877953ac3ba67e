"""The linear layers that some models put behind the pooling, read from their own directories."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from engine.errors import InvalidInput

_ACTIVATIONS: dict[str, type[nn.Module]] = {"Tanh": nn.Tanh, "Identity": nn.Identity, "ReLU": nn.ReLU, "GELU": nn.GELU}


def load_dense(directory: Path) -> nn.Module:
    """A linear layer with its activation, float32, from `config.json` and the weights beside it.

    Raises:
        InvalidInput: a file is missing or damaged, or the activation isn't known.
    """
    try:
        config = json.loads((directory / "config.json").read_text(encoding="utf-8"))
        layer = nn.Linear(config["in_features"], config["out_features"], bias=config.get("bias", True))
        layer.load_state_dict({name.removeprefix("linear."): value for name, value in _weights(directory).items()})
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise InvalidInput(f"no usable dense layer in {directory}: {error}", {"setting": "embed.model"}) from error
    activation = str(config.get("activation_function", "torch.nn.modules.activation.Tanh")).rsplit(".", 1)[-1]
    if activation not in _ACTIVATIONS:
        raise InvalidInput(f"{directory} asks for an unknown activation, {activation}", {"setting": "embed.model"})
    return nn.Sequential(layer.float(), _ACTIVATIONS[activation]())


def _weights(directory: Path) -> dict[str, Tensor]:
    safe = directory / "model.safetensors"
    if safe.is_file():
        return load_file(safe)
    weights: dict[str, Tensor] = torch.load(directory / "pytorch_model.bin", map_location="cpu", weights_only=True)
    return weights
