"""GGUF -> an ordinary safetensors folder, once."""

from __future__ import annotations

from pathlib import Path


def convert(gguf: Path, to: Path) -> None:
    """De-quantise a GGUF file into fp32 safetensors with tokenizer and chat template.

    A model loaded from GGUF refuses to be saved, so its weights move into a clean one. Special
    tokens come from the file's own metadata (through the tokenizer).
    """
    import torch
    from transformers import (
        AutoConfig,
        AutoModelForCausalLM,
        AutoTokenizer,
        GenerationConfig,
    )

    folder, name = str(gguf.parent), gguf.name
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=name)
    loaded = AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, dtype=torch.float32)
    config = AutoConfig.from_pretrained(folder, gguf_file=name)
    clean = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    clean.load_state_dict(loaded.state_dict(), strict=True)
    clean.tie_weights()
    clean.generation_config = GenerationConfig(
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    clean.save_pretrained(to)
    tokenizer.save_pretrained(to)
