"""From arrays to images that do not lie. Knows nothing of models and methods: arrays in, images out.

scales           what the strongest colour stands for
colormaps        which colour stands for which value
palette          colour and opacity along a scale
colour_names     what a person would call a colour
match_colours    six colours that everybody tells apart
themes           light and dark paper

typesetting      words on images
further_fonts    letters of other scripts, from the machine
numerals         numbers for people
canvas           strokes and words on one sheet
ink              smooth lines laid onto an image
resampling       a coarse map made as large as its photo
match_shapes     the smooth shape round the places of a match

overlay          a map over its photo, or a spotlight on it
seen_part        a frame round what the model was given, where that is not the whole photo
contours         lines at fixed fractions of the scale
colorbar         the key beside a map
figure           panels set as a page
page             title, images, small print
files            saving, with the settings inside

comparison       photos beside what several methods say
sheet            all feature maps of a layer
collage          every layer of a model on one poster
receptive_field  where one cell of a code looks
fields           the page on it
energy_curve     how much lies within squares round the middle of a field
eyes             the photo as all cells of a code see it
photo_rows       one photo, and others in rows beside it
photo_plane      many photos at places of a plane

pair             why two photos are alike
links            parts of two photos, joined by lines
sum_bar          a score as a bar made of its parts
cover_bars       what covering really changes
vector_bars      the numbers of a vector, a bar each
ruler            a score beside what is typical

scoreboard       who is ahead, and is the lead real?
curves           how a number falls or rises, step by step
matrix           how alike each is to each
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
