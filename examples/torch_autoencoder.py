"""The same autoencoder in PyTorch: trained for a moment, then asked where it looks."""

import sys
from collections import OrderedDict

import numpy as np
import torch
from skimage import data
from torch import nn

import saccade

random = np.random.default_rng(0)
torch.manual_seed(0)
photos = [data.astronaut(), data.chelsea(), data.coffee(), data.rocket()]


def crop(photo, size=64):
    top, left = (random.integers(0, side - 2 * size) for side in photo.shape[:2])
    return photo[top : top + 2 * size : 2, left : left + 2 * size : 2].transpose(2, 0, 1) / 255


crops = torch.tensor(np.stack([crop(photos[k % len(photos)]) for k in range(320)]), dtype=torch.float32)
encoder, decoder = nn.Sequential(), nn.Sequential()
for inputs, outputs in ((3, 16), (16, 32), (32, 16)):
    encoder.extend([nn.Conv2d(inputs, outputs, 3, padding=1), nn.ELU(), nn.MaxPool2d(2)])
for inputs, outputs in ((16, 16), (16, 32), (32, 16)):
    decoder.extend([nn.Conv2d(inputs, outputs, 3, padding=1), nn.ELU(), nn.Upsample(scale_factor=2)])
decoder.extend([nn.Conv2d(16, 3, 3, padding=1), nn.Sigmoid()])
autoencoder = nn.Sequential(OrderedDict(encoder=encoder, decoder=decoder))
optimizer = torch.optim.Adam(autoencoder.parameters(), 1e-3)
for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else 10):
    for batch in crops[torch.randperm(len(crops))].split(32):
        optimizer.zero_grad()
        nn.functional.binary_cross_entropy(autoencoder(batch), batch).backward()
        optimizer.step()

looking = saccade.Encoder(autoencoder, layer="encoder", input_shape=(64, 64, 3))
print(saccade.explain(looking, data.chelsea()).save("chelsea.png"))
