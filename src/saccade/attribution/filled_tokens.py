"""Transformers compute what is covered: its tokens are made of what fills them, and none is dropped."""

from __future__ import annotations

from itertools import takewhile

from saccade.encoder import Encoder


def filled_tokens(encoder: Encoder, size: tuple[int, int]) -> tuple[str, ...]:
    """Are covered places tokens like all others? A note where they are: a token that is dropped is another question.

    Args:
        encoder: The model.
        size: Height and width of the images.
    """
    flow = encoder.dataflow(*size)
    before = [*takewhile(lambda path: path != encoder.layer, encoder.layers), encoder.layer]
    is_of_tokens = any(len(encoder.layers[path].shape) == 2 and flow.places(path) is not None for path in before)
    return ("tokens of covered places are computed from what fills them; none is dropped",) if is_of_tokens else ()
