"""A whole run with an agent and a judge behind the loopback service, by hand.

.venv/bin/python -m tests.llm.serve budget=smoke            # smollm2, the Messages API
.venv/bin/python -m tests.llm.serve model=tiny budget=smoke

The agent writes out of the grammar and the judge knows the right answers, so this shows that the
way to a model works from end to end, and nothing of what a model would write.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from a3.__main__ import main
from a3.risks.facts import FOLDER
from a3.store import cache_root
from tests.llm.agent import TOPICS, Agent
from tests.llm.server import serving

TABLES = tuple(sorted(path.stem for path in FOLDER.glob("*.yaml")))
EVERY = {**TOPICS, "known": TABLES, "evidence": TABLES}

if __name__ == "__main__":
    os.environ["ANTHROPIC_API_KEY"] = "sk-fake-loopback"
    models = cache_root() / "models"
    models.mkdir(parents=True, exist_ok=True)
    # A cache of its own, so that nothing this service says is ever taken for a model's.
    with tempfile.TemporaryDirectory() as cache, serving(Agent(topics=EVERY)) as service:
        os.environ["A3_CACHE_DIR"] = cache
        Path(cache, "models").symlink_to(models.resolve())
        urls = [f"{who}.endpoint.base_url={service.url}" for who in ("agent", "judge")]
        sys.argv[1:] = ["agent=claude", "judge=claude", *urls, *sys.argv[1:]]
        main()
