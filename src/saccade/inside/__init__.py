"""What happens inside a model.

layers   feature_maps(encoder, image) -> FeatureMaps
"""

from __future__ import annotations

from saccade.inside.layers import feature_maps

__all__ = ["feature_maps"]
