"""Words are readable: contrast, glyphs, line breaks."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from saccade.errors import SaccadeWarning, UnknownName
from saccade.picture import further_fonts, typesetting
from saccade.picture.page import Page
from saccade.picture.themes import THEMES, theme_of
from saccade.picture.typesetting import LEADING, measure, printable, tag, wrap, write


def contrast(one: tuple[int, int, int], other: tuple[int, int, int]) -> float:
    """WCAG 2 contrast ratio."""

    def luminance(colour: tuple[int, int, int]) -> float:
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in colour)]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("name", THEMES)
def test_text_has_enough_contrast(name: str) -> None:
    theme = theme_of(name)
    assert contrast(theme.ink, theme.background) >= 7  # AAA
    assert contrast(theme.muted, theme.background) >= 4.5  # AA for small text
    assert contrast(theme.warm, theme.background) >= 3  # AA for graphics
    assert contrast(theme.cool, theme.background) >= 3
    with pytest.raises(UnknownName, match="theme 'drak'; the nearest is 'dark'"):
        theme_of("drak")


@pytest.fixture
def no_font_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def forget() -> None:
        for cached in (printable, further_fonts.font_of, further_fonts.further_font, further_fonts._warn_once):
            cached.cache_clear()

    monkeypatch.setattr(further_fonts, "FONTS", ("no such font.ttf",))
    forget()
    yield
    forget()


@pytest.mark.usefixtures("no_font_of_the_machine")
def test_letters_that_no_font_has_are_question_marks_and_that_is_said_once() -> None:
    with pytest.warns(SaccadeWarning, match="no font of this machine has some letters") as warned:
        assert printable("\u6587\u6587.jpg \u041a") == "??.jpg ?"
    assert len(warned) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert printable("\u0416") == "?"


def test_letters_of_other_scripts_come_from_another_font(monkeypatch: pytest.MonkeyPatch) -> None:
    # Pillow's own typeface plays the machine's font, so that the test hangs on none.
    monkeypatch.setattr(typesetting, "font_of", lambda sign: "other" if sign == "\u041a" else None)
    monkeypatch.setattr(typesetting, "further_font", lambda _, size: typesetting._font(2 * size))
    printable.cache_clear()
    try:
        assert printable("a\u041ab") == "a\u041ab"
        assert typesetting._runs("ab\u041a\u2212b") == ["ab", "\u041a", "\u2212", "b"]
        other = measure("\u041a", 20)
        assert measure("ab\u041ab", 20) == pytest.approx(measure("ab", 20) + other + measure("b", 20))
        assert other == pytest.approx(typesetting._font(160).getlength("\u041a") / 4)
        image = Image.new("RGB", (200, 60), (255, 255, 255))
        write(image, (5, 10), "a\u041ab", size=20, colour=(0, 0, 0))
        columns = np.nonzero((np.asarray(image)[:, :, 0] < 128).any(axis=0))[0]
        assert columns.max() > 5 + measure("a\u041a", 20)
    finally:
        printable.cache_clear()


@pytest.mark.usefixtures("no_font_of_the_machine")
@pytest.mark.filterwarnings("ignore:no font")
def test_what_the_typeface_lacks_gets_a_stand_in() -> None:
    assert printable("Málaga 3 \u2265 2 \u2013 \u6587") == "Malaga 3 >= 2 - ?"
    assert printable("\u22120.5 28 \u00d7 28 \u00b7 \u00b0") == "\u22120.5 28 \u00d7 28 \u00b7 \u00b0"


@pytest.mark.parametrize("align", ["left", "centre", "right"])
def test_ink_lies_where_it_was_measured(align: str) -> None:
    image = Image.new("RGB", (400, 60), (255, 255, 255))
    write(image, (200, 10), "Where \u22121.5 \u00d7", size=24, colour=(0, 0, 0), bold=True, align=align)
    rows, columns = np.nonzero(np.asarray(image)[:, :, 0] < 128)
    width = measure("Where \u22121.5 \u00d7", 24, bold=True)
    left = {"left": 200.0, "centre": 200 - width / 2, "right": 200 - width}[align]
    assert left - 1 <= columns.min() <= left + 5
    assert left + width - 6 <= columns.max() <= left + width + 1
    assert rows.min() >= 10
    assert rows.max() <= 10 + LEADING * 24


def test_bold_is_heavier() -> None:
    inks = []
    for bold in (False, True):
        image = Image.new("L", (200, 40)).convert("RGB")
        write(image, (5, 5), "heavier", size=20, colour=(255, 255, 255), bold=bold)
        inks.append(np.asarray(image).mean())
    assert inks[1] > 1.1 * inks[0]


def test_lines_fit_and_no_word_is_lost() -> None:
    text = "Occlusion: squared change of the code when covered, in a_long_file_name_that_never_ends.jpeg"
    lines = wrap(text, 15, 130)
    assert all(measure(line, 15) <= 130 for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    short = wrap(text, 15, 130, lines=2)
    assert len(short) == 2
    assert short[1].endswith("...")
    assert measure(short[1], 15) <= 130
    assert wrap("one\ntwo", 15, 500) == ["one", "two"]


@pytest.mark.parametrize("width", range(60, 400, 10))
def test_a_number_stays_with_its_per_cent(width: int) -> None:
    lines = wrap("Half of it lies in 24 % of the photo's area, most of it (64 %) in the middle.", 15, width)
    assert not any(line.startswith("%") for line in lines)
    assert " ".join(lines) == "Half of it lies in 24 % of the photo's area, most of it (64 %) in the middle."


@pytest.mark.parametrize("size", [(128, 128), (300, 200), (3000, 2500)])
def test_tags_stay_inside_the_picture(size: tuple[int, int]) -> None:
    image = tag(Image.new("RGB", size, (200, 200, 200)), "flat: nothing stands out")
    assert image.size == size
    assert np.asarray(image).min() < 100
    assert (np.asarray(image)[:, -1] == 200).all()


def test_a_picture_too_small_for_its_tag_is_left_alone() -> None:
    assert np.asarray(tag(Image.new("RGB", (40, 30), (200, 200, 200)), "flat: nothing stands out")).min() == 200


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("longsleeve_0f4d9494.jpg", ["longsleeve_", "0f4d9494.jpg"]),
        ("holidayphotograph.jpeg", ["holidayphotograph", ".jpeg"]),
        ("abcdefghijklmnopqrstuvwxyz", None),
    ],
)
def test_a_name_that_is_too_long_is_cut_at_a_joint_and_never_inside_its_ending(
    name: str, lines: list[str] | None
) -> None:
    width = measure(name[:-1], 20) + 0.5
    broken = wrap(name, 20, width)
    assert "".join(broken) == name
    assert len(broken) == 2
    assert lines is None or broken == lines
    assert all(measure(line, 20) <= width for line in broken)


def test_commands_in_small_print_stand_in_quotation_marks() -> None:
    page = Page.of(600, theme_of("light"))
    (*_, (_, typed)), (*_, (_, quoted)) = (
        page.footer([note]) for note in ("`saccade compare` tells", "\u201csaccade compare\u201d tells")
    )
    assert np.array_equal(np.asarray(typed), np.asarray(quoted))
