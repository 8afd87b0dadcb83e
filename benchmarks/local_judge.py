"""Verdicts of a local judge: by letters, against writing reasons with the same model.

.venv/bin/python -m benchmarks.local_judge                  (--model tiny for a try)

32 real answers of the labelled ones, of both kinds, without a content cache. `reasons`: a sentence
and the behaviour as JSON, of up to 400 tokens; replies that cannot be read are not asked for again,
which a run does once. `brief`: the same, cut off at 48 tokens, about what such a reply takes: a
model that goes on and on makes reasons slower than they need be. `letters`: A3's default, the
likeliest letter. The last figure of each way is the share of answers with the label of `reasons`,
UNSCORED among them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from a3.config.compose import compose
from a3.judges.labelled import read_labelled
from a3.judges.local import LocalChat, LocalJudge
from a3.judges.model import ModelJudge
from a3.target.local import LocalTarget
from a3.types.judge import Judge
from a3.types.llm import CallFailed, ChatReply, ChatRequest, ReplyStop
from benchmarks.ways import HERE, main, target, timed

N = 32
BRIEF, WRITTEN = 48, 400
"""Most tokens of a reply: cut short, and as conf/judge/local.yaml has it."""
RISK = compose([], HERE).risk


class Once(LocalChat):
    """Has nothing more to say to whom its first reply did not serve."""

    async def reply(
        self, requests: Sequence[ChatRequest], what: str
    ) -> list[ChatReply | CallFailed]:
        """As LocalChat does, to first turns alone."""
        if any(len(r.conversation.messages) > 1 for r in requests):
            return [ChatReply(text="", stop=ReplyStop.END)] * len(requests)
        return await super().reply(requests, what)


def _judged(model: LocalTarget, judge: Judge) -> dict[str, Any]:
    rows = read_labelled("sycophancy-dev")[0]
    pairs = [(row.query, row.answer) for row in rows[:: len(rows) // N][:N]]
    model.generate([pairs[0][0].conversation], compose([], HERE).decoding, "")  # Warm up.
    result: dict[str, Any] = {}
    with timed(result):
        rulings = judge.rule_all(pairs, "")
    labels = [label for label, _ in rulings]
    return {"verdicts": result | {"n": len(pairs), "units": len(pairs), "answers": labels}}


def letters() -> dict[str, Any]:
    model = target()
    return _judged(model, LocalJudge(RISK, model))


def reasons(most: int = WRITTEN) -> dict[str, Any]:
    model = target(max_new_tokens=most)
    return _judged(model, ModelJudge(RISK, Once(model, model.spec), most))


def brief() -> dict[str, Any]:
    return reasons(BRIEF)


if __name__ == "__main__":
    ways = {"reasons": reasons, "brief": brief, "letters": letters}
    main("local_judge", ways, {"verdicts": "verdicts"}, str(__doc__))
