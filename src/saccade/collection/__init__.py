"""Many photos: batch runs that can be stopped and continued, and a collection's codes, searched and laid out as a map.

    batch_run        going through the photos: `BatchRun`
    request          what is asked about every photo
    style            how pages look
    page             what stands on a page, and how it is drawn
    page_files       where a page lies, whether it is there already, and writing it
    unfinished_page  a page that shows what a long question has found so far
    answering        putting requests to the encoder; what fails is recorded
    record           what is known about every page, typed and as plain values
    contact_sheet    all photos small on one sheet
    thumbnails       results drawn small
    names            a file name for every photo
    output_folder    the folder that everything goes to
    kept_work        what is kept of a run that is stopped now, in words

    catalogue        the codes of a collection, with the photos small: `Catalogue`
    catalogue_facts  what is known beside the codes
    catalogue_file   the kinds of file that hold one, and which one a name means
    npz_file         one file, which numpy alone opens
    lance_file       a table of Lance, which other tools of vectors open
    indexing         encoding a collection once, continued where it was stopped
    encoded_parts    codes on the way to a catalogue, which outlive a stop
    lock_file        a file that one process at a time locks
    code_space       codes made ready for comparisons, and the nearest of each
    searching        search(encoder, catalogue, photo) -> Neighbours
    patches          the best place of every photo for a part of one
    outliers         copies of each other, and photos that are like no other
    photo_map        every photo at a place: neighbours, components, grid
    photo_group      what some photos share, and which others would fit
    thumbnail        a photo small

Nothing here prints or knows of a terminal.
"""

from saccade.collection.batch_run import BatchRun
from saccade.collection.catalogue import Catalogue
from saccade.collection.code_space import CodeSpace
from saccade.collection.indexing import catalogue_of, write_index
from saccade.collection.outliers import duplicates, odd_ones_out
from saccade.collection.photo_map import LAYOUTS, PhotoMap, photo_maps, sample
from saccade.collection.record import (
    BatchProgress,
    FailedPhoto,
    MapRecord,
    PageRecord,
    RefusedRequest,
    SheetRecord,
)
from saccade.collection.request import Request
from saccade.collection.searching import search
from saccade.collection.style import PageStyle

__all__ = [
    "BatchProgress",
    "BatchRun",
    "Catalogue",
    "CodeSpace",
    "FailedPhoto",
    "LAYOUTS",
    "MapRecord",
    "PageRecord",
    "PageStyle",
    "PhotoMap",
    "RefusedRequest",
    "Request",
    "SheetRecord",
    "catalogue_of",
    "duplicates",
    "odd_ones_out",
    "photo_maps",
    "sample",
    "search",
    "write_index",
]
