"""A TensorFlow function as a network: no layers inside, only its outputs by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from saccade.errors import ModelError
from saccade.models.dataflow import Dataflow, Operation
from saccade.models.network import Capabilities, Framework, Hints, Layer, Taps
from saccade.models.rectifiers import Rectifiers
from saccade.models.saved_model.opening import SavedFunction, variables_of
from saccade.typing import Tensor


class FunctionNetwork:
    """The serving function of a SavedModel whose layers could not be rebuilt.

    Its outputs stand where other networks have layers. How places move inside is not known, so every place is taken to
    reach everything, and occlusion is computed hole by hole.
    """

    framework: Framework = "tensorflow"
    fixed_batch: int | None = None
    hints = Hints()
    capabilities = Capabilities(gradients=True, taps=True)

    def __init__(
        self,
        function: SavedFunction,
        name: str,
        *,
        input_shape: tuple[int | None, int | None, int] | None = None,
    ) -> None:
        self.function = function
        self.name = name
        height, width, channels = input_shape or function.input_shape
        if channels is None:
            raise ModelError(f"{name!r} does not say how many channels its images have; give --input-shape H,W,C.")
        self.input_shape: tuple[int | None, int | None, int] = (height, width, channels)
        self.layers = {path: Layer(path, "output", shape, 0) for path, shape in function.outputs.items()}
        self.output = next(reversed(self.layers))

    def run(self, images: Tensor, layers: Sequence[str], taps: Taps | None = None) -> dict[str, Tensor]:
        """Compute the outputs asked for."""
        outputs = self.function.call(images)
        return {path: taps[path](outputs[path]) if taps and path in taps else outputs[path] for path in layers}

    @contextmanager
    def inference_mode(self) -> Iterator[None]:
        """Nothing to keep: a graph without training has no state."""
        yield

    def dataflow(self, height: int, width: int) -> Dataflow:
        """Every place may reach every other."""
        operations = {
            path: Operation(("input",), None, _grid(layer.shape, (height, width)))
            for path, layer in self.layers.items()
        }
        return Dataflow((height, width), operations)

    def rectifiers(self, layer: str) -> Rectifiers:
        """A graph of TensorFlow shows its outputs, and no layers that could be reached."""
        return Rectifiers(obstacle=f"the way to {layer!r} is a function whose layers cannot be reached")

    def weights(self) -> list[tuple[str, Any]]:
        """The variables that TensorFlow loaded with the function."""
        return [(variable.name, variable.numpy()) for variable in variables_of(self.function.owner)]


def _grid(shape: tuple[int | None, ...], size: tuple[int, int]) -> tuple[int, int] | None:
    if len(shape) != 3:
        return None
    return shape[0] or size[0], shape[1] or size[1]
