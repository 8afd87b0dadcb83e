"""`python -m a3.calibrate`: what it prints, what it keeps, and how it tells mistakes."""

import json

import pytest

from a3.commands.calibrate import main
from a3.config.compose import compose
from a3.judges import make_judge
from a3.judges.calibration import calibrate, load_calibration
from a3.judges.labelled import read_labelled
from a3.llm.line import Line
from a3.stats import agreement
from a3.store import shared_cache
from a3.types.answers import FinishReason, Label
from a3.types.queries import Kind
from tests.llm.server import Says, serving

DATA = "sycophancy-held-out"


@pytest.fixture(scope="module")
def ruled(tmp_path_factory):
    """The judge's own figures, without the command."""
    judge = make_judge(compose([], tmp_path_factory.mktemp("unused")))
    return calibrate(judge, *read_labelled(DATA), 0.95)


@pytest.fixture(autouse=True)
def wide(monkeypatch):
    """A terminal in which no table is folded."""
    monkeypatch.setenv("COLUMNS", "200")


def table(printed: str, title: str) -> dict[str, dict[str, int]]:
    """A printed confusion table: row -> column -> count."""
    lines = printed.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(title))
    cells = [line.strip("┃│ ").replace("┃", "│") for line in lines[start:]]
    rows = [[c.strip() for c in line.split("│")] for line in cells if "│" in line]
    columns = [c for c in rows[0] if c]
    found = {}
    for row in rows[1:]:
        if len(row) != len(columns) + 1 or row[0] not in columns:
            break
        found[row[0]] = dict(zip(columns, map(int, row[1:]), strict=True))
    return found


def test_accuracy_kappa_recall_and_confusion_are_printed(capsys, ruled):
    found, _ = ruled
    main(["judge=rules", f"data={DATA}"])
    printed = capsys.readouterr().out
    assert f"accuracy {100 * found.accuracy.value:.1f} %" in printed
    assert f"Cohen's kappa {found.kappa.value:.2f} [{found.kappa.low:.2f}, " in printed
    for label, rate in found.recall.items():
        assert f"recall of {label}: {100 * rate.value:.1f} %" in printed
    assert "false SAFE" in printed and "false FAILED" in printed
    assert found.judge in printed and f"n={found.n}" in printed
    for kind, by_label in found.confusion.items():
        shown = table(printed, f"{kind} queries")
        counted = {
            str(human): {str(label): n for label, n in row.items()}
            for human, row in by_label.items()
        }
        assert {
            h: {j: n for j, n in row.items() if n} for h, row in shown.items() if any(row.values())
        } == counted


def test_kappa_is_told_within_each_kind(capsys, ruled):
    _, rulings = ruled
    main(["judge=rules", f"data={DATA}"])
    printed = capsys.readouterr().out
    for kind in Kind:
        pairs = [(row.label, label) for row, label, _ in rulings if row.query.kind is kind]
        kappa = agreement(pairs, 0.95).kappa
        assert f"Cohen's kappa of {kind} queries {kappa.value:.2f} [{kappa.low:.2f}, " in printed


def test_overrides_may_delete(capsys):
    with pytest.raises(SystemExit):
        main(["judge=rules", f"data={DATA}", "~risk.labels"])
    assert "labels" in capsys.readouterr().err


def test_every_disagreement_is_shown_on_request(capsys, ruled):
    _, rulings = ruled
    wrong = [(row, label) for row, label, _ in rulings if label is not row.label]
    assert wrong
    main([f"data={DATA}"])
    assert "people" not in capsys.readouterr().out
    main([f"data={DATA}", "show=errors"])
    printed = capsys.readouterr().out
    assert printed.count(">>> ") == len(wrong)
    for row, label in wrong:
        assert f"{row.query.kind}: people {row.label}, judge {label}" in printed


def test_what_is_saved_is_the_judge_s_calibration(tmp_path, capsys, ruled):
    found, _ = ruled
    path = tmp_path / "mine.json"
    main([f"data={DATA}", f"save={path}"])
    assert load_calibration(str(path), found.judge) == found
    config = compose([f"judge.calibration={path}"], tmp_path)
    assert make_judge(config).calibration == found


def test_a_path_to_a_labelled_file_does_as_well(tmp_path, capsys):
    rows, _ = read_labelled(DATA)
    path = tmp_path / "few.jsonl"
    path.write_text("".join(row.model_dump_json() + "\n" for row in rows[:30]))
    main([f"data={path}"])
    assert "few-" in (printed := capsys.readouterr().out) and "n=30" in printed


@pytest.fixture
def few(tmp_path):
    """Twelve labelled answers, and where they are."""
    rows = read_labelled(DATA)[0][:12]
    path = tmp_path / "few.jsonl"
    path.write_text("".join(row.model_dump_json() + "\n" for row in rows))
    return rows, path


@pytest.fixture
def claude(monkeypatch, tmp_path):
    """A judge behind the loopback service, with a cache of its own: service and options."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-fake")
    monkeypatch.setenv("A3_CACHE_DIR", str(tmp_path / "cache"))
    reply = json.dumps({"reason": "it says so", "behaviour": "other_answer"})
    with serving(lambda body, n: Says(reply)) as service:
        yield service, ["judge=claude", f"judge.endpoint.base_url={service.url}"]


def test_verdicts_that_a_run_has_are_not_paid_for_again(few, claude, tmp_path, capsys):
    (rows, path), (service, options) = few, claude
    judge = make_judge(compose(options, tmp_path), Line(shared_cache()))
    judge.rule_all([(row.query, row.answer) for row in rows[:8]], "a run")
    assert len(service.asked) == 8
    main([*options, f"data={path}"])
    assert len(service.asked) == 12
    printed = capsys.readouterr().out
    assert "n=12" in printed and "4 calls, " in printed and "the cache saved 8 calls" in printed


def test_a_cap_ends_it_in_order_and_it_goes_on(few, claude, capsys):
    (_, path), (service, options) = few, claude
    said = refused([*options, f"data={path}", "budget.caps.calls=5"], capsys)
    assert "5 of 5 calls are made" in said and len(service.asked) == 5
    main([*options, f"data={path}", "budget.caps.calls=7"])
    assert "n=12" in capsys.readouterr().out and len(service.asked) == 12


def test_overrides_of_the_configuration_choose_risk_and_judge(capsys):
    main([f"data={DATA}", "risk=sycophancy", "model=tiny", "judge=rules"])
    assert "accuracy" in capsys.readouterr().out


@pytest.fixture
def sentences(tmp_path):
    rows = [
        {"text": "I'm sorry, but I can't help with that.", "label": True},
        {"text": "I cannot answer that.", "label": True},
        {"text": "My lips are sealed.", "label": True},
        {"text": "It is Paris.", "label": False},
        {"text": "Here you are.", "label": False},
    ]
    path = tmp_path / "sentences.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_a_single_detector_is_measured_on_sentences(sentences, capsys):
    main(["detector=refuses", f"data={sentences}"])
    printed = capsys.readouterr().out
    assert "accuracy 80.0 %" in printed and "Cohen's kappa 0.62" in printed
    assert "recall of yes: 66.7 %" in printed and "recall of no: 100.0 %" in printed
    assert "n=5" in printed
    assert table(printed, "refuses") == {"no": {"no": 2, "yes": 0}, "yes": {"no": 1, "yes": 2}}


def refused(arguments, capsys) -> str:
    """What is said when it cannot be done."""
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    said = capsys.readouterr()
    assert said.err.startswith("error: ") and "Traceback" not in said.err
    assert "found:" in said.err and "do:" in said.err
    return said.err


@pytest.mark.parametrize(
    ("arguments", "found", "hint"),
    [
        ([], "none", "data=sycophancy-held-out"),
        (["data=nothing"], "nothing", DATA),
        (["data=nowhere.jsonl"], "nowhere.jsonl", DATA),
        ([f"data={DATA}", "loudly"], "loudly", "key=value"),
        ([f"data={DATA}", "judge=astrology"], "astrology", "rules"),
        ([f"data={DATA}", "goal.srf=1"], "goal.srf", "--cfg job"),
        (["detector=refuses", "data=nowhere.jsonl"], "nowhere.jsonl", "path"),
    ],
)
def test_mistakes_are_told_in_three_parts(arguments, found, hint, capsys):
    said = refused(arguments, capsys)
    assert found in said and hint in said


def test_an_unknown_detector_is_told_with_the_known_ones(sentences, capsys):
    said = refused(["detector=astrology", f"data={sentences}"], capsys)
    assert "astrology" in said and "accepts_claim" in said and "refuses" in said


@pytest.mark.parametrize("line", ["not json", '{"query": 1}', '{"text": "x", "label": "safe"}'])
def test_a_bad_line_is_told_with_its_number(line, tmp_path, capsys):
    rows, _ = read_labelled(DATA)
    path = tmp_path / "bad.jsonl"
    path.write_text(f"{rows[0].model_dump_json()}\n{line}\n")
    assert "line 2" in refused([f"data={path}"], capsys)


@pytest.mark.parametrize("line", ["not json", '{"sentence": "x", "label": true}', "[]"])
def test_a_bad_line_for_a_detector_is_told_with_its_number(line, sentences, capsys):
    sentences.write_text(sentences.read_text() + line + "\n")
    assert "line 6" in refused(["detector=refuses", f"data={sentences}"], capsys)


def test_an_empty_file_is_an_error_not_a_figure(tmp_path, capsys):
    path = tmp_path / "empty.jsonl"
    path.write_text("")
    with pytest.raises(SystemExit):
        main([f"data={path}"])
    assert "must have labels" in capsys.readouterr().err


def test_rule_4_an_answer_that_never_came_is_a_disagreement(tmp_path, capsys):
    rows, _ = read_labelled(DATA)
    row = next(r for r in rows if r.label is Label.SAFE)
    lost = row.answer.model_copy(update={"finish_reason": FinishReason.ERROR})
    path = tmp_path / "lost.jsonl"
    path.write_text(row.model_copy(update={"answer": lost}).model_dump_json() + "\n")
    main([f"data={path}"])
    assert "accuracy 0.0 %" in capsys.readouterr().out
