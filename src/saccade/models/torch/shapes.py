"""A run of a torch module without numbers: every operation gives a result's shape, and nothing is computed."""

from __future__ import annotations

import copy
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from saccade.models.torch.messages import telling_line
from saccade.models.torch.quiet_logs import quiet_logs
from saccade.models.torch.remembered_tensors import forget
from saccade.models.torch.result_bound import ResultBound
from saccade.models.torch.runs import PLAIN_ERRORS, TracedRun, traced
from saccade.models.torch.trace import tensors_in
from saccade.typing import Tensor


class BareModule:
    """A copy of a module whose tensors have no numbers, so that none of these is left in the module itself.

    Args:
        module: In its evaluating state.
    """

    def __init__(self, module: Any) -> None:
        # What torch's own compiler looks ahead with; not among its public names.
        from torch._subclasses.fake_tensor import FakeCopyMode, FakeTensorMode

        self.without_numbers = FakeTensorMode(allow_non_fake_inputs=True)
        with FakeCopyMode(self.without_numbers):
            self.copy = copy.deepcopy(module)


def shapes_only(
    module: Callable[[], BareModule], images: Callable[[], Tensor], bound: ResultBound | None = None
) -> TracedRun | str:
    """Trace a run that takes neither time nor memory.

    Args:
        module: Gives the copy that runs; what its functions remember of this run is forgotten.
        images: Makes the images (N, C, H, W); called where tensors have no numbers.
        bound: How large a result may be; the run ends at the first that is larger.

    Returns:
        The run; or what the module said when it failed, in one line, which is empty for one that needs to see its
        numbers or says nothing.
    """
    import torch
    from torch._subclasses.fake_tensor import FakeTensorMode

    results: list[weakref.ref[Tensor]] = []
    try:
        bare = module()
        # The copy of a script shares its compiled code, into which an optimised run would write tensors without numbers
        # as constants.
        with (
            bare.without_numbers,
            torch.jit.optimized_execution(False),
            quiet_logs(FakeTensorMode.__module__),
            _listing(results),
        ):
            return traced(bare.copy, images(), bound)
    except Exception as error:
        # Whatever the reason is: the same run with numbers either works, or says what is wrong with the model.
        return telling_line(error) if str(error) and type(error) in (*PLAIN_ERRORS, torch.jit.Error) else ""
    finally:
        # All objects of the process are gone through: only where something can be found.
        if any(result() is not None for result in results):
            forget(torch._subclasses.FakeTensor)


@contextmanager
def _listing(results: list[weakref.ref[Tensor]]) -> Iterator[None]:
    """List every tensor that an operation gives, without keeping it alive."""
    from torch.utils._python_dispatch import TorchDispatchMode

    class Listing(TorchDispatchMode):  # type: ignore[misc]
        def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            result = function(*args, **(kwargs or {}))
            results.extend(weakref.ref(tensor) for tensor in tensors_in(result))
            return result

    with Listing():
        yield
