"""Which device and number format to use."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import warnings
from pathlib import Path

import torch
import transformers

from a3.types.model import ModelSpec

KERNELS = 128
"""Of oneDNN's, kept at a time; a training step of one shape takes about 35."""


def pick_device(spec: ModelSpec) -> torch.device:
    """The configured device, or the best one here."""
    if spec.device != "auto":
        return torch.device(spec.device)
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def pick_dtype(spec: ModelSpec, device: torch.device) -> torch.dtype:
    """The configured format, or bf16 where the device is faster at it, else fp32.

    The choice depends on what the device can do, not on a timing, so that two runs on one machine
    always agree (the format is part of every cache key).
    """
    if spec.dtype != "auto":
        return getattr(torch, spec.dtype)
    on_gpu = device.type == "cuda"
    fast = torch.cuda.is_bf16_supported() if on_gpu else cpu_is_fast_at_bf16(_cpu_info())
    return torch.bfloat16 if fast else torch.float32


def attention(device: torch.device) -> str:
    """Eager attention beats sdpa by 1.7 times for short chats on CPU (docs/log.md)."""
    return "sdpa" if device.type == "cuda" else "eager"


def pass_tokens(device: torch.device) -> int:
    """Padded tokens that one forward pass over prompts takes in.

    On a CPU larger passes are slower, by 1.7 times at 8,192 (docs/log.md): what passes between
    layers no longer fits its caches, and malloc gives memory back in between.
    """
    return 1024 if device.type == "cpu" else 65536


def shares_weights(device: torch.device) -> bool:
    """Whether training and adapters work on the base's loaded weights.

    On a CPU the base that answers is packed, which nothing can train through, and a copy of what a
    CPU can train is small; an accelerator's memory may hold no second one.
    """
    return device.type != "cpu"


def same(one: torch.device, other: torch.device) -> bool:
    """Whether both are one device; without an index the first is meant."""
    return (one.type, one.index or 0) == (other.type, other.index or 0)


def memory(device: torch.device) -> int:
    """Bytes of memory that the device has in all, whoever uses them now."""
    if device.type == "cuda":
        return torch.cuda.get_device_properties(device).total_memory
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def use_all_cores() -> None:
    """One thread per core this process may use, unless the user said otherwise."""
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(len(os.sched_getaffinity(0)))


def bound_kernel_cache() -> None:
    """Let oneDNN keep fewer of the kernels that it compiles for every new shape of a product.

    Each takes 1.1 MB and it keeps 1,024; batches of ever new shapes fill that up, and it grew from
    trial to trial (docs/log.md, 2026-11-29). It reads the variable at its first product. A kernel
    made again costs about a millisecond.
    """
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", str(KERNELS))


def release_memory() -> None:
    """Give back to the system what is no longer used."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    trim()


def trim() -> None:
    """Make malloc give freed pages back.

    Batches of ever new shapes leave holes in its heap: without this, training grows by a gigabyte
    and more (docs/log.md).
    """
    with contextlib.suppress(OSError, AttributeError):  # No glibc, no malloc_trim.
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def silence_libraries() -> None:
    """Loading bars and notices of transformers and peft would tear the progress display."""
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing.*")


def _cpu_info() -> str:
    """What Linux tells of the CPU; empty elsewhere."""
    with contextlib.suppress(OSError):
        return Path("/proc/cpuinfo").read_text(encoding="utf-8")
    return ""


def cpu_is_fast_at_bf16(info: str) -> bool:
    """Whether a CPU with this /proc/cpuinfo multiplies bf16 faster than fp32.

    AMX tiles and Arm's BF16 extension do, and AMD's AVX512-BF16 (3.6 times). Intel's without AMX,
    as virtual machines show it, takes 1.6 times as long as fp32 (docs/log.md).
    """
    pairs = (line.partition(":") for line in info.splitlines())
    known = {name.strip(): value.strip() for name, _, value in pairs}
    flags = set((known.get("flags") or known.get("Features", "")).split())
    intel = known.get("vendor_id") == "GenuineIntel"
    return bool({"amx_bf16", "bf16"} & flags) or ("avx512_bf16" in flags and not intel)
