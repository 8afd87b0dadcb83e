"""A whole run with an agent and a judge behind the loopback service, by hand.

.venv/bin/python -m tests.llm.serve budget=smoke            # smollm2, the Messages API
.venv/bin/python -m tests.llm.serve model=tiny budget=smoke

The agent writes out of the grammar and the judge knows the right answers, so this shows that the
way to a model works from end to end, and nothing of what a model would write.
"""

from __future__ import annotations

import os
import sys

from a3.__main__ import main
from tests.llm.agent import Agent
from tests.llm.server import serving

if __name__ == "__main__":
    os.environ["ANTHROPIC_API_KEY"] = "sk-fake-loopback"
    with serving(Agent()) as service:
        urls = [f"{who}.endpoint.base_url={service.url}" for who in ("agent", "judge")]
        sys.argv[1:] = ["agent=claude", "judge=claude", *urls, *sys.argv[1:]]
        main()
