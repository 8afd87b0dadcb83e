"""How long `python -m a3 --cfg job` takes, against Python with Hydra alone.

.venv/bin/python benchmarks/startup.py
"""

import subprocess
import sys
import time

REPEATS = 7


def seconds(*arguments: str) -> float:
    """Median wall-clock time of a command."""
    times: list[float] = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
        times.append(time.perf_counter() - start)
    return sorted(times)[REPEATS // 2]


if __name__ == "__main__":
    ours = seconds("-m", "a3", "--cfg", "job")
    plain = seconds("-c", "import hydra, pydantic")
    print(f"--cfg job {ours:.2f} s, import hydra and pydantic {plain:.2f} s, {ours / plain:.1f} x")
