"""A loaded chat model: a prompt in, what it writes out, blocking. No threads, no queue, no clock."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from jinja2 import TemplateError
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, AutoTokenizer, StoppingCriteria, StoppingCriteriaList
from transformers.utils import logging as transformers_logging

from engine.config import LlmSettings
from engine.embed.device import choose_device, choose_dtype
from engine.embed.threads import thread_count
from engine.errors import InvalidInput
from engine.llm.local_files import Files
from engine.ports import Prompt
from engine.types import Json

_SETTING: Final = {"setting": "llm.local"}
_TRIED: Final = Prompt("Answer briefly.", "Hello.", {})
_NO_LIMIT: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Written:
    """What the model wrote. `ended`: it came to an end by itself."""

    text: str
    ended: bool
    prompt_tokens: int
    completion_tokens: int


class ChatModel:
    """Tokenizer and model, on one device. Use from one thread.

    Args:
        files: where they lie.
        settings: device and threads.

    Raises:
        InvalidInput: it is no chat model that can be used; the message says what is wrong.
        Unavailable: the device isn't here.
    """

    def __init__(self, files: Files, settings: LlmSettings) -> None:
        # Of this thread: torch would follow `OMP_NUM_THREADS`, which Ray sets to 1 in its workers.
        torch.set_num_threads(thread_count(settings.threads))
        device = choose_device(settings.device, "llm.device")
        self.name = files.name
        self.device = str(device)
        self._tokenizer, self._model = _loaded(files, choose_dtype("auto", device))
        self._model.to(device)
        self.parameters = sum(one.numel() for one in self._model.parameters())
        self.context_tokens = _context(self._model.config)
        self._ends = _ends(self._model.generation_config.eos_token_id, self._tokenizer.eos_token_id)
        self._knows_system = _knows_system(self._tokenizer, self.name)

    @torch.inference_mode()
    def write(self, prompt: Prompt, over: Callable[[], bool], *, most_tokens: int, temperature: float = 0.0) -> Written:
        """The model's answer, as long as the context has room for it.

        Args:
            prompt: its images are not shown.
            over: asked after each token: whether it is to end there.
            most_tokens: how long it may be.
            temperature: 0: the likeliest token always.

        Raises:
            InvalidInput: the prompt leaves no room for an answer, or the device none for it.
        """
        given = _rendered(self._tokenizer, _messages(prompt, system=self._knows_system))
        asked = given["input_ids"].shape[1]
        room = min(most_tokens, self.context_tokens - asked)
        if room < 1:
            raise InvalidInput(
                f"the prompt has {asked} tokens, of {self.context_tokens} that {self.name} takes: lower "
                "infer.window_tokens",
                {"setting": "infer.window_tokens", "tokens": asked, "limit": self.context_tokens},
            )
        try:
            whole = self._model.generate(
                **given.to(self._model.device),
                **_sampling(temperature),
                max_new_tokens=room,
                eos_token_id=list(self._ends) or None,
                pad_token_id=self._ends[0] if self._ends else 0,
                stopping_criteria=StoppingCriteriaList([_Over(over)]),
            )
        except RuntimeError as error:  # torch has this one for all: no memory for so long a prompt, above all
            raise InvalidInput(f"{self.name} fails at this prompt of {asked} tokens: {error}") from error
        written = whole[0, asked:].tolist()
        ended = bool(written) and written[-1] in self._ends
        return Written(self._tokenizer.decode(written, skip_special_tokens=True), ended, asked, len(written))


class _Over(StoppingCriteria):
    def __init__(self, over: Callable[[], bool]) -> None:
        self._over = over

    def __call__(self, input_ids: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:
        return torch.full((input_ids.shape[0],), self._over(), device=input_ids.device, dtype=torch.bool)


def _loaded(files: Files, dtype: torch.dtype) -> tuple[Any, Any]:
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    given = {"gguf_file": files.gguf, "local_files_only": True, "trust_remote_code": False}
    try:
        tokenizer = AutoTokenizer.from_pretrained(files.directory, **given)
        model = AutoModelForCausalLM.from_pretrained(files.directory, dtype=dtype, **given)
    except (OSError, ValueError, KeyError, IndexError, RuntimeError, struct.error, SafetensorError) as error:
        where = files.directory / (files.gguf or "")
        raise InvalidInput(
            f"llm.local leads to {where}, which transformers can't load as a chat model: {error!r}", _SETTING
        ) from error
    return tokenizer, model.eval()  # type: ignore[no-untyped-call]


def _messages(prompt: Prompt, *, system: bool) -> list[Json]:
    if system:
        return [{"role": "system", "content": prompt.system}, {"role": "user", "content": prompt.user}]
    return [{"role": "user", "content": f"{prompt.system}\n\n{prompt.user}"}]


def _rendered(tokenizer: Any, messages: Sequence[Json]) -> Any:
    """Thinking is asked for only where the template can't do without: on a processor it takes minutes."""
    return tokenizer.apply_chat_template(
        messages, add_generation_prompt=True, enable_thinking=False, return_tensors="pt", return_dict=True
    )


def _knows_system(tokenizer: Any, name: str) -> bool:
    """Whether there may be a message of the system; some templates refuse one.

    Raises:
        InvalidInput: there is no template that takes either.
    """
    if not tokenizer.chat_template:
        raise InvalidInput(
            f"llm.local = {name} has no chat template, so it is no chat model: use one that was made for chats "
            '("instruct" or "chat" in its name, mostly)',
            _SETTING,
        )
    try:
        _rendered(tokenizer, _messages(_TRIED, system=True))
    except TemplateError:
        try:
            _rendered(tokenizer, _messages(_TRIED, system=False))
        except TemplateError as error:
            raise InvalidInput(f"the chat template of {name} takes no question: {error}", _SETTING) from error
        return False
    return True


def _context(config: Any) -> int:
    """How many tokens question and answer may have; without a word on that: as many as memory holds."""
    told = getattr(config.get_text_config(), "max_position_embeddings", None)
    return int(told) if told else _NO_LIMIT


def _ends(*told: int | Sequence[int] | None) -> tuple[int, ...]:
    """Tokens that end an answer."""
    found = [one for some in told if some is not None for one in ([some] if isinstance(some, int) else some)]
    return tuple(dict.fromkeys(found))


def _sampling(temperature: float) -> Json:
    """Of generation; at 0 nothing is left of what the model's files may wish for."""
    if temperature > 0:
        return {"do_sample": True, "temperature": temperature}
    return {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}
