"""The trials of one network's codes: which of them can be explained is measured once, before the first question."""

from __future__ import annotations

import threading

from saccade.engines.engine import Engine
from saccade.engines.objections import refuse_unsteady
from saccade.engines.trial import Trial

_USUAL = 64
"""Height and width of the images where any size will do."""


class Trials:
    """Which codes of this network can be explained?

    Args:
        engine: The network, made ready to be asked.
        value_range: The darkest and the brightest value of its images.
    """

    def __init__(self, engine: Engine, value_range: tuple[float, float]) -> None:
        self._engine = engine
        self._value_range = value_range
        self._passed: dict[str, Trial] = {}
        self._lock = threading.Lock()

    def new(self, layer: str) -> Trial:
        """A trial of a layer as the network is now; nothing is encoded before something is asked of it."""
        return Trial(self._engine, layer, self._size, self._value_range)

    def passed(self, layer: str) -> Trial:
        """The trial that a code has passed; where no graph shows it, a few images are encoded for that, once.

        Raises:
            ModelError: The code is drawn at random, or depends on the other images of a batch.
        """
        with self._lock:
            if layer not in self._passed:
                trial = self.new(layer)
                is_steady = getattr(self._engine.network, "is_steady", None)
                if is_steady is None or not is_steady(layer):
                    refuse_unsteady(trial)
                self._passed[layer] = trial
            return self._passed[layer]

    def let_pass(self, layer: str) -> Trial:
        """The trial of a code that is explained whatever it shows."""
        with self._lock:
            return self._passed.setdefault(layer, self.new(layer))

    @property
    def _size(self) -> tuple[int, int]:
        """A size that the model takes; a small one, where any will do."""
        measured = getattr(self._engine.network, "measured", None)
        height, width, _ = self._engine.network.input_shape
        size: tuple[int, int] = (height or _USUAL, width or _USUAL) if measured is None else measured.size
        return size
