"""What is assumed of texts and calls, and what benchmarks/savings.json found."""

REWRITTEN = 1.3
"""Queries written, per query that is used (assumed)."""
CHAT, TWIN, IDEA, HYPOTHESIS, LINE, PROPOSAL, RULING = 240, 80, 20, 130, 50, 240, 50
"""Tokens of one of each, as written or as read (assumed); LINE is a hypothesis without example."""
DOUBTS = 20
"""Tokens of what a check of twins brings: mostly none is named (4 with the agent of the tests)."""
TOLD = 410
"""Tokens that tell an agent of a trial: 310 to 390 at seed 11, without the agent's own words."""
CASE = 300
"""Tokens that show a judge an answer, its conversation and what was expected (assumed)."""
SEARCHED, SEARCHED_SAMPLED, FRESH = 0.19, 0.33, 0.9
"""Shares, by benchmarks/savings.json: of all answers of a search those that a judge is asked about,
greedy and where none repeats; and of a repair's answers those that are not the base's."""
CORRECTED, CORRECTED_TRIAL = 2, 3
"""How often hypotheses and splits, and trials, are asked for at most where they break rules."""
SECOND = 200
"""Final verdicts that the judge that steered is asked about, too."""
BASIS = "early dropping and answers that repeat, as benchmarks/savings.json found with smollm2"
SECONDS = {"agent": 20.0, "judge": 4.0, "final judge": 4.0, "target": 10.0}
"""Of one call, retries included (assumed)."""
