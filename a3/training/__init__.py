"""Examples -> a LoRA adapter."""
