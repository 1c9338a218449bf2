"""The questions of the library, for one photo at a time; what they find is plain data, as the views read it."""

from __future__ import annotations

import copy
import io
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

from saccade.app.album import AlbumPhoto
from saccade.app.dials import Dials
from saccade.app.group import grey_image
from saccade.app.requests import ExplainQuestion, settings_for, target_of
from saccade.arguments import check_arguments
from saccade.attribution.defaults import default_method
from saccade.collection import Catalogue
from saccade.encoder import Encoder
from saccade.errors import NotApplicable, UnknownName
from saccade.explanation import explain
from saccade.fingerprint import encoder_fingerprint
from saccade.images import ImageRecipe, Images
from saccade.methods import available, find
from saccade.report.array_spec import array_spec, image_url
from saccade.report.cell_data import cell_codes
from saccade.report.contents import layers_of, page_facts
from saccade.report.eye_data import eye_data
from saccade.report.map_data import QUESTIONS, USUAL, agreements, map_data
from saccade.report.pair_data import game, known_centre, known_reference, pair_data, similarities
from saccade.report.photo_data import photo_data
from saccade.report.recipe import recipe
from saccade.report.trust_data import doubts, trust_data
from saccade.report.writing import report_page
from saccade.results import Attribution
from saccade.run import Run

Stop = Callable[[], bool]
OnPartial = Callable[[Attribution], None]
_ATTRIBUTIONS = 64
_LAYERS = 6
_FEATURES = 64
"""Of a layer, to walk through."""
_END = 96
"""Pixels of the longer side of what stands at the end of a dial."""
_CHEAP = ("activation_energy",)
"""Usual methods that are tried at once: whether they answer is known no sooner, and costs nothing."""


@dataclass
class Answers:
    """Asks the model.

    Args:
        encoder: The model and its code.
        model_source: What the command called the model.
        options: Further words of the command, by which the models were opened.
        twin: The same model once more, whose weights may be randomised while the first one is asked.
        comparing: The same model as it compares photos: with what a catalogue tells of them; None: as it is.
    """

    encoder: Encoder
    model_source: str = "MODEL"
    options: Sequence[str] = ()
    twin: Encoder | None = None
    comparing: Encoder | None = None
    _attributions: OrderedDict[tuple[Any, ...], Attribution] = field(default_factory=OrderedDict, repr=False)
    _at_layers: OrderedDict[str, Encoder] = field(default_factory=OrderedDict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    twin_lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    # The model

    def facts(self, image: Images) -> dict[str, Any]:
        """What the page knows before it knows anything of a photo."""
        encoder = self.encoder
        codes = encoder.codes(image)
        cells = cell_codes(encoder, image, codes)
        facts = page_facts(self._comparing, image, codes, cells, title=None, deck=None)
        methods, notes = self.usual_methods(image)
        facts["maps"] = [
            {"method": name, "name": QUESTIONS.get(name, about.title), "title": about.title, "summary": about.summary}
            for name, about in ((name, find(name).description) for name in methods)
        ]
        facts["offers"] = self._offers(image, has_cells=bool(cells))
        facts["left_out"] = list(notes)
        facts["ask"] = {
            "methods": [
                {"name": name, "title": about.title, "summary": about.summary, "cost": about.cost}
                for name, about in ((name, method.description) for name, method in available().items())
                if all(getattr(encoder.capabilities, need) for need in about.needs)
            ],
            "layers": self.layers_to_ask(image),
        }
        facts["camera"] = [
            *(["saliency"] if encoder.capabilities.gradients else []), *(name for name in _CHEAP if name in methods)
        ]  # fmt: skip
        return facts

    def empty_facts(self, recipe: ImageRecipe) -> dict[str, Any]:
        """The same before there is any photo: of a grey image, which is never shown."""
        return self.facts(grey_image(self.encoder, recipe))

    def usual_methods(self, image: Images) -> tuple[list[str], tuple[str, ...]]:
        """The methods of the page that this model answers, the default first, and what must be said of the others."""
        default, notes = default_method(self.encoder)
        names, left_out = [], list(notes)
        for name in dict.fromkeys([default, *USUAL]):
            try:
                if name in _CHEAP:
                    explain(self.encoder, image, name)
                elif name != default:
                    Run(self.encoder).require(*find(name).description.needs, what=name)
            except NotApplicable as error:
                left_out.append(str(error))
            else:
                names.append(name)
        return names, tuple(left_out)

    def layers_to_ask(self, image: Images) -> list[dict[str, Any]]:
        """Layers up to the code that have places, and the code itself."""
        encoder = self.encoder
        paths = list(encoder.layers)
        height, width = image.shape[1:3]
        listed = []
        for path in paths[: paths.index(encoder.layer) + 1]:
            places = encoder.places(path, height, width)
            if path == encoder.layer or (places is not None and places.rows * places.columns > 1):
                grid = None if places is None else [places.rows, places.columns]
                listed.append({"path": path, "grid": grid, "is_code": path == encoder.layer})
        return listed

    def _offers(self, image: Images, *, has_cells: bool) -> list[str]:
        """The sections that this model has something for."""
        encoder = self.encoder
        offers = ["look", "ask", "cover", "alike", "guess", "recipe"]
        if has_cells:
            offers.append("same")
        if encoder.is_autoencoder:
            offers += ["memory", *(["dials", "mix"] if encoder.capabilities.taps else [])]
        if self.layers_to_ask(image):
            offers.append("inside")
        places = encoder.places(encoder.layer, *image.shape[1:3])
        if encoder.capabilities.gradients and places is not None and 4 <= places.rows * places.columns <= 400:
            offers.append("eye")
        if encoder.capabilities.layer_weights or encoder.capabilities.gradients:
            offers.append("trust")
        return offers

    def dial_ends(self, photo: AlbumPhoto, dials: Dials, stop: Stop) -> dict[str, Any]:
        """What the decoder draws at both ends of every dial, as small pictures."""
        low, high = self.encoder.value_range
        ends = np.clip((dials.ends(photo.image, stop) - low) / (high - low), 0, 1)
        return {"ends": [[image_url(_small(image)) for image in both] for both in ends]}

    def model(self) -> dict[str, Any]:
        """What was opened, and how it is asked."""
        encoder = self.encoder
        height, width, channels = encoder.network.input_shape
        return {
            "name": encoder.name,
            "description": encoder.describe().splitlines(),
            "fingerprint": encoder_fingerprint(encoder),
            "layer": encoder.layer,
            "layer_reason": encoder.layer_reason,
            "layers": [{"path": path, "kind": layer.kind, "shape": list(layer.shape)}
                       for path, layer in encoder.layers.items()],
            "input_shape": [height, width, channels],
            "value_range": list(encoder.value_range),
            "is_autoencoder": encoder.is_autoencoder,
            "framework": encoder.network.framework,
            "notes": list(encoder.notes),
        }  # fmt: skip

    def methods(self) -> list[dict[str, Any]]:
        """Every method, and whether this model can answer it."""
        return [
            {
                "name": name, "title": about.title, "summary": about.summary, "source": about.source,
                "cost": about.cost, "needs": list(about.needs),
                "is_applicable": all(getattr(self.encoder.capabilities, need) for need in about.needs),
            }
            for name, about in ((name, method.description) for name, method in available().items())
        ]  # fmt: skip

    def encoder_at(self, layer: str | None) -> Encoder:
        """The same model with another layer as the code.

        Raises:
            UnknownName: No such layer.
        """
        if layer is None or layer == self.encoder.layer:
            return self.encoder
        with self._lock:
            if layer not in self._at_layers:
                if layer not in self.encoder.layers:
                    raise UnknownName.of("layer", layer, self.encoder.layers)
                other = copy.copy(self.encoder)
                other.layer, other.layer_reason, other.reference = layer, "as named", None
                self._at_layers[layer] = other
                while len(self._at_layers) > _LAYERS:
                    self._at_layers.popitem(last=False)
            self._at_layers.move_to_end(layer)
            return self._at_layers[layer]

    # One photo

    def photo(self, photo: AlbumPhoto) -> dict[str, Any]:
        """How it looks, its code, its redrawing, its cells."""
        encoder, image = self.encoder, photo.image
        codes = encoder.codes(image)
        redrawn = encoder.reconstruct(image) if encoder.is_autoencoder else None
        data = photo_data(image, 0, codes[0], None if redrawn is None else redrawn[0])
        data["cells"] = [array_spec(layer.values[0], "float16") for layer in cell_codes(encoder, image, codes)]
        data["number"] = photo.number
        return data

    def attribution(
        self,
        question: ExplainQuestion,
        photo: Callable[[str], AlbumPhoto],
        stop: Stop | None = None,
        *,
        on_partial: OnPartial | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Attribution:
        """What a method finds; the same question is computed once.

        Args:
            question: What is asked.
            photo: Finds a photo by its number.
            stop: As for `explain`.
            on_partial: As for `explain`.
            progress: As for `explain`.

        Raises:
            SaccadeError: As for `explain`.
            Refused: The question names a photo that is not there, or a file.
        """
        album_photo = photo(question.photo)
        encoder = self.encoder_at(question.layer)
        # Also for an answer that is remembered: it may be about a photo that is another client's.
        target = target_of(question.target, lambda number: photo(number).image)
        key = (id(album_photo), question.model_dump_json())
        with self._lock:
            remembered = self._attributions.get(key)
        if remembered is not None and remembered.images is album_photo.image:
            return remembered
        name = question.method or default_method(encoder, [target])[0]
        if name not in available():
            raise UnknownName.of("method", name, available(), hint="GET /api/methods lists them.")
        settings = check_arguments(name, find(name), settings_for(find(name), name, question.settings))
        attribution = explain(
            encoder, album_photo.image, name, target, progress=progress, stop=stop, on_partial=on_partial, **settings
        )
        with self._lock:
            self._attributions[key] = attribution
            while len(self._attributions) > _ATTRIBUTIONS:
                self._attributions.popitem(last=False)
        return attribution

    def explanation(self, attribution: Attribution) -> dict[str, Any]:
        """The map of the one photo, as the views read it."""
        return {**map_data(attribution, 0), "target": attribution.target, "layer": attribution.layer}

    def agreement(self, photo: AlbumPhoto, stop: Stop | None = None) -> list[list[float]]:
        """How alike the maps of the usual methods are."""
        questions = [ExplainQuestion(photo=photo.number, method=name) for name in self.usual_methods(photo.image)[0]]
        return agreements([self.attribution(question, lambda _: photo, stop) for question in questions], 0)

    def picture(self, attribution: Attribution) -> bytes:
        """The map as the library draws its pages: a PNG with the question, the bar and the small print."""
        buffer = io.BytesIO()
        attribution.figure(0).save(buffer, "PNG")
        return buffer.getvalue()

    def feature_maps(self, photo: AlbumPhoto) -> list[dict[str, Any]]:
        """What every layer makes of it."""
        return layers_of(self.encoder, photo.image, _FEATURES)

    def cells(self, photo: AlbumPhoto) -> dict[str, Any]:
        """What every cell of the code sees.

        Raises:
            NotApplicable: The code has no places, or the model no gradients.
        """
        eyes = eye_data(self.encoder, photo.image)
        if eyes is None:
            raise NotApplicable("the cells of this code cannot be shown: it has no places, or the model no gradients.")
        return eyes[0]

    def trust(self, photo: AlbumPhoto, stop: Stop | None = None) -> dict[str, Any]:
        """May its map be believed? Networks that never learned are asked, in the twin where there is one."""
        first = self.attribution(ExplainQuestion(photo=photo.number), lambda _: photo, stop)
        with self.twin_lock:
            encoder = self.twin or self.encoder
            reference = known_reference(self._comparing, self.encoder.codes(photo.image))
            verdicts = trust_data(encoder, photo.image, first, reference)
        if not verdicts:
            raise NotApplicable("this map cannot be put to the test.")
        return verdicts[0]

    def doubt(self, photo: AlbumPhoto, stop: Stop | None = None) -> dict[str, str]:
        """What must be said beside its map: as in `trust`, without the networks that never learned."""
        first = self.attribution(ExplainQuestion(photo=photo.number), lambda _: photo, stop)
        reference = known_reference(self._comparing, self.encoder.codes(photo.image))
        return {"doubt": doubts(self.encoder, photo.image, first, reference, stop)[0]}

    # Several photos

    def pair(self, a: AlbumPhoto, b: AlbumPhoto) -> dict[str, Any]:
        """Why are these two alike?"""
        images = Images.join([a.image, b.image])
        comparing = self._comparing
        (pair,) = pair_data(comparing, images, known_centre(comparing, self.encoder.codes(a.image)))
        return {**pair, "a": a.number, "b": b.number}

    def likenesses(self, photos: Sequence[AlbumPhoto]) -> dict[str, Any]:
        """How alike every two are, and the questions of the game."""
        codes = np.concatenate([self.encoder.codes(photo.image) for photo in photos])
        table = similarities(codes, known_centre(self._comparing, codes))
        return {"photos": [photo.number for photo in photos], "table": table.tolist(), "game": game(table)}

    def recipe(self, photos: Sequence[AlbumPhoto], beside: Encoder | None = None) -> dict[str, Any]:
        """How a report of these photos is made by hand."""
        images = Images.join([photo.image for photo in photos])
        left_out = self.usual_methods(images[0])[1]
        return recipe(
            self.encoder, images, "report.html", None, self.model_source, left_out, options=self.options, beside=beside
        )

    def report(
        self,
        images: Images,
        title: str | None,
        stop: Stop | None = None,
        progress: Callable[[str, float, int], None] | None = None,
        *,
        beside: Encoder | None = None,
        collection: Catalogue | None = None,
    ) -> str:
        """The report of these photos, as one page.

        Args:
            images: The photos.
            title: The headline.
            stop: As for `write_report`; and so the others.
            progress: Called with what is being done.
            beside: Another network.
            collection: Photos among which these are shown.
        """
        with self.twin_lock:
            page, _ = report_page(
                self.twin or self.encoder, images, title=title, beside=beside, collection=collection,
                model_source=self.model_source, options=self.options, progress=progress, stop=stop,
            )  # fmt: skip
        return page

    @property
    def _comparing(self) -> Encoder:
        return self.comparing or self.encoder


def _small(values: Any) -> Image.Image:
    """An image of 0..1 with at most so many pixels as an end of a dial has."""
    channels = (np.repeat(values, 3, axis=-1) if values.shape[-1] == 1 else values[..., :3]) * 255
    image = Image.fromarray(np.round(channels).astype(np.uint8))
    image.thumbnail((_END, _END), Image.Resampling.LANCZOS)
    return image
