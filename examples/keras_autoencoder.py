"""The convolutional autoencoder of 2017 in today's Keras: trained for a moment, then asked where it looks."""

import sys

import keras
import numpy as np
from keras.layers import Conv2D, MaxPooling2D, UpSampling2D
from skimage import data

import saccade

photos = [data.astronaut(), data.chelsea(), data.coffee(), data.rocket()]
random = np.random.default_rng(0)


def crop(photo, size=64):
    top, left = (random.integers(0, side - 2 * size) for side in photo.shape[:2])
    return photo[top : top + 2 * size : 2, left : left + 2 * size : 2] / 255


crops = np.stack([crop(photos[k % len(photos)]) for k in range(320)]).astype("float32")

picture = x = keras.Input((64, 64, 3))
for filters, name in ((16, None), (32, None), (16, "encoded")):
    x = Conv2D(filters, 3, padding="same", activation="elu")(x)
    x = MaxPooling2D(2, name=name)(x)
for filters in (16, 32, 16):
    x = Conv2D(filters, 3, padding="same", activation="elu")(x)
    x = UpSampling2D(2)(x)
autoencoder = keras.Model(picture, Conv2D(3, 3, padding="same", activation="sigmoid", name="conv_decoded")(x))
autoencoder.compile("adam", "binary_crossentropy")
autoencoder.fit(crops, crops, batch_size=32, epochs=int(sys.argv[1]) if len(sys.argv) > 1 else 10, verbose=0)

encoder = saccade.Encoder(autoencoder)  # finds the layer `encoded` by its name
print(encoder.describe())
look = saccade.explain(encoder, data.chelsea())
print(look.save("chelsea.png"))
why = saccade.compare(encoder, data.chelsea(), data.coffee())
print(f"the cat and the coffee are {why.score:.0%} alike:", why.save("why-alike.png"))
