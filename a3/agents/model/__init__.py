"""Agents with a language model: hypotheses, queries, split and answers are asked of it."""
