"""A PyTorch module as a network."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from functools import cached_property
from typing import Any

from saccade.errors import InputError, ModelError, UnknownName
from saccade.models.dataflow import Dataflow
from saccade.models.network import Capabilities, EverythingFound, Framework, Hints, Layer, Taps
from saccade.models.randomisation import Weight
from saccade.models.rectifiers import Rectifiers
from saccade.models.torch.calls import Reading, hearable, recording
from saccade.models.torch.messages import telling_line
from saccade.models.torch.pool_before_activation import NotAsBefore, Postponed, postponing
from saccade.models.torch.randomisation import layer_weights
from saccade.models.torch.rectifiers import rectifiers
from saccade.models.torch.runs import TracedRun, traced
from saccade.models.torch.shapes import shapes_only
from saccade.models.torch.sizes import InputShape, NoSizeFitsError, find_input_shape, likely_channels, trial_sizes
from saccade.models.torch.state import inference_mode, parts_in
from saccade.typing import Tensor

_KEPT_RUNS = 16
_ACTIVATIONS = {"sigmoid": "sigmoid", "tanh": "tanh", "relu": "relu", "_softmax": "softmax"}


class TorchNetwork:
    """A live torch module. Inside, pictures are (N, C, H, W); outside, they are (N, H, W, C).

    Layers are addressed as torch names them (`encoder.4`). A module's second call is `encoder.4:2`, the parts of a
    result that is no plain tensor are `encoder.4[0]`. What the model gives is called `output` where functional code,
    not a module, made it.

    Attributes:
        module: The module itself.
    """

    framework: Framework = "torch"
    capabilities = Capabilities(gradients=True, taps=True, layer_weights=True)

    def __init__(
        self,
        module: Any,
        *,
        input_shape: InputShape | None = None,
        fixed_batch: int | None = None,
        name: str | None = None,
    ) -> None:
        import torch

        # Compiled and replicated models wrap the module that people know.
        module = getattr(module, "_orig_mod", module)
        if isinstance(module, torch.nn.DataParallel):
            module = module.module
        self.module = module
        self.name: str = name or str(getattr(module, "original_name", None) or type(module).__name__)
        self.fixed_batch = fixed_batch
        self._is_contiguous = False
        self._runs: dict[tuple[int, int, int], TracedRun] = {}
        if any(torch.nn.parameter.is_lazy(weight) for weight in module.parameters()):
            raise ModelError(
                f"{self.name!r} has lazy layers that were never called, so they have no weights; call it once on a "
                "batch."
            )
        self.input_shape: InputShape = input_shape or self._find_input_shape()

    @property
    def device(self) -> Any:
        """The torch device of the first weight."""
        import torch

        held = next(self._held(), None)
        return torch.device("cpu") if held is None else held.device

    def to(self, device: Any) -> None:
        """Move the module to a device, such as `"cuda"` or `"cpu"`."""
        try:
            self.module.to(device)
        except (RuntimeError, AssertionError) as error:
            raise InputError(f"the model cannot be placed on device {device!r}: {telling_line(error)}") from error

    # What the network is made of

    @cached_property
    def layers(self) -> dict[str, Layer]:
        """Every layer that can be read, by path, in the order of computation."""
        run, other = self._measured
        parts = dict(self.module.named_modules())
        found = {}
        for path, shape in run.shapes.items():
            name = run.places[path].name
            part = self.module if name is None else parts[name]
            at_other_size = other.shapes.get(path, shape)
            if len(at_other_size) == len(shape):
                shape = tuple(a if a == b else None for a, b in zip(shape, at_other_size, strict=True))  # type: ignore[misc]
            weights = sum(each.numel() for each in part.parameters())
            found[path] = Layer(path, _kind(part), shape, weights, path in run.shared)
        if not found:
            raise ModelError(f"{self.name!r} computes no tensor for each picture, so there is no code to explain.")
        return found

    @cached_property
    def output(self) -> str:
        """The path of the layer that is the model's output."""
        return self._measured[0].output or next(reversed(self.layers))

    @property
    def hints(self) -> Hints:
        """What the model's own operations say about its pictures."""
        return Hints(output_activation=_ACTIVATIONS.get(self._measured[0].activation or ""))

    def weights(self) -> list[tuple[str, Any]]:
        """Every parameter and buffer by name as a numpy array that must not be written to."""
        import torch

        found = []
        for name, tensor in [*self.module.named_parameters(), *self.module.named_buffers()]:
            values = tensor.detach().cpu()
            array = (values.float() if values.dtype == torch.bfloat16 else values).numpy().view()
            array.flags.writeable = False
            found.append((name, array))
        return found

    def layer_weights(self) -> dict[str, list[Weight]]:
        """Every weight under its layer, to be read and written."""
        return layer_weights(self.module, {path: place.name for path, place in self._measured[0].places.items()})

    # Computing

    def run(self, images: Tensor, layers: Sequence[str], taps: Taps | None = None) -> dict[str, Tensor]:
        """Compute the layers asked for, and nothing after them."""
        written = self._measured[0]
        for path in (*layers, *(taps or {})):
            if path not in written.places:
                raise UnknownName.of("layer", path, written.places, hint="List them with `saccade layers MODEL`.")
        native = {path: self._native(path, tap) for path, tap in (taps or {}).items()}
        while True:
            try:
                reading = self._in_some_memory_order(lambda: self._read(images, frozenset(layers), native))
            except NotAsBefore:
                self._postponed = ()
                continue
            missing = [path for path in layers if path not in reading.found]
            if missing:
                raise ModelError(f"layer {missing[0]!r} did not run when {self.name!r} was called.")
            changed = reading.changed()
            if not changed:
                return {path: self._to_last(path, reading.found[path]) for path in layers}
            # Something wrote into a result after it was read; read again, and keep copies.
            self._overwritten |= changed

    def _native(self, path: str, tap: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
        """A tap on channels-last values as one on the module's own, which may have another order and type."""
        return lambda output: self._from_last(path, tap(self._to_last(path, output))).to(output.dtype)

    def _read(self, images: Tensor, wanted: frozenset[str], taps: Taps) -> Reading:
        reading = Reading(self._measured[0].places, wanted, taps, frozenset(self._overwritten))
        parts = {name: self.module.get_submodule(name) for name in reading.names}
        plan = [each for each in self._postponed if each.names.isdisjoint((*wanted, *taps))]
        with recording(parts, reading.heard), suppress(EverythingFound), postponing(plan):
            reading.finished(self.module(self._as_picture(images)))
        return reading

    def inference_mode(self) -> AbstractContextManager[None]:
        """Evaluate without gradients of weights, and leave the module exactly as it was found."""
        return inference_mode(self.module)

    def dataflow(self, height: int, width: int) -> Dataflow:
        """Write down how places move through the model at this picture size."""
        shape = (self.fixed_batch or 1, self.input_shape[2], height, width)
        run = self._shapes_only(shape) if self._shapes_suffice else None
        return (run or self._traced(shape[0], height, width, shape[1])).trace.dataflow(height, width)

    def rectifiers(self, layer: str) -> Rectifiers:
        """The ReLUs between the picture and a layer, and whether anything else bends the way."""
        return rectifiers(self._measured[0], hearable(self.module), layer)

    def _as_picture(self, images: Tensor) -> Tensor:
        """From (N, H, W, C) to the (N, C, H, W) that the module takes, as a view where that will do."""
        picture = self._in_order(images.permute(0, 3, 1, 2).to(self._dtype))
        return picture.clone() if self._measured[0].trace.writes_picture else picture

    def _in_order(self, picture: Tensor) -> Tensor:
        import torch

        # Not `contiguous()`: it leaves a single channel's strides as they are, from which torch guesses channels last.
        return picture.clone(memory_format=torch.contiguous_format) if self._is_contiguous else picture

    def _in_some_memory_order(self, compute: Callable[[], Any]) -> Any:
        """Channels last in memory, which is fast; the usual order for modules that say `x.view(n, -1)`."""
        try:
            return compute()
        except RuntimeError as error:
            if self._is_contiguous or "view size is not compatible" not in str(error):
                raise
        self._is_contiguous = True
        return compute()

    @property
    def _dtype(self) -> Any:
        import torch

        weights = (each for each in self._held("_parameters") if each.is_floating_point())
        return next((each.dtype for each in weights), torch.float32)

    def _held(self, *kinds: str) -> Iterator[Tensor]:
        """The module's weights and then its buffers, or those of some kinds; asked often, so without their names."""
        for kind in kinds or ("_parameters", "_buffers"):
            for part in parts_in(self.module):
                yield from (each for each in getattr(part, kind).values() if each is not None)

    # Measuring

    @cached_property
    def _postponed(self) -> tuple[Postponed, ...]:
        return self._measured[0].postponed

    @cached_property
    def _overwritten(self) -> set[str]:
        return set(self._measured[0].trace.overwritten)

    @cached_property
    def _measured(self) -> tuple[TracedRun, TracedRun]:
        """Two runs at different sizes, as far as the sizes are free; what differs between them is free."""
        runs: list[TracedRun] = []
        error: Exception | None = None
        for height, width in trial_sizes(self.input_shape):
            try:
                runs.append(self._at(height, width, self.input_shape[2]))
            except ModelError as reason:
                error = error or reason
            if len(runs) == 2:
                break
        if not runs and error is not None:
            raise error
        return runs[0], runs[-1]

    def _find_input_shape(self) -> InputShape:
        def attempt(height: int, width: int, channels: int) -> None:
            self._at(height, width, channels)

        try:
            return find_input_shape(attempt, likely_channels(self.module))
        except NoSizeFitsError as error:
            raise ModelError(
                f"the size of the pictures that {self.name!r} takes could not be found "
                f"({telling_line(error.__cause__)}); give input_shape=(height, width, channels), or "
                "--input-shape H,W,C."
            ) from error.__cause__

    def _at(self, height: int, width: int, channels: int) -> TracedRun:
        """A run of two pictures at once, which tells results for each picture from all others."""
        if self.fixed_batch is not None:
            return self._traced(self.fixed_batch, height, width, channels)
        try:
            return self._traced(2, height, width, channels)
        except ModelError:
            run = self._traced(1, height, width, channels)
            self.fixed_batch = 1
            return run

    def _traced(self, batch: int, height: int, width: int, channels: int) -> TracedRun:
        """TracedRun black pictures of this size and write down everything that happens."""
        import torch

        def compute() -> TracedRun:
            with self.inference_mode(), torch.no_grad():
                return traced(self.module, self._black((batch, channels, height, width)))

        key = (batch, height, width)
        if key not in self._runs:
            try:
                run = self._in_some_memory_order(compute)
            except Exception as error:
                raise ModelError(
                    f"{self.name!r} cannot compute a picture of {height}x{width} with {channels} channels: "
                    f"{telling_line(error)}"
                ) from error
            while len(self._runs) >= _KEPT_RUNS:
                del self._runs[next(iter(self._runs))]
            self._runs[key] = run
        return self._runs[key]

    @cached_property
    def _shapes_suffice(self) -> bool:
        """Does a run without numbers write down what a true run of the same pictures did?"""
        true = self._measured[0]
        bare = self._shapes_only(true.picture)
        return bare is not None and (bare.trace.operations, bare.shapes) == (true.trace.operations, true.shapes)

    def _shapes_only(self, shape: tuple[int, ...]) -> TracedRun | None:
        import torch

        with self.inference_mode(), torch.no_grad():
            return shapes_only(self.module, lambda: self._black(shape))

    def _black(self, shape: tuple[int, ...]) -> Tensor:
        """Black pictures (N, C, H, W) in the memory order that the module takes."""
        import torch

        batch, channels, height, width = shape
        picture = torch.zeros(batch, height, width, channels, device=self.device, dtype=self._dtype)
        return self._in_order(picture.permute(0, 3, 1, 2))

    # Channels

    def _from_last(self, path: str, tap: Tensor) -> Tensor:
        is_first = tap.dim() == 4 and path not in self._measured[0].trace.channels_last
        return tap.permute(0, 3, 1, 2) if is_first else tap

    def _to_last(self, path: str, tensor: Tensor) -> Tensor:
        import torch

        tensor = tensor.float() if tensor.dtype != torch.float32 else tensor
        is_first = tensor.dim() == 4 and path not in self._measured[0].trace.channels_last
        return tensor.permute(0, 2, 3, 1) if is_first else tensor


def _kind(part: Any) -> str:
    """The class, as its author called it, also behind a script or an exported program."""
    is_exported = type(part).__module__.startswith("torch.export")
    kind = part.type_name() if is_exported else getattr(part, "original_name", None)
    return str(kind or type(part).__name__).split(".")[-1]
