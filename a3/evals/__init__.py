"""Capability, KL and external benchmarks."""
