"""What is explained, as data: one number for each image, computed from its code or from the redrawn image.

A target never picks "class k" out of an axis by accident: it names what it reads. Targets add and scale
(`code() - 0.5 * like("b.jpg")`), and have a text form for the command line (`parse`).

target            a kind with its arguments, the measures of its number, and sums of targets: `Target`
positions         the code itself: all of it, one channel, one cell, a rectangle of cells
likeness          other images: like one, unlike one, more like one than another
centring          the code less what most images share
directions        a direction of the code's space
components        a principal component of the codes of a collection
reconstruction    the image as the model redraws it
functions         a function of the code in the model's framework

measure           how a layer's values become one number for each image
paths             how an input moves while it is explained
noise             the same normal noise on every device
given_images      other images that a target refers to
collection_facts  what a target knows of a whole collection
spread            principal components from a stream of vectors

text              targets as text
form              how a kind is written, and how its values are read
spans             `2:5` is 2, 3 and 4
quoting           names of files inside a text
quantity          what a number counts, for units
weighted_words    sums in words
"""

from saccade.targets.centring import centred as centred
from saccade.targets.components import component as component
from saccade.targets.directions import direction as direction
from saccade.targets.functions import of as of
from saccade.targets.likeness import like as like
from saccade.targets.likeness import toward as toward
from saccade.targets.likeness import unlike as unlike
from saccade.targets.measure import COSINE as COSINE
from saccade.targets.measure import HALF_ENERGY as HALF_ENERGY
from saccade.targets.measure import INNER_PRODUCT as INNER_PRODUCT
from saccade.targets.measure import MEAN_SQUARED_ERROR as MEAN_SQUARED_ERROR
from saccade.targets.measure import MINUS_COSINE as MINUS_COSINE
from saccade.targets.measure import SHARE_CHANGED as SHARE_CHANGED
from saccade.targets.measure import WEIGHTED_SQUARED_ERROR as WEIGHTED_SQUARED_ERROR
from saccade.targets.measure import Measure as Measure
from saccade.targets.measure import weighted_sum as weighted_sum
from saccade.targets.positions import cell as cell
from saccade.targets.positions import channel as channel
from saccade.targets.positions import code as code
from saccade.targets.positions import region as region
from saccade.targets.quantity import Quantity as Quantity
from saccade.targets.reconstruction import reconstruction_error as reconstruction_error
from saccade.targets.target import Codes as Codes
from saccade.targets.target import CodeSource as CodeSource
from saccade.targets.target import Target as Target
from saccade.targets.text import FORMS as FORMS
from saccade.targets.text import parse as parse
