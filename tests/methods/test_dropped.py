"""A dropped trial is kept as what it is: no scores, no objective, a reason that people can read."""

from types import SimpleNamespace

from a3.console import ConsoleObserver
from a3.methods import trial as module
from a3.methods.figures import figures
from a3.types.events import TrialFinished
from a3.types.trials import DropRule, PartialScores, Proposal, Trial, TrialJob, TrialResult

RULE = DropRule(objective=0.2, limits={"sfr": 0.05}, parts=4)
PARTIAL = PartialScores(answered=40, total=120, objective_at_least=11.5, rule=RULE)


def dropped(tiny_config, monkeypatch) -> tuple[Trial, list]:
    """A trial that the executor dropped, and what the executor was given."""
    given = []
    result = TrialResult(
        scores=None,
        losses=(1.0,),
        adapter="adapters/trial/1",
        seconds={"train": 2.0},
        partial=PARTIAL,
    )
    monkeypatch.setattr(module, "run_trial", lambda *arguments: given.append(arguments) or result)
    config = tiny_config.search.default
    job = TrialJob(number=1, config=config, examples=(), epoch_tokens=1, seed=7)
    context = SimpleNamespace(config=tiny_config)
    view, baseline = SimpleNamespace(validation=()), SimpleNamespace(validation=0, capability=0)
    shared = module.Shared(view, baseline, SimpleNamespace(examples=()), context)
    trial = module._run(job, Proposal(config=config, rationale="-"), RULE, shared)
    return trial, given


def test_rule_8_a_dropped_trial_is_marked_partial_and_has_nothing_to_rank(tiny_config, monkeypatch):
    trial, given = dropped(tiny_config, monkeypatch)
    assert trial.state == "dropped" and trial.partial == PARTIAL
    assert trial.scores is None and trial.objective is None and trial.error is None
    assert RULE in given[0]
    assert figures(trial) == {"validation/answered": 40 / 120, "seconds/train": 2.0}
    assert Trial.model_validate_json(trial.model_dump_json()) == trial


def test_the_log_says_why(tiny_config, monkeypatch):
    trial, _ = dropped(tiny_config, monkeypatch)
    line = ConsoleObserver._line(SimpleNamespace(), TrialFinished(trial=trial))
    assert "trial 1 dropped" in line and "40 of 120" in line
    assert "11.500" in line and "0.200" in line
