"""What a run was made with is kept attempt by attempt, so that no later code takes its place."""

from a3.provenance import attempts, record
from tests.made_results import NOWHERE


def test_an_attempt_under_other_code_is_told_apart(tmp_path):
    edited = NOWHERE.model_copy(update={"commit": "b", "dirty": "c"})
    for now in (NOWHERE, NOWHERE, edited, edited, NOWHERE):
        record(tmp_path, now)
    assert attempts(tmp_path) == [NOWHERE, edited, NOWHERE]
