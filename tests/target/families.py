"""Small random models of several families, in fp32."""

from typing import Any

import torch
import transformers

SMALL = {
    "vocab_size": 64,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
PLAIN = ("llama", "qwen3", "gemma2-full")
"""Every layer attends to everything."""
WINDOWED = ("mistral", "gemma2")


def random_model(family: str) -> Any:
    """A model whose words depend on what it read: wide weights, so that no two logits are close."""
    torch.manual_seed(0)
    if family == "llama":
        config = transformers.LlamaConfig(**SMALL)
    elif family == "qwen3":
        config = transformers.Qwen3Config(**SMALL, head_dim=8)
    elif family == "mistral":
        config = transformers.MistralConfig(**SMALL, sliding_window=6)
    else:
        full = ["full_attention"] * 3 if family.endswith("full") else None
        config = transformers.Gemma2Config(
            **SMALL, head_dim=8, sliding_window=6, layer_types=full, final_logit_softcapping=50.0
        )
    model: Any = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.normal_(0, 0.4)
    return model.eval().requires_grad_(False)


class Words:
    """A tokenizer whose words are numbers."""

    eos_token_id = 2

    def decode(self, tokens: list[int], skip_special_tokens: bool = False) -> str:
        return " ".join(map(str, tokens))
