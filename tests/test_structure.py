"""The package as a whole: nothing heavy is loaded by importing it, every name is exported once, settings are alike."""

from __future__ import annotations

import subprocess
import sys

import pytest

import saccade

HEAVY = {
    "keras", "tensorflow", "torch", "jax", "tf_keras", "h5py", "skimage", "scipy", "matplotlib", "lance", "pyarrow",
}  # fmt: skip
LOADED = "import sys; print(*sorted({name.split('.')[0] for name in sys.modules}))"


def loaded_by(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{LOADED}"], capture_output=True, text=True, check=True, timeout=120
    )
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    "code",
    [
        "import saccade",
        "import saccade; saccade.Encoder, saccade.explain, saccade.targets, saccade.compare, saccade.feature_maps",
        "from saccade.methods import available; available()",
        "import saccade.cli",
        "import saccade.collection",
    ],
)
def test_importing_loads_no_framework(code: str) -> None:
    assert not loaded_by(code) & HEAVY


def test_importing_the_package_alone_loads_not_even_numpy() -> None:
    assert not loaded_by("import saccade, saccade.cli") & (HEAVY | {"numpy", "PIL"})


def test_the_check_for_absence_can_fail() -> None:
    assert "h5py" in loaded_by("import h5py")


def test_every_exported_name_is_there() -> None:
    assert saccade.__all__ == sorted(saccade.__all__, key=lambda name: (name in ("methods", "pairs", "targets"), name))
    for name in saccade.__all__:
        assert getattr(saccade, name) is not None
    assert set(saccade.__all__) <= set(dir(saccade))
    with pytest.raises(AttributeError, match="no attribute 'explane'"):
        saccade.explane  # noqa: B018


def test_explain_stays_a_function_after_its_module_was_imported() -> None:
    import saccade.explanation

    assert callable(saccade.explain)
    assert callable(saccade.compare)
    assert callable(saccade.feature_maps)
