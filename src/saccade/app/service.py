"""Everything behind the routes: the album, the answers, the turns, and what is remembered."""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from saccade.app.album import Album, AlbumPhoto
from saccade.app.answers import Answers
from saccade.app.defects import say_kind
from saccade.app.dials import Dials
from saccade.app.limits import Limits
from saccade.app.neighbourhood import Neighbourhood
from saccade.app.other_network import OtherNetwork
from saccade.app.refusal import Refused
from saccade.app.requests import ExplainQuestion
from saccade.app.turns import Turns
from saccade.collection import Catalogue
from saccade.collection.photo_map import check_installed
from saccade.encoder import Encoder
from saccade.errors import MissingPackage, NotApplicable, SaccadeError
from saccade.images import Images
from saccade.models.randomisation import randomised, weighted_layers
from saccade.utf8 import utf8_bytes

_COMPARISONS = ("page", "compare", "similarities", "trust", "doubt", "beside", "beside compare")
"""Questions whose answers change with what is known of other photos."""


class Service:
    """One model and its photos, for all clients.

    Args:
        encoder: The model and its code.
        paths: The photos of the command.
        limits: How much may be asked for.
        model_source: What the command called the model.
        open_twin: Opens the same model once more. Without it nobody is answered while untrained networks are asked,
            since their weights are drawn in the place of the model's own.
        on_defect: Gets what nobody expected.
        catalogue: The codes of the photos, where they are known already.
        beside: Another model, which is asked the same.
        options: Further words of the command, by which the models were opened.
    """

    def __init__(
        self,
        encoder: Encoder,
        paths: Sequence[Path],
        limits: Limits,
        *,
        model_source: str = "MODEL",
        open_twin: Callable[[], Encoder] | None = None,
        on_defect: Callable[[BaseException], None] | None = None,
        catalogue: Catalogue | None = None,
        beside: Encoder | None = None,
        options: Sequence[str] = (),
    ) -> None:
        self.limits = limits
        self.album = Album(encoder, paths, limits)
        comparing = encoder if catalogue is None else catalogue.known_to(encoder)
        self.answers = Answers(encoder, model_source, options, comparing=comparing)
        self.other_network = None if beside is None else OtherNetwork(comparing, beside)
        self.comparisons = 0
        self.is_settled = False
        self.turns = Turns(limits)
        self.neighbourhood = Neighbourhood(encoder, paths, self.album.recipe, catalogue)
        self.dials = Dials(encoder, self._at_hand)
        self.sockets = 0
        self.on_defect = on_defect or say_kind
        self._open_twin = open_twin
        self._answers: OrderedDict[Hashable, bytes] = OrderedDict()
        self._bytes = 0
        self._locks: dict[Hashable, asyncio.Lock] = {}

    @property
    def must_be_alone(self) -> bool:
        """Is there only one copy of the weights?"""
        return self.answers.twin is None

    async def answer(
        self, client: str, key: Hashable, compute: Callable[[Callable[[], bool]], Any], *, alone: bool = False
    ) -> bytes:
        """JSON that is computed once: who asks the same meanwhile waits for it.

        Args:
            client: Who asks.
            key: What is asked.
            compute: Finds it; gets what it is to ask between two pieces whether it is to stop.
            alone: Nothing else may be computed meanwhile.
        """
        if isinstance(key, tuple) and key[0] in _COMPARISONS:
            key = (*key, self.comparisons)
        lock = self._locks.setdefault(key, asyncio.Lock())
        try:
            async with lock:
                content = self._answers.get(key)
                if content is None:
                    content = await self.turns.work(client, lambda stop: json_text(compute(stop)), alone=alone)
                    self._remember(key, content)
                else:
                    self._answers.move_to_end(key)
                return content
        finally:
            if not lock.locked():
                self._locks.pop(key, None)

    def _remember(self, key: Hashable, answer: bytes) -> None:
        self._answers[key] = answer
        self._bytes += len(answer)
        while self._bytes > self.limits.answers_bytes and len(self._answers) > 1:
            _, forgotten = self._answers.popitem(last=False)
            self._bytes -= len(forgotten)

    async def begin(self) -> None:
        """What is done before anybody asks; of what goes wrong unexpectedly the rest is done nevertheless."""
        for preparation in (
            self.warm_up, partial(self.neighbourhood.prepare, self.turns), self.compare_by_collection,
            self.compare_by_collection_beside,
        ):  # fmt: skip
            try:
                await preparation()
            except Exception as error:
                self.on_defect(error)
        self.is_settled = True

    def collection_state(self) -> dict[str, Any]:
        """How far the collection is, and how often answers about pairs of photos have become others by it."""
        return {**self.neighbourhood.state(), "comparisons": self.comparisons, "is_settled": self.is_settled}

    async def compare_by_collection(self) -> None:
        """From now on compare photos less what those of the command share; what was answered before is asked anew."""
        catalogue = self.neighbourhood.catalogue
        if catalogue is None:
            return
        comparing = catalogue.known_to(self.answers.encoder)
        self.answers.comparing = comparing
        if self.other_network is not None:
            self.other_network.comparing = comparing
        self.comparisons += 1

    async def compare_by_collection_beside(self) -> None:
        """The same for the other network; where it can read none of those photos it compares plainly."""
        if self.other_network is None or self.neighbourhood.catalogue is None:
            return
        with suppress(SaccadeError):
            if await self.other_network.learn_of(self.neighbourhood.paths, self.turns):
                self.comparisons += 1

    async def warm_up(self) -> None:
        """Ask the usual questions once, so that what has to be compiled is; then open the twin."""
        listed = self.album.listed("")
        client = "warm-up"

        def first(stop: Callable[[], bool]) -> None:
            if not listed:
                return
            photo = self.album.photo("", listed[0][0])
            self.answers.photo(photo)
            for method in (None, *self.answers.facts(photo.image)["camera"]):
                self.answers.attribution(ExplainQuestion(photo=photo.number, method=method), lambda _: photo, stop)
            if self.other_network is not None:
                self.other_network.data([photo], stop)

        with suppress(SaccadeError, Refused):  # whoever asks for it is told the reason
            await self.turns.work(client, first)
        open_twin = self._open_twin
        if open_twin is None:
            return
        with suppress(SaccadeError):  # then the one model is asked alone
            twin = await self.turns.work(client, lambda _: open_twin())
            if await self.turns.work(client, lambda _: is_apart(self.answers.encoder, twin), alone=True):
                self.answers.twin = twin

    def photos(self, client: str, numbers: Sequence[str]) -> list[AlbumPhoto]:
        """The photos of these numbers."""
        return [self.album.photo(client, number) for number in numbers]

    def recipe(self, client: str, numbers: Sequence[str]) -> dict[str, Any]:
        """How a report of these photos is made by hand."""
        other = None if self.other_network is None else self.other_network.encoder
        return self.answers.recipe(self.photos(client, numbers), other)

    def pair(self, client: str, a: str, b: str) -> dict[str, Any]:
        """Why these two are alike, and whether that is another question once the collection is encoded."""
        pair = self.answers.pair(*self.photos(client, (a, b)))
        awaited = self.neighbourhood
        if not pair["centred"] and awaited.is_offered and not awaited.is_ready and not awaited.failure:
            pair["awaiting"] = (
                f"Compared as they are for now: the collection is being encoded ({awaited.done:,} of "
                f"{awaited.total:,} photos). Then what all photos share is taken off, and this page follows by itself."
            )
        return pair

    def report(
        self,
        client: str,
        numbers: Sequence[str],
        title: str | None,
        stop: Callable[[], bool],
        progress: Callable[[str, float, int], None] | None = None,
    ) -> str:
        """Everything about these photos as one page, with what the app shows beside them."""
        images = []
        for photo in self.photos(client, numbers):
            (shown,) = photo.image.photos
            # In the collection a photo finds itself by its file.
            indexed = replace(shown, source=self.neighbourhood.path(photo.number))
            images.append(Images(photo.image.array, (indexed,), photo.image.value_range))
        return self.answers.report(
            Images.join(images), title, stop, progress,
            beside=None if self.other_network is None else self.other_network.encoder,
            collection=self._collection(),
        )  # fmt: skip

    def _collection(self) -> Catalogue | None:
        """What a report can show of it."""
        try:
            check_installed()
        except MissingPackage:  # the page's own section says so
            return None
        return self.neighbourhood.catalogue

    def _at_hand(self) -> list[Images]:
        """The first photos of the command that can be used."""
        images = []
        for number, _ in self.album.listed("")[: self.limits.photos]:
            with suppress(Refused):
                images.append(self.album.photo("", number).image)
        return images

    def close(self) -> None:
        """Take no more work."""
        self.turns.close()


def is_apart(encoder: Encoder, twin: Encoder) -> bool:
    """Do other weights in the twin leave the model as it is? A factory may give the same live model twice.

    While this runs nobody else may ask either of them.
    """
    height, width, channels = encoder.network.input_shape
    low, high = encoder.value_range
    noise = np.random.default_rng(0).random((1, height or 64, width or 64, channels), np.float32)
    probe = (low + noise * (high - low)).astype(np.float32)
    try:
        layers = weighted_layers(twin.network, twin.layer)[:1]
    except NotApplicable:
        return True  # then nobody randomises weights
    before = encoder.activations(probe, [encoder.layer])[encoder.layer]
    with randomised(twin.network, layers, 0):
        after = encoder.activations(probe, [encoder.layer])[encoder.layer]
    return bool(np.array_equal(before, after))


def json_text(value: Any) -> bytes:
    """A value as JSON, in UTF-8."""
    return utf8_bytes(json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")))
