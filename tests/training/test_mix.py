import math
import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from a3.errors import MeasurementError
from a3.training import mix
from a3.types.chat import ask, assistant
from a3.types.rates import Rate
from a3.types.scores import HypothesisRates
from a3.types.trials import TrainingExample
from tests.training.jobs import config


def pool(n_hypotheses=4, per_kind=10, general=30) -> list[TrainingExample]:
    groups = [f"H{h}/{k}" for h in range(n_hypotheses) for k in ("harmful", "benign")] * per_kind
    groups += ["general"] * general
    return [
        TrainingExample(
            conversation=ask(str(i)).then(assistant("-")),
            loss_spans=(1,),
            weight_group=g,
            stratum={"harmful": "harmful", "benign": "known"}.get(g.rpartition("/")[2], "general"),
            source="general" if g == "general" else "self",
        )
        for i, g in enumerate(groups)
    ]


def further(stratum: str, n: int) -> list[TrainingExample]:
    """Examples of a hypothesis under which the user is always right."""
    made = pool(1, n, 0)[1::2]
    update = {"stratum": stratum, "weight_group": f"{stratum}/benign"}
    return [e.model_copy(update=update) for e in made]


def rates(*hits_of_ten) -> dict[str, HypothesisRates]:
    def rate(hits):
        return Rate(hits=hits, n=10, unscored=0, clusters=10, value=hits / 10, low=0, high=1)

    return {f"H{i}": HypothesisRates(sfr=rate(h), fpr=rate(0)) for i, h in enumerate(hits_of_ten)}


@settings(max_examples=60)
@given(
    st.floats(0, 0.6),
    st.floats(0.2, 0.8),
    st.integers(1, 6),
    st.integers(0, 40),
    st.integers(100, 400),
    st.integers(0, 99),
)
def test_an_epoch_has_the_asked_shares(general, harmful, hypotheses, n_general, size, seed):
    examples = pool(hypotheses, 10, n_general)
    asked = config(general_share=general, harmful_share=harmful)
    found = mix.epoch(asked, examples, {}, random.Random(seed), size)
    counts = Counter(e.weight_group.rpartition("/")[2] for e in found)
    task = counts["harmful"] + counts["benign"]
    assert len(found) == pytest.approx(size, abs=2)
    assert counts["harmful"] / task == pytest.approx(harmful, abs=0.03)
    if n_general:
        assert counts["general"] / len(found) == pytest.approx(general, abs=0.03)
    else:
        assert counts["general"] == 0


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 99))
def test_strata_of_a_kind_share_alike_however_many_queries_each_has(evidence, own, seed):
    examples = [*pool(3, 10), *further("evidence", evidence), *further("own", own)]
    found = mix.epoch(config(harmful_share=0.4), examples, {}, random.Random(seed), 300)
    counts = Counter(e.stratum for e in found)
    assert counts["general"] == pytest.approx(60, abs=1)
    assert counts["harmful"] == pytest.approx(96, abs=1)
    assert [counts[s] for s in ("known", "evidence", "own")] == pytest.approx([48] * 3, abs=1)


def test_hypotheses_that_fail_more_weigh_more():
    weights = mix.weights(config(tau_harmful=1.0), rates(0, 5, 10), floor=0.1)
    assert weights["H0/harmful"] < weights["H1/harmful"] < weights["H2/harmful"]
    flat = mix.weights(config(tau_harmful=0.0), rates(0, 5, 10), floor=0.1)
    assert len({flat[f"H{i}/harmful"] for i in range(3)}) == 1
    found = mix.epoch(config(tau_harmful=1.0), pool(3), weights, random.Random(0), 60)
    counts = Counter(e.weight_group for e in found)
    assert counts["H2/harmful"] > counts["H0/harmful"] > 0


def test_what_nothing_was_measured_of_weighs_what_the_overall_rate_weighs():
    weights = mix.weights(config(tau_harmful=1.0), rates(0, 10), floor=0.1)
    middle = (weights["H0/harmful"] + weights["H1/harmful"]) / 2
    assert weights["/harmful"] == pytest.approx(middle)
    found = mix.epoch(config(tau_harmful=1.0), pool(3), weights, random.Random(0), 600)
    counts = Counter(e.weight_group for e in found)
    assert counts["H0/harmful"] < counts["H2/harmful"] < counts["H1/harmful"]
    assert counts["H2/harmful"] == pytest.approx(
        (counts["H0/harmful"] + counts["H1/harmful"]) / 2, abs=2
    )


@given(st.floats(-1, 1), st.floats(0, 2))
def test_an_offset_scales_one_group_and_no_other(offset, tau):
    plain = mix.weights(config(tau_harmful=tau), rates(0, 5), floor=0.1)
    bent = mix.weights(
        config(tau_harmful=tau, offsets={"H1/harmful": offset}), rates(0, 5), floor=0.1
    )
    ratio = bent.pop("H1/harmful") / plain.pop("H1/harmful")
    assert bent == plain
    assert ratio == pytest.approx(math.exp(offset)) and 1 / 2.72 < ratio < 2.72


def test_an_offset_moves_examples():
    weights = mix.weights(config(offsets={"H1/harmful": 1.0}), rates(5, 5), floor=0.1)
    counts = Counter(
        e.weight_group for e in mix.epoch(config(), pool(2), weights, random.Random(0), 60)
    )
    assert counts["H1/harmful"] > 2 * counts["H0/harmful"]
    assert counts["H1/benign"] == counts["H0/benign"]


def test_an_offset_of_what_does_not_train_is_an_error():
    with pytest.raises(MeasurementError, match="H9/harmful"):
        mix.weights(config(offsets={"H9/harmful": 0.5}), rates(0, 5), floor=0.1)


def test_none_comes_again_before_all_have_come():
    found = mix.epoch(config(harmful_share=0.5, general_share=0), pool(1), {}, random.Random(0), 20)
    assert max(Counter(e.conversation.messages[0].content for e in found).values()) == 1


def test_epochs_differ_and_seeds_repeat():
    rng, again = random.Random(3), random.Random(3)
    first, second = (mix.epoch(config(), pool(), {}, rng, 80) for _ in range(2))
    assert first != second
    assert first == mix.epoch(config(), pool(), {}, again, 80)


def test_topics_weigh_in_every_stratum_as_they_do_among_harmful_queries():
    def about(topic, examples):
        return [
            e.model_copy(update={"topic": topic, "weight_group": f"{topic}-{e.weight_group}"})
            for e in examples
        ]

    examples = [
        *about("capitals", [*pool(3, 10, 0), *further("evidence", 5)]),
        *about("animals", [*pool(1, 10, 0), *further("evidence", 40)]),
        *about("young animals", further("evidence", 40)),
        *about("names", further("own", 20)),
    ]
    found = mix.epoch(config(general_share=0), examples, {}, random.Random(0), 600)
    counts = Counter((e.stratum, e.topic) for e in found)
    alone = 1 / 3  # A topic that no harmful query is about keeps its weight.
    assert counts["evidence", "young animals"] == pytest.approx(100 * alone, abs=2)
    for stratum, n in (("harmful", 300), ("known", 100), ("evidence", 100 * (1 - alone))):
        assert counts[stratum, "capitals"] == pytest.approx(0.75 * n, abs=2)
        assert counts[stratum, "animals"] == pytest.approx(0.25 * n, abs=2)
    assert counts["own", "names"] == pytest.approx(100, abs=1)  # A topic of its own.


def test_strata_weigh_as_they_are_told():
    examples = [*pool(2, 10, 0), *further("evidence", 20), *further("own", 20)]
    asked = config(general_share=0)
    found = mix.epoch(asked, examples, {}, random.Random(0), 600, {"evidence": 2.0, "harmful": 3.0})
    counts = Counter(e.stratum for e in found)
    assert counts == {"harmful": 300, "known": 75, "evidence": 150, "own": 75}
