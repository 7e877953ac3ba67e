"""A chat model for tests that a moment makes: a real one in transformers' files, whose weights are set by hand.

Its attention adds nothing, so the last token alone says what comes next: whatever it is asked, it says its pieces in
order and ends, or begins again.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

transformers: Any = importlib.import_module("transformers")

END, ANSWER = "<|end|>", "<|answer|>"
TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|answer|>{% endif %}"
)
NO_SYSTEM = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}" + TEMPLATE
_HEADS = 2


def saved(
    directory: Path,
    pieces: Sequence[str],
    *,
    endless: bool = False,
    template: str | None = TEMPLATE,
    context_tokens: int = 2048,
) -> Path:
    """The model's directory. A piece is one token; the same may not come twice."""
    tokenizer = _tokenizer(pieces, template)
    tokenizer.save_pretrained(directory)
    start, end, *said = tokenizer.convert_tokens_to_ids([ANSWER, END, *pieces])
    follows = dict(zip([start, *said], [*said, said[0] if endless else end], strict=True))
    _model(len(tokenizer), follows, end, context_tokens).save_pretrained(directory)
    return directory


def _tokenizer(pieces: Sequence[str], template: str | None) -> Any:
    """A token for each byte, and one for each piece."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    bytewise = Tokenizer(models.BPE(vocab={one: at for at, one in enumerate(alphabet)}, merges=[]))
    bytewise.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytewise.decoder = decoders.ByteLevel()
    made = transformers.PreTrainedTokenizerFast(
        tokenizer_object=bytewise, eos_token=END, extra_special_tokens=["<|system|>", "<|user|>", ANSWER]
    )
    made.add_tokens([transformers.AddedToken(one, normalized=False) for one in pieces])
    made.chat_template = template
    return made


def _model(vocabulary: int, follows: dict[int, int], end: int, context_tokens: int) -> Any:
    """Each token is a direction of its own, which leads to the next."""
    width = vocabulary + -vocabulary % (2 * _HEADS)
    config = transformers.LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        intermediate_size=4,
        num_hidden_layers=1,
        num_attention_heads=_HEADS,
        max_position_embeddings=context_tokens,
        tie_word_embeddings=False,
        bos_token_id=None,
        eos_token_id=end,
    )
    model = transformers.LlamaForCausalLM(config)
    with torch.no_grad():
        layer = model.model.layers[0]
        layer.self_attn.o_proj.weight.zero_()
        layer.mlp.down_proj.weight.zero_()
        model.model.embed_tokens.weight.copy_(torch.eye(vocabulary, width))
        model.lm_head.weight.zero_()
        for token, following in follows.items():
            model.lm_head.weight[following, token] = 1.0
    return model
