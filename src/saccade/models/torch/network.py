"""A PyTorch module as a network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from functools import cached_property
from typing import Any

from saccade.errors import InputError, ModelError, NotApplicable, UnknownName
from saccade.models.carried import Carried
from saccade.models.dataflow import Dataflow
from saccade.models.input_shape import InputShape, checked_shape
from saccade.models.network import Capabilities, EverythingFound, Framework, Hints, Layer, Measured, Taps
from saccade.models.plain_network import PlainNetwork
from saccade.models.randomisation import Weight
from saccade.models.rectifiers import Rectifiers
from saccade.models.torch.attention import attention_recorded, linearised
from saccade.models.torch.calls import Method, Recorder, callable_parts, hookable, hooked
from saccade.models.torch.carried import carried as carried_by
from saccade.models.torch.carried import patch_size
from saccade.models.torch.composition import Composition
from saccade.models.torch.devices import device_named
from saccade.models.torch.exporting import OperationWriter, writing
from saccade.models.torch.image_layout import ImageLayout
from saccade.models.torch.inputs import check_takes_one_image
from saccade.models.torch.measurement import Measurement
from saccade.models.torch.messages import telling_line
from saccade.models.torch.missing_weights import refuse_missing
from saccade.models.torch.randomisation import layer_weights
from saccade.models.torch.rectifiers import rectifiers
from saccade.models.torch.rewrites import numbered_functions
from saccade.models.torch.rewritten_calls import NotAsTraced, Rewrite, rewriting
from saccade.models.torch.runs import TracedRun, is_compiled
from saccade.models.torch.sizes import check_channels_last
from saccade.models.torch.state import inference_mode
from saccade.typing import Array, Tensor

_ACTIVATIONS = {"sigmoid": "sigmoid", "tanh": "tanh", "relu": "relu", "_softmax": "softmax"}


class TorchNetwork:
    """A live torch module. Inside, images are (N, C, H, W); outside, they are (N, H, W, C).

    Layers are addressed as torch names them (`encoder.4`). A module's second call is `encoder.4:2`, the parts of a
    result that is no plain tensor are `encoder.4[0]`. What the model gives is called `output` where functional code,
    not a module, made it.

    Args:
        module: The module; compiled and replicated ones are looked through.
        input_shape: Height, width (None: free) and channels of one image; found out where it is not given.
        fixed_batch: The only number of images that the module takes at once, where that is known.
        name: A short name for people.
        trusted: The module is the caller's own; what came out of a file is first looked at without computing it.
        carried: What is known of the images that the module was trained on, where it does not say so itself.
        notes: What its user should know of how it was opened.
        missing_weights: Weights that its file did not have, so that no code may be computed with them.

    Attributes:
        module: The module itself.
        input_shape: Height, width (None: free) and channels of one image.
        fixed_batch: The only number of images that the module takes at once, or None.
        carried: What is known of the images that the module was trained on.
        notes: What its user should know of how it was opened.

    Raises:
        InputError: The input shape is none.
        ModelError: It has no weights yet, or takes no images.
    """

    framework: Framework = "torch"

    def __init__(
        self,
        module: Any,
        *,
        input_shape: InputShape | None = None,
        fixed_batch: int | None = None,
        name: str | None = None,
        trusted: bool = True,
        carried: Carried | None = None,
        notes: Sequence[str] = (),
        missing_weights: Sequence[str] = (),
    ) -> None:
        import torch

        # Compiled and replicated models wrap the module that people know.
        module = getattr(module, "_orig_mod", module)
        if isinstance(module, torch.nn.DataParallel):
            module = module.module
        self.module = module
        self.name: str = name or str(getattr(module, "original_name", None) or type(module).__name__)
        if any(torch.nn.parameter.is_lazy(weight) for weight in module.parameters()):
            raise ModelError(
                f"{self.name!r} has lazy layers that were never called, so they have no weights; call it once on a "
                "batch."
            )
        if any(weight.is_meta for weight in module.parameters()):
            raise ModelError(f"{self.name!r} lies on the device meta, where it has no weights; load them first.")
        if not isinstance(module, torch.jit.ScriptModule):
            check_takes_one_image(module, self.name)
        if input_shape is not None:
            input_shape = checked_shape(input_shape)
            check_channels_last(input_shape, module)
        self.notes = tuple(notes)
        self.missing_weights = tuple(missing_weights)
        self.carried = carried or carried_by(module)
        self._layout = ImageLayout(module)
        self._measurement = Measurement(
            self._layout,
            self.name,
            fixed_batch=fixed_batch,
            input_shape=input_shape,
            trusted=trusted,
            named_sizes=self.carried.sizes if self.carried is not None else (),
        )
        self.input_shape = self._measurement.input_shape
        self.fixed_batch = self._measurement.fixed_batch

    @property
    def device(self) -> Any:
        """The torch device of the first weight."""
        return self._layout.device

    def composition(self) -> Composition:
        """What the module is made of now; tells later whether nothing but the values of its weights has changed."""
        return Composition(self.module)

    def to(self, device: str) -> None:
        """Move the module to a device, such as `"cuda"` or `"cpu"`.

        Raises:
            InputError: There is no such device, or the model does not fit there.
        """
        place = device_named(device)
        try:
            self.module.to(place)
        except (RuntimeError, AssertionError, NotImplementedError) as error:
            raise InputError(f"the model cannot be placed on device {device!r}: {telling_line(error)}") from error

    # What the network is made of

    @cached_property
    def layers(self) -> dict[str, Layer]:
        """Every layer that can be recorded, by path, in the order of computation."""
        run, other = self._runs
        parts = {**callable_parts(self.module), **dict(self.module.named_modules())}
        layers = {}
        for path, shape in run.shapes.items():
            name = run.results[path].name
            part = self.module if name is None else parts[name]
            at_other_size = other.shapes.get(path, shape)
            if len(at_other_size) == len(shape):
                shape = tuple(a if a == b else None for a, b in zip(shape, at_other_size, strict=True))  # type: ignore[misc]
            weights = 0 if isinstance(part, Method) else sum(weight.numel() for weight in part.parameters())
            layers[path] = Layer(path, _kind(part), shape, weights, path in run.shared)
        if not layers:
            raise ModelError(f"{self.name!r} computes no tensor for each image, so there is no code to explain.")
        return layers

    @cached_property
    def output(self) -> str:
        """The path of the layer that is the model's output."""
        return self._run.output or next(reversed(self.layers))

    @property
    def outputs(self) -> dict[str, str]:
        """Every tensor that the model gives, by what it is called there, and the layer that it is."""
        return self._run.outputs

    @property
    def measured(self) -> Measured:
        """What the run at the likeliest size has shown."""
        _, _, height, width = self._run.input_shape
        return Measured((height, width), self._run.shapes, self._run.trace.dataflow(height, width))

    @property
    def patch(self) -> int:
        """Images are made of whole patches of this many pixels; 1 where they are not."""
        return patch_size(self.module)

    @property
    def hints(self) -> Hints:
        """What the model's own operations say about its images."""
        return Hints(output_activation=_ACTIVATIONS.get(self._run.activation or ""))

    def weights(self) -> list[tuple[str, Any]]:
        """Every parameter and buffer by name as a numpy array that must not be written to."""
        import torch

        weights = []
        for name, tensor in [*self.module.named_parameters(), *self.module.named_buffers()]:
            values = tensor.detach().cpu()
            array = (values.float() if values.dtype == torch.bfloat16 else values).numpy().view()
            array.flags.writeable = False
            weights.append((name, array))
        return weights

    def check_weights(self, layer: str) -> None:
        """Refuse a layer that is computed with weights that the model's file did not have.

        Raises:
            ModelError: It is one.
        """
        if self.missing_weights:
            refuse_missing(self, self.module, layer, self.missing_weights, size=self.measured.size)

    def layer_weights(self) -> dict[str, list[Weight]]:
        """Every weight under its layer, to be read and written."""
        return layer_weights(self.module, {path: result.name for path, result in self._run.results.items()})

    # Computing

    @cached_property
    def capabilities(self) -> Capabilities:
        """Gradients, taps, weights by layer; attention where Python calls it, and no script or compiled program."""
        is_plain = not any(is_compiled(part) or _is_script(part) for part in self.module.modules())
        return Capabilities(gradients=True, taps=True, layer_weights=True, attention=is_plain, linearised=is_plain)

    def attention(self, images: Tensor, layer: str) -> list[Tensor]:
        """The weights of every attention before a layer, the mean of its heads: (images, queries, keys) each."""
        while True:
            weights: list[Tensor] = []
            before = self._how_it_is_called
            with attention_recorded(weights):
                self.run(images, [layer])
            if before == self._how_it_is_called:
                return [own[: len(images)] for own in weights]  # some modules are given a single image twice

    @property
    def _how_it_is_called(self) -> tuple[Any, ...]:
        """How the module is called; while that is found out it may be called several times for one answer."""
        layout, measurement = self._layout.is_contiguous, self._measurement
        return layout, measurement.drops_axis, len(self._overwritten), len(self._rewrites)

    def linearised(self) -> AbstractContextManager[None]:
        """Inside the block gradients go back as if attention, normalisation and gates were constants."""
        return linearised()

    def run(self, images: Tensor, layers: Sequence[str], taps: Taps | None = None) -> dict[str, Tensor]:
        """Compute the layers asked for, and nothing after them."""
        results = self._run.results
        for path in (*layers, *(taps or {})):
            if path not in results:
                raise UnknownName.of("layer", path, results, hint="List them with `saccade layers MODEL`.")
        own_taps = {path: self._own_tap(path, tap) for path, tap in (taps or {}).items()}
        while True:
            try:
                recorder = self._layout.either_order(lambda: self._record(images, frozenset(layers), own_taps))
            except NotAsTraced:
                self._rewrites = ()
                continue
            missing = [path for path in layers if path not in recorder.recorded]
            if missing:
                raise ModelError(f"layer {missing[0]!r} did not run when {self.name!r} was called.")
            overwritten = recorder.overwritten_since()
            if not overwritten:
                return {path: self._channels_last(path, recorder.recorded[path]) for path in layers}
            # Something wrote into a result after it was recorded; record again, and keep copies.
            self._overwritten |= overwritten

    def _own_tap(self, path: str, tap: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
        """A tap on channels-last values as one on the module's own, which may have another order and type."""
        return lambda output: self._channels_first(path, tap(self._channels_last(path, output))).to(output.dtype)

    def _record(self, images: Tensor, paths: frozenset[str], taps: Taps) -> Recorder:
        """Record one call; of two equal images in place of one alone, where the module would drop their axis."""
        measurement = self._measurement
        is_single = len(images) == 1 and measurement.fixed_batch is None
        if not is_single or measurement.drops_axis:
            return self._record_once(images, paths, taps, twice=is_single)
        try:
            recorder = self._record_once(images, paths, taps, twice=False)
            ranks = {path: len(self._run.shapes[path]) + 1 for path in recorder.recorded}
            if all(tensor.dim() == ranks[path] for path, tensor in recorder.recorded.items()):
                return recorder
            error = None
        except Exception as reason:
            error = reason
        try:
            recorder = self._record_once(images, paths, taps, twice=True)
        except Exception as second:
            raise error or second from None
        measurement.drops_axis = True
        return recorder

    def _record_once(self, images: Tensor, paths: frozenset[str], taps: Taps, *, twice: bool) -> Recorder:
        results = self._run.results
        recorder = Recorder(results, paths, taps, frozenset(self._overwritten), single=twice)
        modules = {name: self._part(name) for name in recorder.names}
        plan = self._plan((*paths, *taps), images)
        last = None if not plan or plan[-1].result is None else results[plan[-1].result].name
        last_part = None if last is None else self._part(last)
        with (
            hooked(modules, recorder.record),
            suppress(EverythingFound),
            rewriting(plan, numbered_functions(), last_part),
        ):
            recorder.record_output(self.module(self._as_input(images.repeat(2, 1, 1, 1) if twice else images)))
        return recorder

    def _plan(self, paths: Sequence[str], images: Tensor) -> list[Rewrite]:
        """The calls that are computed together on the way to these layers, none of which is lost by it."""
        if not self._rewrites:
            return []
        end = max(map(self._positions.__getitem__, paths))
        _, _, height, width = self._run.input_shape
        count = len(images) * images.shape[1] * images.shape[2] / (height * width)
        # A gradient at a layer goes back no further, and there is little to be spared behind it.
        differentiated, is_processor = images.requires_grad, self.device.type == "cpu"
        return [
            rewrite
            for rewrite in self._rewrites
            if self._positions[rewrite.operation] <= end
            and rewrite.names.isdisjoint(paths)
            and rewrite.saves_time(count, differentiated=differentiated, is_processor=is_processor)
        ]

    def first_read(self, level: float) -> Array | None:
        """What the first part with a kernel reads of images whose every value is `level`, as it lies there."""
        import torch

        shape = self._run.input_shape
        read: list[Tensor] = []

        def stop(_part: Any, arguments: tuple[Any, ...]) -> None:
            if arguments and isinstance(arguments[0], torch.Tensor):
                read.append(arguments[0].detach().float().cpu())
                raise EverythingFound

        def compute() -> None:
            images = self._layout.black(shape) + level
            with inference_mode(self.module), torch.no_grad(), suppress(EverythingFound):
                self.module(images)

        parts = hookable(self.module).values()
        with_kernel = [part for part in parts if any(weight.dim() >= 2 for weight in part.parameters(recurse=False))]
        hooks = [part.register_forward_pre_hook(stop) for part in with_kernel]
        try:
            self._layout.either_order(compute)
        finally:
            for hook in hooks:
                hook.remove()
        return read[0].numpy() if read else None

    def _part(self, name: str) -> Any:
        """A part whose results can be recorded, by its name."""
        if name == "encode" and name not in self.module._modules:
            return Method(self.module, name)
        return self.module.get_submodule(name)

    def is_steady(self, layer: str) -> bool:
        """Does an exported program show that it draws nothing? Of one image at a time nothing can be mixed."""
        del layer
        return self.fixed_batch == 1 and _is_exported(self.module) and _draws_nothing(self.module)

    def inference_mode(self) -> AbstractContextManager[None]:
        """Evaluate without gradients of weights, and leave the module exactly as it was found."""
        return inference_mode(self.module)

    def dataflow(self, height: int, width: int) -> Dataflow:
        """Trace how places move through the model at this image size."""
        run = self._measurement.at(height, width)
        return run.trace.dataflow(height, width, run.shapes)

    def rectifiers(self, layer: str) -> Rectifiers:
        """The ReLUs between the image and a layer, and whether there are other nonlinearities on the way."""
        return rectifiers(self._run, hookable(self.module), layer)

    def plain_network(self, paths: Sequence[str], height: int, width: int) -> PlainNetwork:
        """Which plain layers compute these layers from an image of this size?

        Raises:
            NotApplicable: Something that they need is no plain layer.
        """
        if self.fixed_batch not in (None, 1):
            raise NotApplicable(f"{self.name!r} takes batches of exactly {self.fixed_batch} images.")
        return self._layout.either_order(lambda: self._written_down(paths, (1, self.input_shape[2], height, width)))

    def _written_down(self, paths: Sequence[str], shape: tuple[int, ...]) -> PlainNetwork:
        import torch

        images = self._layout.black(shape)
        recorder = Recorder(self._run.results, frozenset(paths), {}, frozenset(self._overwritten))
        modules = {name: self._part(name) for name in recorder.names}
        writer = OperationWriter(images)
        with (
            inference_mode(self.module),
            torch.no_grad(),
            suppress(EverythingFound),
            hooked(modules, recorder.record),
            writing(writer),
        ):
            recorder.record_output(self.module(images))
        if writer.leaks:
            raise NotApplicable(f"{self.name!r} decides by the numbers of an image what it computes.")
        return writer.finished({path: recorder.recorded[path] for path in paths})

    def _as_input(self, images: Tensor) -> Tensor:
        channels_first = self._layout.channels_first(images)
        return channels_first.clone() if self._run.trace.writes_input else channels_first

    @cached_property
    def _runs(self) -> tuple[TracedRun, TracedRun]:
        """Two runs at different sizes, as far as the sizes are free."""
        runs = self._measurement.pair
        self.fixed_batch = self._measurement.fixed_batch
        return runs

    @property
    def _run(self) -> TracedRun:
        return self._runs[0]

    @cached_property
    def _rewrites(self) -> tuple[Rewrite, ...]:
        return self._run.rewrites

    @cached_property
    def _positions(self) -> dict[str, int]:
        """Where each operation and each layer stands in the order of computation."""
        return {key: position for position, key in enumerate(self._run.trace.operations)}

    @cached_property
    def _overwritten(self) -> set[str]:
        return set(self._run.trace.overwritten)

    # Channels

    def _channels_first(self, path: str, values: Tensor) -> Tensor:
        return values.permute(0, 3, 1, 2) if self._is_channels_first(path, values) else values

    def _channels_last(self, path: str, tensor: Tensor) -> Tensor:
        import torch

        tensor = tensor.float() if tensor.dtype != torch.float32 else tensor
        return tensor.permute(0, 2, 3, 1) if self._is_channels_first(path, tensor) else tensor

    def _is_channels_first(self, path: str, tensor: Tensor) -> bool:
        return tensor.dim() == 4 and path not in self._run.trace.channels_last


def _is_script(part: Any) -> bool:
    import torch

    return isinstance(part, torch.jit.ScriptModule) or _is_exported(part)


def _is_exported(part: Any) -> bool:
    return type(part).__module__.startswith("torch.export")


def _draws_nothing(program: Any) -> bool:
    """Is every step of an exported program an operation that gives the same numbers every time?"""
    import torch

    nodes = [node for part in program.modules() if hasattr(part, "graph") for node in part.graph.nodes]
    steps = [node.target for node in nodes if node.op == "call_function"]
    return bool(steps) and all(
        torch.Tag.nondeterministic_seeded not in step.tags
        if isinstance(step, torch._ops.OpOverload)
        else getattr(step, "__module__", "") == "_operator"
        for step in steps
    )


def _kind(part: Any) -> str:
    """The class, as its author called it, also behind a script or an exported program."""
    is_exported = _is_exported(part)
    kind = part.type_name() if is_exported else getattr(part, "original_name", None)
    return str(kind or type(part).__name__).split(".")[-1]
