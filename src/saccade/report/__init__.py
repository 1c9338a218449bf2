"""Results as one HTML file that a friend opens offline: everything in it can be touched.

writing           write_report: the only place where the page is made
contents          asking everything that it shows
progress          how far the work is
page_file         views and data as one HTML file
array_spec        numbers and images as the text that a page carries
packed_arrays     the same numbers in less room
recipe            how a report was made, to make it again

photo_data        the photos: themselves, their codes, their redrawings
map_data          every map: its numbers, its scale, its words
layer_data        what every layer makes of a photo
cell_data         the cells that a finger can touch
eye_data          what every cell of the code sees
pair_data         why every two photos are alike, and the questions of the game
trust_data        may this map be believed?
beside_data       another network, on the same photos
map_overlap       two maps of one photo, compared
beside_words      what differs between two networks, in sentences
about_photos      what people know of the photos beforehand
subjects          the subjects of photos: does a map lie on them?
training_facts    what the model learned from
in_page_network   the model as data that a page can compute by itself

collection_data   the map of a whole collection
reference_photos  what other photos share, taken off before those of the page are compared
photo_atlas       many small photos in a few large images
atlas             the map of a collection alone

notebook          the report inside a notebook
widget            the same with a kernel that answers
"""

from saccade.report.atlas import write_atlas
from saccade.report.notebook import ReportView, report_view
from saccade.report.widget import report_widget
from saccade.report.writing import write_report

__all__ = ["ReportView", "report_view", "report_widget", "write_atlas", "write_report"]
