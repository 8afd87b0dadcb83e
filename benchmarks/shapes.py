"""A model of a known one's shape with random weights, to measure speed where no hub can be reached.

.venv/bin/python -m benchmarks.shapes qwen7b FOLDER     (15 GB; on a GPU machine)
.venv/bin/python -m benchmarks.generation --model FOLDER
.venv/bin/python -m benchmarks.training --model FOLDER

Speed depends on shapes, not on what the weights say. The tokenizer and the chat template are the
default model's: its ids all lie within the larger vocabulary.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
import transformers

from benchmarks.ways import target

SHAPES = {
    # Qwen/Qwen2.5-7B-Instruct, config.json
    "qwen7b": {
        "hidden_size": 3584,
        "intermediate_size": 18944,
        "num_hidden_layers": 28,
        "num_attention_heads": 28,
        "num_key_value_heads": 4,
        "vocab_size": 152064,
        "rope_theta": 1_000_000.0,
        "tie_word_embeddings": False,
    },
    # Small enough for a test on any machine.
    "toy": {
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "vocab_size": 50000,
        "tie_word_embeddings": False,
    },
}


def make(name: str, folder: Path) -> None:
    """Save a model of the shape, in bf16, with a tokenizer."""
    mine = target()
    config = transformers.Qwen2Config(
        **SHAPES[name],
        max_position_embeddings=8192,
        eos_token_id=mine.tokenizer.eos_token_id,
        bos_token_id=mine.tokenizer.bos_token_id,
        pad_token_id=mine.tokenizer.pad_token_id,
    )
    with mine.device:
        model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    model.save_pretrained(folder)
    mine.tokenizer.save_pretrained(folder)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=SHAPES)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    make(arguments.name, arguments.folder)
