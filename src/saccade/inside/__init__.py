"""What happens inside a model.

layers           feature_maps(encoder, image) -> FeatureMaps
cells            cells(encoder, images) -> CellMaps
measured_fields  how much of the image a cell sees, measured where arithmetic does not say
selection        which layers of a deep model are shown
"""

from __future__ import annotations

from saccade.inside.cells import cells
from saccade.inside.layers import feature_maps

__all__ = ["cells", "feature_maps"]
