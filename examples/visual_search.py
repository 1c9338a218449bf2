"""A visual search in ten lines, and why it found what it found: which parts of two photos made their codes alike."""

import sys
from pathlib import Path

import numpy as np
import skimage

import saccade

folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(skimage.__file__).parent / "data"
paths = sorted(path for path in folder.iterdir() if path.suffix in (".jpg", ".png"))
shipped = Path(saccade.__file__).parent / "shipped" / "clothing-autoencoder.keras"
encoder = saccade.load(shipped)  # or "saccade.pretrained:efficientnet_lite0", or a model of your own

codes = encoder.codes(encoder.read(paths)).reshape(len(paths), -1).astype(float)
codes -= codes.mean(axis=0)  # what all photos share says nothing about any two
codes /= np.linalg.norm(codes, axis=1, keepdims=True)
likeness = codes @ codes.T
likeness[likeness > 0.98] = -1  # a photo and itself, or a copy
first, second = np.unravel_index(likeness.argmax(), likeness.shape)
print(f"the most alike of {len(paths)} photos: {paths[first].name} and {paths[second].name}")

why = saccade.compare(encoder, paths[first], paths[second], reference=paths)
for number, match in enumerate(why.matches, start=1):
    print(f"match {number} adds {match.share:+.3f} to {why.score:.3f}")
print(why.save("why-alike.png"))
