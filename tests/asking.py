"""Questions about a target, as methods ask them, in one line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from saccade.encoder import Encoder
from saccade.engines import Questions
from saccade.run import Run
from saccade.targets import Target
from saccade.targets.paths import ONCE, STAY, Path


def gradient(
    encoder: Encoder,
    images: Any,
    target: Target,
    path: Path = STAY,
    points: Any = ONCE,
    fixed: Any = None,
    **settings: Any,
) -> Any:
    """The gradient of a target whose references are frozen at these images."""
    run = Run(encoder)
    objective = run.objective_at_input(images, target) if path is STAY else run.objective(images, target)
    return run.gradient(images, objective, path, points, fixed, **settings)


def score(
    encoder: Encoder,
    images: Any,
    targets: Sequence[Target],
    path: Path = STAY,
    points: Any = ONCE,
    fixed: Any = None,
    **settings: Any,
) -> Any:
    """How targets score, as they are compared when parts are covered."""
    run = Run(encoder)
    return run.score(images, run.objectives(images, targets), path, points, fixed, **settings)


Asked = tuple[str, tuple[Any, ...], dict[str, Any]]


def recorded(monkeypatch: pytest.MonkeyPatch, *names: str) -> list[Asked]:
    """Every question of these names that any call asks from now on: its name, its arguments, its settings."""
    questions: list[Asked] = []

    def record(name: str) -> None:
        plain = getattr(Questions, name)

        def question(run: Questions, *arguments: Any, **settings: Any) -> Any:
            questions.append((name, arguments, settings))
            return plain(run, *arguments, **settings)

        monkeypatch.setattr(Questions, name, question)

    for name in names:
        record(name)
    return questions
