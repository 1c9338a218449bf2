"""From arrays to images that do not lie. Knows nothing of models and methods: arrays in, images out.

scales       what the strongest colour stands for        overlay    a map over its photo, or a spotlight on it
colormaps    which colour stands for which value         contours   lines at fixed fractions of the scale
palette      colour and opacity along a scale            colorbar   the key beside a map
numerals     numbers for people                          figure     panels set as a page
typesetting  words on images                             sheet      all feature maps of a layer
themes       light and dark paper                        pair       why two photos are alike
page         title, images, small print                  files      saving, with the settings inside
resampling   a coarse map made as large as its photo     collage    every layer of a model on one poster
comparison   photos beside what several methods say      links      parts of two photos, joined by lines
outlines     the rounded outline of some cells           sum_bar    a score as a bar made of its parts
ruler        a score beside what is typical              cover_bars what covering really changes
ink          smooth lines and areas laid onto an image   colour_names   what a person would call a colour
match_colours   six colours that everybody tells apart   vector_bars    the numbers of a vector, a bar each
further_fonts   letters of other scripts, from the machine
photo_rows   one photo, and others in rows beside it
"""

from saccade.picture.colorbar import Bar, colorbar
from saccade.picture.colormaps import COLORMAPS, colormap
from saccade.picture.comparison import comparison
from saccade.picture.figure import Panel, figure
from saccade.picture.files import png_bytes, read_metadata, save_picture
from saccade.picture.overlay import overlay, quiet, spotlight
from saccade.picture.pair import pair
from saccade.picture.resampling import stretch
from saccade.picture.scales import Scale, scale_of
from saccade.picture.sheet import feature_sheet
from saccade.picture.themes import DARK, LIGHT, Theme
from saccade.picture.vector_bars import bar_sheet

__all__ = [
    "Bar",
    "COLORMAPS",
    "DARK",
    "LIGHT",
    "Panel",
    "Scale",
    "Theme",
    "bar_sheet",
    "colorbar",
    "colormap",
    "comparison",
    "feature_sheet",
    "figure",
    "overlay",
    "pair",
    "png_bytes",
    "quiet",
    "read_metadata",
    "save_picture",
    "scale_of",
    "spotlight",
    "stretch",
]
