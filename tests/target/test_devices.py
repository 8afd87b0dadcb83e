"""Which number format a CPU is fast at, and what its kernels may take of memory."""

import os

import pytest
import torch

from a3.target.devices import KERNELS, cpu_is_fast_at_bf16, pick_dtype
from a3.types.model import ModelSpec


def info(vendor, flags):
    core = f"vendor_id\t: {vendor}\nmodel name\t: X\nflags\t\t: fpu {flags}\nbugs\t\t:\n"
    return f"processor\t: 0\n{core}\nprocessor\t: 1\n{core}"


ARM = "processor\t: 0\nFeatures\t: fp asimd {}\nCPU part\t: 0xd4f\n"


@pytest.mark.parametrize(
    ("cpu", "fast"),
    [
        (info("GenuineIntel", "avx512_bf16 amx_bf16"), True),
        (info("GenuineIntel", "avx512_bf16"), False),
        (info("AuthenticAMD", "avx512_bf16"), True),
        (info("AuthenticAMD", "avx2"), False),
        (ARM.format("bf16 i8mm"), True),
        (ARM.format("asimddp"), False),
        ("", False),
    ],
)
def test_bf16_where_it_is_faster(cpu, fast):
    assert cpu_is_fast_at_bf16(cpu) is fast


def test_a_format_that_is_named_is_taken(tiny_config):
    for name in ("float32", "bfloat16"):
        spec = tiny_config.model.model_copy(update={"dtype": name})
        assert isinstance(spec, ModelSpec)
        assert pick_dtype(spec, torch.device("cpu")) is getattr(torch, name)


def test_a_loaded_model_keeps_few_kernels_unless_the_user_said_otherwise(tiny_target, monkeypatch):
    name = "ONEDNN_PRIMITIVE_CACHE_CAPACITY"
    monkeypatch.delenv(name, raising=False)
    tiny_target.load_base()
    assert os.environ[name] == str(KERNELS)
    monkeypatch.setenv(name, "7")
    tiny_target.load_base()
    assert os.environ[name] == "7"
