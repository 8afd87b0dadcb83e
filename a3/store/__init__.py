"""Where a run's values live: the run folder, and the caches shared between runs."""

from a3.store.artifacts import Artifacts
from a3.store.cache import Cache, cache_root, fingerprint, shared_cache
from a3.store.files import append_line, numbered_lines, read_lines, write_atomic
from a3.store.run_folder import Store

__all__ = [
    "Artifacts",
    "Cache",
    "Store",
    "append_line",
    "cache_root",
    "fingerprint",
    "numbered_lines",
    "read_lines",
    "shared_cache",
    "write_atomic",
]
