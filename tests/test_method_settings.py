"""Values that no setting takes are refused in one line, before anything is computed; others are left alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import nets
import numpy as np
import pytest

import saccade
from saccade.arguments import check_arguments
from saccade.attribution.method import settings_of
from saccade.encoder import Encoder
from saccade.errors import InputError, SaccadeError
from saccade.methods import available
from saccade.run import Run
from saccade.typing import Array

ABSURD = ["x", b"x", float("nan"), float("inf"), -float("inf"), 2**63, True, (), ("a", "b"), {}, object(), None, [[1]]]


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder(nets.autoencoder(24), layer="encoded")


@pytest.mark.parametrize("name", sorted(available()))
def test_absurd_settings_never_end_in_a_foreign_error(
    encoder: Encoder, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Computed(Exception):
        pass

    def computing(*arguments: Any, **settings: Any) -> Any:
        raise Computed

    # Whatever comes so far was taken as a sensible value.
    monkeypatch.setattr(Run, "execute", computing)
    images = nets.pictures(encoder.network.model, 1)  # type: ignore[attr-defined]
    refused: list[str] = []
    for setting in settings_of(available()[name]):
        for value in ABSURD:
            try:
                saccade.explain(encoder, images, name, **{setting: value})
            except SaccadeError as error:
                refused.append(str(error))
            except Computed:
                continue
    assert refused or not settings_of(available()[name])
    assert not [line for line in refused if "\n" in line]


def function(
    *,
    samples: int = 1,
    width: float | None = None,
    name: str | float = "blur",
    side: int | tuple[int, int] | None = None,
    areas: Sequence[float] = (0.1,),
    start: str | Array = "blur",
    flag: bool = True,
    seed: int = 0,
) -> None:
    """Settings of every kind."""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("samples", 3), ("samples", np.int64(3)), ("width", None), ("width", 2), ("width", np.float32(2.5)),
        ("name", "mean"), ("name", 0.5), ("side", (3, 4)), ("side", [3, 4]), ("side", 3), ("areas", 0.1),
        ("areas", [0.1, 0.2]), ("areas", range(1, 3)),
        ("start", np.zeros((1, 2, 2, 3))), ("start", "mean"), ("flag", False), ("seed", 7),
    ],
)  # fmt: skip
def test_sensible_values_pass(name: str, value: Any) -> None:
    check_arguments("mine", function, {name: value})


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("samples", 2.5, "samples=2.5 of mine: give a whole number of at most 1,000,000"),
        ("samples", True, "give a whole number"),
        ("samples", 10**9, "at most 1,000,000"),
        ("width", float("nan"), "width=nan of mine: give a finite number or None"),
        ("name", None, "give a name or a finite number"),
        ("side", (3, 4, 5), "give a whole number .* or 2 of them or None"),
        ("areas", "x", "give a list, each a finite number"),
        ("start", 3, "give a name or an array"),
        ("flag", 1, "give true or false"),
        ("seed", -1, "seed=-1 of mine: give 0 or more"),
    ],
)
def test_others_are_refused_with_what_is_allowed(name: str, value: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        check_arguments("mine", function, {name: value})


def test_annotations_that_only_a_type_checker_can_read_are_left_alone() -> None:
    def mine(*, width: Unknown = None) -> None:  # type: ignore[name-defined]  # noqa: F821
        """A function of somebody's own."""

    check_arguments("mine", mine, {"width": object()})
