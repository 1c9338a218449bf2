"""Triton and TensorFlow carry an LLVM each: the process ends where Triton is imported after TensorFlow."""

from __future__ import annotations

import contextlib
import importlib.util
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def triton_kept_out() -> Iterator[None]:
    """Let PyTorch do without Triton, where importing it would end the process.

    PyTorch needs Triton only to compile for a GPU, but imports it to see whether it is there, as soon as an exported
    program is opened. It looks once: what it finds here holds for the rest of the process.
    """
    is_safe = "tensorflow" not in sys.modules or "triton" in sys.modules
    if is_safe or importlib.util.find_spec("triton") is None:
        yield
        return
    sys.modules["triton"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if "torch" in sys.modules:
            from torch.utils._triton import has_triton_package

            has_triton_package()
        del sys.modules["triton"]
