"""Weights in files of before PyTorch 1.6, read without PyTorch: the same numbers, and damage in one plain line."""

from __future__ import annotations

import io
import pickle
import subprocess
import sys
from collections import OrderedDict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

from saccade.errors import FileError
from saccade.models.torch.old_weights import read_old_weights


@pytest.fixture
def weights() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    shared = torch.randn(4, 6)
    return {
        "kernel": torch.randn(3, 2, 5, 5),
        "double": torch.randn(7, dtype=torch.float64),
        "half": torch.randn(2, 2).half(),
        "count": torch.tensor(12),
        "part": shared[1:3],
        "turned": shared.T,
        "empty": torch.zeros(0, 3),
    }


@pytest.fixture
def file(tmp_path: Path, weights: dict[str, torch.Tensor]) -> Path:
    path = tmp_path / "weights.pth"
    torch.save(weights, path, _use_new_zipfile_serialization=False)
    return path


def test_they_are_the_same_numbers(file: Path, weights: dict[str, torch.Tensor]) -> None:
    arrays = read_old_weights(file)
    assert list(arrays) == list(weights)
    for name, tensor in weights.items():
        np.testing.assert_array_equal(arrays[name], tensor.numpy())
        assert arrays[name].dtype == tensor.numpy().dtype


def test_pytorch_is_not_needed(file: Path) -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from pathlib import Path\nfrom saccade.models.torch.old_weights import read_old_weights\n"
        f"print(read_old_weights(Path({str(file)!r}))['kernel'].shape)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "(3, 2, 5, 5)"


@pytest.mark.parametrize("cut", [3, 200, -1, -100])
def test_a_file_that_breaks_off_is_damaged(file: Path, cut: int) -> None:
    file.write_bytes(file.read_bytes()[:cut])
    with pytest.raises(FileError, match=r"weights\.pth is damaged: .*; copy or download it again"):
        read_old_weights(file)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    torch.save(torch.zeros(3), path, _use_new_zipfile_serialization=False)
    with pytest.raises(FileError, match="holds no weights by name"):
        read_old_weights(path)
    path.write_bytes(b"PK\x03\x04 something else")
    with pytest.raises(FileError, match="damaged"):
        read_old_weights(path)


class Storage(NamedTuple):
    kind: type
    numbers: int


class Laid(NamedTuple):
    storage: Storage

    def __reduce__(self) -> tuple[Any, ...]:
        size = (self.storage.numbers,)
        return torch._utils._rebuild_tensor_v2, (self.storage, 0, size, (1,), False, OrderedDict())


class Pickler(pickle.Pickler):
    def persistent_id(self, value: Any) -> Any:
        return ("storage", value.kind, "0", "cpu", value.numbers, None) if isinstance(value, Storage) else None


def test_tensors_that_contradict_each_other_read_nothing_beyond_their_storage(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    floats, doubles = Storage(torch.FloatStorage, 8), Storage(torch.DoubleStorage, 4)
    for storages in ((floats, doubles), (doubles, floats)):
        file = io.BytesIO()
        for before in (0x1950A86A20F9469CFC6C, 1001, {}):
            pickle.dump(before, file, protocol=2)
        Pickler(file, protocol=2).dump({storage.kind.__name__: Laid(storage) for storage in storages})
        pickle.dump(["0"], file, protocol=2)
        path.write_bytes(file.getvalue() + storages[1].numbers.to_bytes(8, "little") + bytes(32))
        with pytest.raises(FileError, match="contradicts itself"):
            read_old_weights(path)
