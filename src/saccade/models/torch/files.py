"""Opening the files that hold PyTorch models.

.pt2 (torch.export)          opened; the whole computation lies in it
TorchScript .pt, .ts         opened; its parts are compiled and cannot be read one by one
a pickled module .pt, .pth   only with trust, because unpickling runs code from the file
weights .pt, .safetensors    hold no computation: a factory is needed as well

Without trust nothing of a file reaches PyTorch before all of it was checked: it may compute, and nothing else.
"""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from saccade.errors import FileError, ModelError
from saccade.models.code_beside import ClassesBeside
from saccade.models.input_shape import InputShape
from saccade.models.torch.archive import Archive, is_archive
from saccade.models.torch.folders import is_model_folder
from saccade.models.torch.messages import telling_line
from saccade.models.torch.network import TorchNetwork
from saccade.models.torch.programs import check_program, is_program
from saccade.models.torch.quiet_logs import quiet_logs
from saccade.models.torch.script_code import check_script, is_script
from saccade.models.torch.script_divisions import guard_divisions
from saccade.models.torch.script_graphs import check_graphs, guard_lengths
from saccade.models.torch.script_objects import check_casts
from saccade.models.torch.script_runs import bound_runs, depends_on_numbers
from saccade.models.torch.script_types import check_types
from saccade.models.torch.trust import Untrusted
from saccade.models.torch.weight_files import (
    check_not_empty,
    checkpoint_in,
    is_safetensors,
    pickled_classes,
)

_Checked = TypeVar("_Checked")


def open_torch_file(path: Path, *, trust: bool = False, input_shape: InputShape | None = None) -> TorchNetwork:
    """Open a PyTorch model from a file.

    Args:
        path: `.pt2`, TorchScript, or (with trust) a pickled module.
        trust: Let code that lies in the file run.
        input_shape: Height and width (None: free) and channels, for models that do not say.

    Raises:
        FileError: Missing, empty or damaged.
        ModelError: Not a model, or one that must not be opened without trust.
    """
    check_not_empty(path)
    if is_safetensors(path):
        raise _only_weights(path)
    archive = Archive(path) if is_archive(path) else None
    if archive is None:
        return _pickled(path, trust, input_shape)
    if is_program(archive):
        _check(path, trust, lambda: check_program(archive))
        return _exported(path, trust, input_shape)
    if is_script(archive):
        longest_stored = _check(path, trust, lambda: check_script(archive))
        return _script(path, trust, input_shape, longest_stored or 0)
    if "data.pkl" in archive.sizes:
        return _pickled(path, trust, input_shape)
    raise ModelError(
        f"{path.name} is a zip archive but no PyTorch model; it holds {', '.join(sorted(archive.sizes)[:3])}. Give a "
        ".pt2, a TorchScript .pt, or package.module:factory."
    )


def _check(path: Path, trust: bool, check: Callable[[], _Checked]) -> _Checked | None:
    """Let a file through or refuse it in one line; with trust it is not looked at."""
    if trust:
        return None
    try:
        return check()
    except (Untrusted, RecursionError) as error:
        reason = str(error) if isinstance(error, Untrusted) else "parts that are nested too deep"
        raise ModelError(
            f"{path.name} holds {reason}, which could do more than compute, or end the program; give --trust if the "
            "file is your own, or save the model again with torch.export.save."
        ) from error


def _exported(path: Path, trust: bool, input_shape: InputShape | None) -> TorchNetwork:
    import torch

    try:
        with _quietly():
            program = torch.export.load(path)
            module = torch.export.unflatten(program)
    except Exception as error:
        raise _damaged(path, error) from error
    signature = program.graph_signature.user_inputs
    inputs = [node for node in program.graph.nodes if node.op == "placeholder" and node.name in signature]
    if len(inputs) != 1:
        raise ModelError(
            f"{path.name} takes {len(inputs)} inputs; saccade explains models that take one image. Export a module "
            "of one input."
        )
    shape = tuple(getattr(inputs[0].meta.get("val"), "shape", ()))
    if len(shape) != 4:
        raise ModelError(f"{path.name} takes input of shape {shape}; an image needs (batch, channels, height, width).")
    batch, channels, height, width = (size if isinstance(size, int) else None for size in shape)
    if input_shape is None and channels is not None:
        input_shape = height, width, channels
    return TorchNetwork(module, input_shape=input_shape, fixed_batch=batch, name=path.stem, trusted=trust)


def _script(path: Path, trust: bool, input_shape: InputShape | None, longest_stored: int) -> TorchNetwork:
    import torch

    # As torch.jit.load does it, which does not hand out the functions that it made of the code.
    functions = torch._C.CompilationUnit()
    try:
        with _quietly():
            module = torch._C.import_ir_module(functions, str(path), torch.device("cpu"), {}, False)
    except Exception as error:
        raise _damaged(path, error) from error
    lengths = _check(path, trust, lambda: check_graphs(functions, longest_stored))
    _check(path, trust, lambda: check_types(functions))
    _check(path, trust, lambda: check_casts(functions))
    _check(path, trust, lambda: guard_divisions(functions))
    guard_lengths(lengths or ())
    module = torch.jit._recursive.wrap_cpp_module(module)
    if not trust and depends_on_numbers(functions):
        bound_runs(module)
    return TorchNetwork(module, input_shape=input_shape, name=path.stem, trusted=trust)


def _pickled(path: Path, trust: bool, input_shape: InputShape | None) -> TorchNetwork:
    import torch

    if not trust or not pickled_classes(path):
        checkpoint_in(path)
        raise _only_weights(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=False, pickle_module=_Pickle(path.parent))
    except (ImportError, AttributeError) as error:
        raise ModelError(
            f"{path.name} needs the Python code that the model was made with: {telling_line(error)}. Put it beside the "
            "file, run saccade in the folder where it lies, or give package.module:factory --weights FILE."
        ) from error
    except ModelError:
        raise
    except Exception as error:
        raise _damaged(path, error) from error
    if not isinstance(content, torch.nn.Module):
        checkpoint_in(path, trust=True)
        raise _only_weights(path)
    return TorchNetwork(content, input_shape=input_shape, name=path.stem)


class _Pickle:
    """The module `pickle`, as far as PyTorch uses it, for files of trust.

    A class of the script that wrote the file is taken from the module beside the file that defines it.

    Args:
        folder: Where the file lies.
    """

    def __init__(self, folder: Path) -> None:
        beside = ClassesBeside(folder)

        class Unpickler(pickle.Unpickler):
            def find_class(self, module: str, name: str) -> Any:
                return beside[name] if module == "__main__" and name in beside else super().find_class(module, name)

        self.Unpickler = Unpickler
        self.__name__ = "pickle"

    def load(self, file: Any, **settings: Any) -> Any:
        """What lies in a file, as `pickle.load` gives it."""
        return self.Unpickler(file, **settings).load()


def _only_weights(path: Path) -> ModelError:
    if is_model_folder(path.parent):
        return ModelError(
            f"{path.name} holds weights but not the model they belong to, which the settings beside it describe; give "
            f"the folder: {path.parent}"
        )
    return ModelError(
        f"{path.name} holds weights but not the model they belong to; give the function that makes it as well: "
        f"package.module:factory --weights {path.name}, or timm:NAME or torchvision:NAME if it is one of theirs"
    )


def _damaged(path: Path, error: Exception) -> FileError:
    return FileError(f"{path} is damaged or was made by another version of PyTorch: {telling_line(error)}")


@contextmanager
def _quietly() -> Iterator[None]:
    """Torch warns that its own formats will change, and logs what is raised anyway."""
    with quiet_logs("torch.export", "torch.export.pt2_archive._package"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
