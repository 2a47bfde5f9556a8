"""The repositories of `towers`, made once a session."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

for _package in ("torch", "transformers", "onnx", "tokenizers", "huggingface_hub"):
    pytest.importorskip(_package)


@dataclass(frozen=True)
class Made:
    """Folders of repositories, and the models in them."""

    root: Path
    models: dict[str, Any]

    def __getitem__(self, name: str) -> Path:
        return self.root / name


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    import torch

    from hub import towers

    root = tmp_path_factory.mktemp("repositories")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    models = {name: getattr(towers, name)(root / name) for name in ("clip", "siglip", "dinov2", "convnext")}
    yield Made(root, models)
    torch.set_num_threads(threads)
