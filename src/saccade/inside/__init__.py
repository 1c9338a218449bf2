"""What happens inside a model.

layers   feature_maps(encoder, image) -> FeatureMaps
cells    cells(encoder, images) -> CellMaps
"""

from __future__ import annotations

from saccade.inside.cells import cells
from saccade.inside.layers import feature_maps

__all__ = ["cells", "feature_maps"]
