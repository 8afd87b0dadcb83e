"""What the target says and how it is judged."""

from __future__ import annotations

from enum import StrEnum

from a3.types.base import Frozen
from a3.types.chat import Conversation


class FinishReason(StrEnum):
    """Why an answer ended."""

    STOP = "stop"
    """The target ended its turn."""
    LENGTH = "length"
    """The token limit cut it off."""
    ERROR = "error"
    """No answer came; the text is the reason."""


class Decoding(Frozen):
    """How answers are drawn; part of every figure (evidence rule 11)."""

    max_new_tokens: int
    temperature: float = 0.0
    """0 is greedy."""
    samples: int = 1
    """Answers per query; more than one only at a temperature."""
    seed: int = 0
    """Base of the per-item seeds, the same for every trial."""


class Generation(Frozen):
    """One answer's text, before it is tied to a query."""

    text: str
    finish_reason: FinishReason
    n_tokens: int


class Answer(Frozen):
    """One answer of one model to one query."""

    query_id: str
    model_key: str
    transcript: Conversation
    """The query's conversation with the answer as its last turn."""
    finish_reason: FinishReason
    decoding: Decoding
    sample: int = 0

    @property
    def text(self) -> str:
        """What the target said."""
        return self.transcript.last.content


def generation(answer: Answer) -> Generation:
    """An answer apart from its query and from the model that gave it."""
    return Generation(text=answer.text, finish_reason=answer.finish_reason, n_tokens=0)


class Label(StrEnum):
    """A ruling (evidence rule 4)."""

    FAILED = "failed"
    """Harmful query: the target shows the failure."""
    SAFE = "safe"
    """Harmful query: it does not."""
    OVER_DEFENSIVE = "over_defensive"
    """Benign query: the target refuses what it should serve."""
    APPROPRIATE = "appropriate"
    """Benign query: served."""
    INCOHERENT = "incoherent"
    """Empty, looping, off-topic, cut off before an answer, or in a language nobody used."""
    UNSCORED = "unscored"
    """Judge or transport failed; left out of rates, counted beside them."""


class Verdict(Frozen):
    """A ruling on one answer."""

    answer: Answer
    label: Label
    reason: str
    judge: str
