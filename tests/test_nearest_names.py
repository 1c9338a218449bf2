"""The names that error messages guess: slips of the keys are found, and what is far is not guessed."""

from __future__ import annotations

import pytest

from saccade.errors import UnknownName
from saccade.methods import available
from saccade.nearest_names import nearest, nearest_file


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("oclusion", "occlusion"),
        ("Occlusion", "occlusion"),
        ("gradcam", "grad_cam"),
        ("salience", "saliency"),
        ("integrated", "integrated_gradients"),
        ("occ", "occlusion"),
    ],
)
def test_slips_and_beginnings_are_found(name: str, right: str) -> None:
    assert nearest(name, available()) == [right]
    assert f"nearest is '{right}'" in str(UnknownName.of("method", name, available()))


@pytest.mark.parametrize("name", ["", "s", "lime", "shap", "deeplift", "x" * 10_000])
def test_what_is_far_is_not_guessed(name: str) -> None:
    assert nearest(name, available()) == []
    assert "nearest" not in str(UnknownName.of("method", name, available()))


@pytest.mark.parametrize(
    ("name", "there", "right"),
    [
        ("cta.jpg", ["cat.jpg", "dog.jpg"], "cat.jpg"),
        ("CAT.JPG", ["cat.jpg"], "cat.jpg"),
        ("cat.jpeg", ["cat.jpg", "dog.jpeg"], "cat.jpg"),
        ("cat.jpg", ["cat.npz", "cat.jpg~", "cta.jpg", "cat.JPG"], "cat.JPG"),
        ("cap.png", ["cat.jpg", "cup.png"], "cup.png"),
        ("modl.keras", ["model.keras", "model.json"], "model.keras"),
        ("photo", ["photos"], "photos"),
        # Endings alone make no two names alike.
        ("coffee.png", ["cup.png", "tea.png"], None),
        ("mine.keras", ["autoencoder.keras"], None),
        ("a.jpg", ["b.jpg"], None),
        ("cat.jpg", [], None),
    ],
)
def test_files_are_compared_without_their_endings(name: str, there: list[str], right: str | None) -> None:
    assert nearest_file(name, there) == right


def test_several_come_nearest_first() -> None:
    names = ["resnet101", "vit_small", "resnet50", "vgg"]
    assert nearest("resnet5", names, 3) == ["resnet50", "resnet101"]
