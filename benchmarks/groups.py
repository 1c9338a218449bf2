"""What is measured together, in the order of importance: each group is a process with a result file of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FRAMEWORKS = {"tensorflow": "TensorFlow", "torch": "PyTorch", "jax": "JAX"}
NETS = {
    "reference": "reference net",
    "dense": "reference net with a dense code",
    "mobilenetv2": "MobileNetV2",
    "resnet50": "ResNet50",
}


@dataclass(frozen=True)
class Group:
    """One process.

    Attributes:
        kind: Which script measures it.
        framework: `"tensorflow"`, `"torch"` or `"jax"`.
        net: The model.
        size: Side of the picture in pixels; the largest one for growth.
        limit: Seconds after which nothing new is begun, unless `run.py --limit` says otherwise.
    """

    kind: Literal["speed", "memory", "growth"]
    framework: str
    net: str
    size: int
    limit: int

    @property
    def name(self) -> str:
        """The group's name, and its file's in `out/`."""
        return f"{self.framework}-{self.net if self.kind == 'speed' else self.kind}-{self.size}"

    @property
    def title(self) -> str:
        """The group in words."""
        what = {"speed": NETS[self.net], "memory": "memory", "growth": "growth"}[self.kind]
        return f"{FRAMEWORKS[self.framework]}, {what}, {self.size} px"


GROUPS = (
    Group("speed", "tensorflow", "reference", 224, 300),
    Group("speed", "torch", "reference", 224, 300),
    Group("speed", "tensorflow", "reference", 448, 480),
    Group("speed", "jax", "reference", 224, 300),
    Group("memory", "tensorflow", "reference", 1024, 300),
    Group("memory", "torch", "reference", 1024, 300),
    Group("speed", "tensorflow", "reference", 128, 150),
    Group("speed", "tensorflow", "mobilenetv2", 224, 150),
    Group("speed", "tensorflow", "resnet50", 224, 240),
    Group("speed", "tensorflow", "dense", 224, 90),
    Group("speed", "torch", "reference", 448, 420),
    Group("speed", "torch", "reference", 128, 150),
    Group("speed", "jax", "reference", 128, 120),
    Group("speed", "jax", "reference", 448, 300),
    Group("speed", "torch", "mobilenetv2", 224, 150),
    Group("speed", "torch", "resnet50", 224, 240),
    Group("speed", "jax", "mobilenetv2", 224, 120),
    Group("speed", "jax", "resnet50", 224, 240),
    Group("growth", "tensorflow", "reference", 448, 120),
)


def named(name: str) -> Group:
    """The group of that name."""
    return next(group for group in GROUPS if group.name == name)
