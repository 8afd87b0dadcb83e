"""Adapters on disk: merged, and averaged."""

import json

import pytest
import torch
from safetensors.torch import load_file

from a3.errors import MeasurementError
from a3.target.adapters import CONFIG, FIRST, SECOND, WEIGHTS, merged, soup
from a3.training.lora import with_lora
from a3.types.trials import LoraSpec
from tests.training.jobs import job

SCALE = 1.4


def written(target, folder, rank, alpha, seed):
    """An adapter of random factors, as the trainer leaves it."""
    shape = {"lora": LoraSpec(rank=rank, alpha=alpha)}
    model = with_lora(target, job(**shape).model_copy(update={"seed": seed}))
    for name, weights in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weights, std=0.02)
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def two(tiny_target, tmp_path_factory):
    root = tmp_path_factory.mktemp("adapters")
    shapes = [(4, 8), (8, 12)]
    return [written(tiny_target, root / str(i), *shape, seed=i) for i, shape in enumerate(shapes)]


def test_a_soup_adds_the_mean_of_the_products(tiny_target, two, tmp_path):
    soup(two, SCALE, tmp_path)
    base = tiny_target.load_base().state_dict()
    alone = [merged(tiny_target.load_base(), f).state_dict() for f in two]
    mixed = merged(tiny_target.load_base(), tmp_path).state_dict()
    moved = 0
    for name, weights in base.items():
        mean = sum(a[name].float() - weights.float() for a in alone) / 2
        torch.testing.assert_close(
            mixed[name].float(), weights.float() + SCALE * mean, rtol=0.02, atol=2e-3
        )
        moved += not torch.equal(mixed[name], weights)
    assert moved > 4


def test_peft_makes_the_same_of_them(tiny_target, two, tmp_path):
    from peft import PeftModel

    soup(two, SCALE, tmp_path / "ours")
    model = PeftModel.from_pretrained(tiny_target.load_base(), str(two[0]), adapter_name="a")
    model.load_adapter(str(two[1]), adapter_name="b")
    model.load_adapter(str(tmp_path / "ours"), adapter_name="ours")
    model.add_weighted_adapter(["a", "b"], [SCALE / 2] * 2, "theirs", combination_type="cat")
    layers = [m for m in model.modules() if hasattr(m, "get_delta_weight")]
    for layer in layers:
        ours, theirs = (layer.get_delta_weight(name).float() for name in ("ours", "theirs"))
        torch.testing.assert_close(ours, theirs, rtol=0.02, atol=1e-4)
    assert layers and model.peft_config["ours"].r == model.peft_config["theirs"].r == 12


def test_blocks_beyond_the_depth_stay_as_in_the_base(tiny_target, two, tmp_path):
    soup(two, SCALE, tmp_path / "half", (0.5, 1))
    soup(two, SCALE, tmp_path / "whole")
    base, half, whole = (
        tiny_target.load_base().state_dict(),
        *(merged(tiny_target.load_base(), tmp_path / n).state_dict() for n in ("half", "whole")),
    )
    n = tiny_target.load_base().config.num_hidden_layers
    upper = {f".{block}." for block in range(n // 2, n)}
    moved = [name for name in base if not torch.equal(base[name], whole[name])]
    assert n > 1 and {any(u in name for u in upper) for name in moved} == {True, False}
    for name in moved:
        other = whole if any(u in name for u in upper) else base
        assert torch.equal(half[name], other[name]), name


def products(folder):
    """What an adapter adds, by layer, without its scale."""
    tensors = load_file(folder / WEIGHTS)
    names = [name.removesuffix(FIRST) for name in tensors if name.endswith(FIRST)]
    return {n: tensors[n + SECOND].double() @ tensors[n + FIRST].double() for n in names}


@pytest.mark.parametrize("rank", [3, 11, 40])
def test_a_soup_is_cut_to_the_nearest_of_its_rank(tiny_target, two, tmp_path, rank):
    from peft import PeftModel

    soup(two, SCALE, tmp_path / "whole")
    soup(two, SCALE, tmp_path / "cut", most=rank)
    whole, cut = products(tmp_path / "whole"), products(tmp_path / "cut")
    for name, product in whole.items():
        lost = torch.linalg.svdvals(product)[rank:].norm()
        assert (product - cut[name]).norm() == pytest.approx(float(lost), rel=1e-3, abs=1e-5)
    model = PeftModel.from_pretrained(tiny_target.load_base(), str(tmp_path / "cut"))
    assert model.peft_config["default"].r == min(rank, 12)


def test_a_rank_above_a_layers_width_is_filled_up(tiny_target, two, tmp_path):
    from peft import PeftModel

    widest = max(tiny_target.load_base().config.hidden_size, 64)
    many = two * (1 + widest // 12)
    soup(many, SCALE, tmp_path / "whole")
    soup(many, SCALE, tmp_path / "cut", most=widest)
    PeftModel.from_pretrained(tiny_target.load_base(), str(tmp_path / "cut"))
    whole, cut = products(tmp_path / "whole"), products(tmp_path / "cut")
    for name, product in whole.items():
        torch.testing.assert_close(cut[name], product, rtol=1e-3, atol=1e-5)


def test_peft_reads_a_soup_of_some_blocks(tiny_target, two, tmp_path, recwarn):
    from peft import PeftModel

    soup(two, SCALE, tmp_path / "half", (0.5, 1))
    model = PeftModel.from_pretrained(tiny_target.load_base(), str(tmp_path / "half"))
    names = {name for name, _ in model.named_parameters() if "lora_" in name}
    assert not [w for w in recwarn if "missing" in str(w.message)]
    assert names and {".0." in name for name in names} == {False}


def test_other_kinds_of_adapters_are_turned_away(two, tmp_path):
    odd = tmp_path / "odd"
    odd.mkdir()
    settings = json.loads((two[0] / CONFIG).read_text()) | {"use_dora": True}
    (odd / CONFIG).write_text(json.dumps(settings))
    (odd / WEIGHTS).write_bytes((two[0] / WEIGHTS).read_bytes())
    with pytest.raises(MeasurementError, match="plain LoRA"):
        soup([two[1], odd], 1.0, tmp_path / "to")


def test_a_soup_is_written_in_full_precision(two, tmp_path):
    soup(two, SCALE, tmp_path)
    assert {t.dtype for t in load_file(tmp_path / WEIGHTS).values()} == {torch.float32}
