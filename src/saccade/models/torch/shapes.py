"""A run of a torch module without numbers: every operation gives a result's shape, and nothing is computed."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from saccade.models.torch.quiet_logs import quiet_logs
from saccade.models.torch.remembered_tensors import forget
from saccade.models.torch.result_bound import ResultBound
from saccade.models.torch.runs import TracedRun, traced
from saccade.typing import Tensor


def shapes_only(module: Any, images: Callable[[], Tensor], bound: ResultBound | None = None) -> TracedRun | None:
    """Trace a run that takes neither time nor memory; None for a module that needs to see its numbers.

    Args:
        module: The module, in its evaluating state. A copy runs, so that nothing without numbers is left in it; what
            its functions remember of this run is forgotten.
        images: Makes the images (N, C, H, W); called where tensors have no numbers.
        bound: How large a result may be; the run ends at the first that is larger.
    """
    import torch

    try:
        # What torch's own compiler looks ahead with; not among its public names.
        from torch._subclasses.fake_tensor import FakeCopyMode, FakeTensorMode

        without_numbers = FakeTensorMode(allow_non_fake_inputs=True)
        with FakeCopyMode(without_numbers):
            bare = copy.deepcopy(module)
        # The copy of a script shares its compiled code, into which an optimised run would write tensors without numbers
        # as constants.
        with without_numbers, torch.jit.optimized_execution(False), quiet_logs(FakeTensorMode.__module__):
            return traced(bare, images(), bound)
    except Exception:
        # Whatever the reason is: the same run with numbers either works, or says what is wrong with the model.
        return None
    finally:
        forget(torch._subclasses.FakeTensor)
