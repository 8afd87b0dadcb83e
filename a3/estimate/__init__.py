"""What a run will ask of models behind endpoints, told before anything is spent.

Counts follow from the configuration: at most, where every draft but the last is rejected, no trial
is dropped and no answer repeats; and expected, by what benchmarks/savings.json found. Retries,
malformed replies that go back, and answers to learn where the target's own do not serve come on
top. Instructions are measured; how long chats, answers and calls will be is assumed.
"""

from a3.estimate.call_kinds import calls, clean_answers
from a3.estimate.sizes import instructions, tokens
from a3.estimate.text import endpoints, told
from a3.estimate.volume import Counts, counts

__all__ = [
    "Counts",
    "calls",
    "clean_answers",
    "counts",
    "endpoints",
    "instructions",
    "tokens",
    "told",
]
