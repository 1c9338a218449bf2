"""Many photos: batch runs that can be stopped and continued, for the command line, a web app or any other program.

    batch_run      going through the photos: `BatchRun`
    request        what is asked about every photo
    style          how pages look
    page           what stands on a page, and how it is drawn
    page_files     where a page lies, whether it is there already, and writing it
    answering      putting requests to the encoder; what fails is recorded
    record         what is known about every page, typed and as plain values
    contact_sheet  all photos small on one sheet
    thumbnails     results drawn small
    names          a file name for every photo
    output_folder  the folder that everything goes to

Nothing here prints or knows of a terminal.
"""

from saccade.collection.batch_run import BatchRun
from saccade.collection.record import (
    BatchProgress,
    FailedPhoto,
    MapRecord,
    PageRecord,
    RefusedRequest,
    SheetRecord,
)
from saccade.collection.request import Request
from saccade.collection.style import PageStyle

__all__ = [
    "BatchProgress",
    "BatchRun",
    "FailedPhoto",
    "MapRecord",
    "PageRecord",
    "PageStyle",
    "RefusedRequest",
    "Request",
    "SheetRecord",
]
