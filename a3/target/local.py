"""A target in this process, through transformers."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import torch
import transformers
from pydantic import TypeAdapter

from a3.store import Cache, fingerprint
from a3.target import adapters, chat, devices
from a3.target.attention import use_grouped
from a3.target.fetch import count_parameters, fetch, weights_hash
from a3.target.generate import batches, decode
from a3.target.lease import Lease
from a3.target.memory import Backoff
from a3.target.packing import pack
from a3.target.prefill import Prefix
from a3.target.score import first_logprobs, questions, score_batch
from a3.types.answers import Decoding, Generation
from a3.types.chat import Conversation
from a3.types.model import ModelSpec
from a3.types.observer import Observer
from a3.types.target import Continuation, ContinuationScore

BACKEND = f"transformers-{transformers.__version__}/torch-{torch.__version__}"
WORK = 1.3
"""Bytes taken at work for each byte of weights: keys and values, activations, an adapter."""
_GENERATION = TypeAdapter(Generation)
_SCORE = TypeAdapter(ContinuationScore)


class LocalTarget:
    """A causal language model, base or with an adapter merged in.

    Answers and scores go through the content cache. Weights are loaded when something has to be
    computed, so a run whose answers are all cached never loads them.
    """

    def __init__(
        self,
        spec: ModelSpec,
        cache_root: Path,
        cache: Cache,
        observer: Observer,
        adapter: Path | None = None,
        base: LocalTarget | None = None,
    ) -> None:
        """`base` is the same target without its adapter, if there is one to share weights with."""
        self.spec = spec
        self.observer = observer
        self.adapter, self._base = adapter, base
        # A branch on the hub may move while a run goes on.
        self.folder = base.folder if base else fetch(spec, cache_root)
        self.device = devices.pick_device(spec)
        self.dtype = devices.pick_dtype(spec, self.device)
        self.weights = base.weights if base else weights_hash(self.folder)
        self._cache_root, self._cache = cache_root, cache
        self._adapter_hash = adapters.adapter_hash(adapter) if adapter else None
        self._backoff = base._backoff if base else Backoff("answering", observer)
        self._lease = base._lease if base else Lease()

    @property
    def key(self) -> str:
        """Identity of the weights that answer."""
        return fingerprint(self.weights, self._adapter_hash)[:16]

    @cached_property
    def tokenizer(self) -> Any:
        """The tokenizer with its chat template."""
        return _tokenizer(self.folder)

    @cached_property
    def model(self) -> Any:
        """The weights, ready to answer."""
        self._lease.take(self._base or self, self)
        shared = self._base if devices.shares_weights(self.device) else None
        model = copy.deepcopy(shared.model) if shared else self.load_base()
        if self.adapter is not None:
            model = adapters.merged(model, self.adapter)
        if not devices.shares_weights(self.device):  # Nothing trains through a packed layer.
            use_grouped(model)
            pack(model)
        return model.eval().requires_grad_(False)

    def load_base(self) -> Any:
        """A fresh copy of the base weights, for training."""
        self._lease.take(self._base or self, self)
        devices.use_all_cores()
        devices.bound_kernel_cache()
        devices.silence_libraries()
        model: Any = transformers.AutoModelForCausalLM.from_pretrained(
            self.folder,
            dtype=self.dtype,
            attn_implementation=devices.attention(self.device),
            use_safetensors=True,
            trust_remote_code=False,
        )
        return model.to(self.device)

    def unload(self) -> None:
        """Free the weights; they are loaded again when needed."""
        self.__dict__.pop("model", None)
        devices.release_memory()

    def with_adapter(self, folder: Path) -> LocalTarget:
        """The same base with a LoRA adapter merged in."""
        base = self._base or self
        return LocalTarget(self.spec, self._cache_root, self._cache, self.observer, folder, base)

    def beside(self, spec: ModelSpec) -> LocalTarget:
        """Another model, for the same run.

        Where one device does not hold both they take turns: the weights of one are dropped before
        the other's are loaded.
        """
        other = LocalTarget(spec, self._cache_root, self._cache, self.observer)
        wanted = self._footprint(models=2) + other._footprint(models=1)  # Base and repaired.
        if devices.same(self.device, other.device) and wanted > devices.memory(self.device):
            other._lease = self._lease
        return other

    def _footprint(self, models: int) -> int:
        """Bytes that so many models of these weights take at work."""
        return int(WORK * models * count_parameters(self.folder) * self.dtype.itemsize)

    def generate(
        self, conversations: Sequence[Conversation], decoding: Decoding, what: str
    ) -> list[list[Generation]]:
        """`decoding.samples` answers to each conversation; what is cached is not regenerated."""
        prompts = [chat.prompt_ids(self.tokenizer, c) for c in conversations]
        items = [(p, s) for p in prompts for s in range(decoding.samples)]
        plain = decoding.model_dump(exclude={"samples"})
        keys = [self._cache_key("answer", p, plain, s) for p, s in items]
        known = self._cache.get(keys)
        self.observer.spend("cached_answers", sum(k in known for k in keys))
        missing = {k: item for k, item in zip(keys, items, strict=True) if k not in known}
        self._decode_missing(missing, known, decoding, what)
        found = [_GENERATION.validate_json(known[k]) for k in keys]
        n = decoding.samples
        return [found[i : i + n] for i in range(0, len(found), n)]

    def _decode_missing(
        self,
        missing: dict[str, tuple[list[int], int]],
        known: dict[str, str],
        decoding: Decoding,
        what: str,
    ) -> None:
        def go_on(parts: int) -> None:
            left = {k: item for k, item in missing.items() if k not in known}
            done = len(missing) - len(left)
            for fresh in self._decoded(left, decoding, parts):
                # Written as they come: after a kill only what is under way is repeated.
                self._cache.put(fresh)
                known.update(fresh)
                devices.trim()  # Key-value caches of every size leave holes.
                done += len(fresh)
                self.observer.progress(what, done, len(missing))

        if missing:
            self._backoff(go_on)

    def _decoded(
        self, missing: dict[str, tuple[list[int], int]], decoding: Decoding, parts: int
    ) -> Iterator[dict[str, str]]:
        """Answers by key, as they come; at most a `parts`th of the usual rows at once."""
        if not missing:
            return
        keys = list(missing)
        prompts, samples = zip(*missing.values(), strict=True)

        def room(longest: int) -> int:
            return max(1, self._at_once(longest + decoding.max_new_tokens) // parts)

        for ended in decode(self.model, self.tokenizer, prompts, decoding, samples, room):
            self.observer.spend("generated_tokens", sum(a.n_tokens for a in ended.values()))
            yield {keys[i]: a.model_dump_json() for i, a in ended.items()}

    def _at_once(self, tokens: int) -> int:
        """Rows of so many tokens that may be under way together."""
        rows = max(1, self.spec.batch_tokens // tokens)
        return min(rows, self.spec.batch_rows or rows)

    def first_words(
        self, conversations: Sequence[Conversation], words: Sequence[str], what: str
    ) -> list[list[float]]:
        """Log-probability of each word as the first of the answer to each conversation, in nats.

        Raises MeasurementError for a word that is not one token there.
        """
        prompts = [chat.prompt_ids(self.tokenizer, c) for c in conversations]
        ids = chat.first_ids(self.tokenizer, conversations[0], words) if conversations else []
        keys = [self._cache_key("first", prompt, ids) for prompt in prompts]
        known = self._cache.get(keys)
        missing = {k: p for k, p in zip(keys, prompts, strict=True) if k not in known}

        def go_on(parts: int) -> None:
            left = {k: p for k, p in missing.items() if k not in known}

            def room(longest: int) -> int:
                return max(1, self._at_once(longest) // parts)

            for found in first_logprobs(self.model, list(left.values()), ids, room):
                fresh = {list(left)[i]: json.dumps(values) for i, values in found.items()}
                self._cache.put(fresh)
                known.update(fresh)
                self.observer.progress(what, sum(k in known for k in missing), len(missing))

        if missing:
            self._backoff(go_on)
        return [json.loads(known[k]) for k in keys]

    def prompt_text(self, conversation: Conversation) -> str:
        """The conversation as raw text, up to where the target's answer begins."""
        return chat.prompt_text(self.tokenizer, conversation)

    def score(self, requests: Sequence[Continuation], what: str) -> list[ContinuationScore]:
        """Log-probabilities of continuations of raw text (no chat template)."""
        pairs = [self._split_ids(r) for r in requests]
        keys = [self._cache_key("score", context, ids) for context, ids in pairs]
        known = self._cache.get(keys)
        self._backoff(lambda parts: self._score_missing(pairs, keys, known, what, parts))
        return [_SCORE.validate_json(known[k]) for k in keys]

    def _score_missing(
        self,
        pairs: Sequence[tuple[list[int], list[int]]],
        keys: Sequence[str],
        known: dict[str, str],
        what: str,
        parts: int,
    ) -> None:
        missing = [i for i, k in enumerate(keys) if k not in known]
        if not missing:
            return
        asked = questions(self.model, [pairs[i] for i in missing])
        prefix = Prefix(self.model, [q.context for q, _ in asked])
        done = len(keys) - len(missing)
        budget = min(self.spec.batch_tokens, devices.pass_tokens(self.device)) // parts
        for batch in batches([len(q.row) for q, _ in asked], 0, budget):
            scores = score_batch(self.model, [asked[i][0] for i in batch], prefix)
            mine = [missing[index] for i in batch for index in asked[i][1]]
            flat = [score for of_one in scores for score in of_one]
            fresh = {keys[i]: s.model_dump_json() for i, s in zip(mine, flat, strict=True)}
            self._cache.put(fresh)
            known.update(fresh)
            done += len(mine)
            self.observer.progress(what, done, len(keys))

    def _split_ids(self, request: Continuation) -> tuple[list[int], list[int]]:
        """Ids of context and continuation, cut where the whole text's ids part.

        Trailing spaces move to the continuation, as tokenizers keep a space with the word after it
        (lm-eval does the same).
        """
        stripped = request.context.rstrip()
        continuation = request.context[len(stripped) :] + request.continuation
        context = self.tokenizer(stripped, add_special_tokens=False)["input_ids"]
        whole = self.tokenizer(stripped + continuation, add_special_tokens=False)["input_ids"]
        start = self.tokenizer.bos_token_id
        prefix = [start] if start is not None and not context else []
        return prefix + whole[: len(context)], whole[len(context) :]

    def _cache_key(self, *parts: object) -> str:
        return fingerprint(
            self.weights, self._adapter_hash, str(self.dtype), self.device.type, BACKEND, *parts
        )


@cache
def _tokenizer(folder: Path) -> Any:
    """Shared by a base and its adapters."""
    return transformers.AutoTokenizer.from_pretrained(folder)
