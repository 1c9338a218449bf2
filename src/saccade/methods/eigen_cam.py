"""Eigen-CAM: the first principal component of a layer's feature maps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from saccade.attribution.abnormal_tokens import abnormal_tokens
from saccade.attribution.feature_layer import feature_layer
from saccade.attribution.flat_maps import featureless
from saccade.attribution.method import method
from saccade.engines.matmul import gram
from saccade.errors import NotApplicable
from saccade.results.map import Map
from saccade.run import Run
from saccade.targets import Target
from saccade.typing import Array

_SMALL = 24
"""Up to this many channels (or places) all eigenvectors are computed; beyond, only the first."""
_VECTORS = 8
"""Vectors that are turned towards the first eigenvectors together: it converges where the first few are close."""
_STEPS = 30
"""Turns after which all eigenvectors are computed after all."""
_EXACT = 1e-6
"""What the eigenvalue equation may miss, as a share of the eigenvalue."""


@method(
    title="Eigen-CAM",
    summary="one look, no question: the strongest pattern that all feature maps of a layer have in common",
    source="Muhammad and Yeasin (2020), arXiv:2008.00299; by the Gram matrix and with a fixed sign",
    cost="1 forward up to the layer",
)
def eigen_cam(run: Run, images: Array, target: Target, *, at: str | None = None, centred: bool = True) -> Map:
    """What stands out most in a layer, whatever it means for the code?

    With A (places x channels) the layer's values, less each channel's mean over the places if `centred`, the map is
    m = A v, where v is the first eigenvector of the Gram matrix A^T A: the first right singular vector of A, got from
    the smaller of A^T A and A A^T. It answers for no target.

    Sign: an eigenvector has none of its own. It is chosen so that the map agrees with the layer's energy,
    sum over u of m[u] |A[u]|² >= 0, where A is the layer as it is: bright is where the layer is busy. With a centred
    map, negative is what differs from that in the same way.

    Settings:
        target: Must be the whole code: nothing is asked of it.
        at: The layer; by default the last before the code with a finer grid.
        centred: Take each channel's mean away first, so that what all places share does not count; False: the paper's
            own form, whose first component is often the mean itself.

    Returns:
        A signed map on the layer's own grid, in units of activation; `raw` is the layer (images, rows, columns,
        channels). `scores["explained"]` is the share of the layer's energy (variance, if centred) that it explains.

    Raises:
        NotApplicable: A target other than the whole code, or a layer without places.
        UnknownName: No such layer.
    """
    if target.kind != "code":
        raise NotApplicable(
            f"eigen_cam shows what stands out in a layer and answers for no target, so not for {target.name!r}; use "
            "grad_cam or layer_cam."
        )
    run.expect(0)
    layer = feature_layer(run, images, [target], at)
    run.expect(len(images))
    raw = layer.cells(run.activations(images, [layer.path])[layer.path])
    count, cells = len(images), layer.grid[0] * layer.grid[1]
    flat, activations = featureless(raw), raw.reshape(count, cells, layer.channels)
    values, explained = np.zeros((count, cells), np.float32), np.zeros(count)
    for number in np.flatnonzero(~flat):
        values[number], explained[number] = _component(activations[number], centred)
    notes = [
        layer.note,
        *abnormal_tokens(run.encoder, layer.path, raw),
        f"explains {100 * explained.mean():.0f} % of the layer's {'variance' if centred else 'energy'}",
    ]
    if flat.any():
        share_of_images = "" if flat.all() else f" in {int(flat.sum())} of {count} images"
        notes.append(f"flat{share_of_images}: all places of {layer.path} hold the same")
    return Map(
        values=values.reshape(count, *layer.grid),
        raw=raw,
        units=f"activation along the first component of {layer.path}",
        signed=True,
        zero_is_mean=centred,
        notes=tuple(notes),
        settings={"at": layer.path, "centred": centred},
        scores={"explained": explained},
    )


def _component(activations: Array, centred: bool) -> tuple[Array, float]:
    """The first component of (places, channels): its value at each place, and its share of the whole."""
    # In units of the largest value, since very small and very large numbers have no squares in float32.
    largest_value = np.abs(activations).max()
    activations = activations / largest_value
    energy = np.einsum("uk,uk->u", activations, activations, dtype=np.float64)
    used = activations - activations.mean(axis=0) if centred else activations
    by_channel = used.shape[1] <= used.shape[0]
    products = gram(used if by_channel else used.T).astype(np.float64)
    largest, vector = _first_eigenvector(products)
    line = np.einsum("uk,k->u", used.astype(np.float64), vector) if by_channel else vector * np.sqrt(largest)
    agrees = np.einsum("u,u->", line, energy)
    if agrees < 0 or (agrees == 0 and line[np.abs(line).argmax()] < 0):
        line = -line
    return (line * largest_value).astype(np.float32), float(largest / np.trace(products))


def _first_eigenvector(products: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
    """The largest eigenvalue and its vector: by subspace iteration, and from all of them where that is not exact."""
    if len(products) > _SMALL:
        # A fixed start keeps the map the same from run to run.
        basis = np.random.default_rng(0).standard_normal((len(products), _VECTORS))
        for step in range(1, _STEPS + 1):
            image = products @ np.linalg.qr(basis)[0]
            if step % 5:
                basis = image
                continue
            basis = np.linalg.qr(image)[0]
            moved = products @ basis
            sizes, turned = np.linalg.eigh(basis.T @ moved)
            vector = basis @ turned[:, -1]
            if np.linalg.norm(moved @ turned[:, -1] - sizes[-1] * vector) <= _EXACT * sizes[-1]:
                return float(sizes[-1]), vector
    sizes, vectors = np.linalg.eigh(products)
    return float(sizes[-1]), vectors[:, -1]
