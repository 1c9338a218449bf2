"""What is this file? Told by its first bytes, for names lie."""

from __future__ import annotations

LENGTH = 512
"""How many bytes of a file are enough to tell."""

KINDS = "JPEG, PNG, WebP, TIFF, BMP, GIF, AVIF or .npy"
"""What can be read, in words."""

# Where a signature stands, and the format that has it; named as Pillow names them.
_READ = (
    (0, b"\xff\xd8\xff", "JPEG"),
    (0, b"\x89PNG\r\n\x1a\n", "PNG"),
    (0, b"II*\0", "TIFF"),
    (0, b"MM\0*", "TIFF"),
    (0, b"II+\0", "TIFF"),
    (0, b"MM\0+", "TIFF"),
    (0, b"BM", "BMP"),
    (0, b"GIF87a", "GIF"),
    (0, b"GIF89a", "GIF"),
    (4, b"ftypavif", "AVIF"),
    (4, b"ftypavis", "AVIF"),
    (0, b"\x93NUMPY", "NPY"),
)

# What people take for a photo that is read here, and what to do about it.
_AS_JPEG = "save it as JPEG or PNG"
_HEIC = f"{_AS_JPEG}, or let it be read: pip install 'saccade[heic]'"
_AS_FRAME = "save one of its frames as JPEG or PNG"
_OTHERS = (
    *((4, b"ftyp" + brand, "a HEIC photo", _HEIC) for brand in (b"heic", b"heix", b"hevc", b"mif1", b"msf1")),
    (0, b"\xff\x0a", "a JPEG XL photo", _AS_JPEG),
    (4, b"JXL ", "a JPEG XL photo", _AS_JPEG),
    (4, b"jP  ", "a JPEG 2000 photo", _AS_JPEG),
    (4, b"ftypcrx", "a camera's raw photo", _AS_JPEG),
    (8, b"CR\x02", "a camera's raw photo", _AS_JPEG),
    (0, b"FUJIFILMCCD-RAW", "a camera's raw photo", _AS_JPEG),
    *((4, b"ftyp" + brand, "a video", _AS_FRAME) for brand in (b"iso", b"mp4", b"qt", b"M4V", b"avc1", b"3gp")),
    (8, b"AVI ", "a video", _AS_FRAME),
    (0, b"\x1aE\xdf\xa3", "a video", _AS_FRAME),
    (0, b"8BPS", "a Photoshop file", _AS_JPEG),
    (0, b"%PDF", "a PDF document", "save its page as JPEG or PNG"),
    (0, b"%!PS", "a PostScript drawing", _AS_JPEG),
    (0, b"<svg", "an SVG drawing", "save it as PNG"),
    (0, b"<?xml", "an XML text", f"give {KINDS}"),
    (0, b"<!DOCTYPE", "a web page", "download the photo itself"),
    (0, b"<!doctype", "a web page", "download the photo itself"),
    (0, b"<html", "a web page", "download the photo itself"),
    (0, b"version https://git-lfs", "a Git LFS pointer, not the file it stands for", "fetch that with git lfs pull"),
    (0, b"PK\x03\x04", "a zip archive", "extract the photos in it"),
    (0, b"\x1f\x8b", "a gzip archive", "extract the photos in it"),
    (0, b"\x89HDF", "an HDF5 file", "give the array in it"),
    (0, b"\x76\x2f\x31\x01", "an OpenEXR image", "save it as TIFF or .npy"),
    (0, b"SIMPLE  =", "a FITS file", "give the array in it"),
)


def format_of(head: bytes) -> str | None:
    """Which of the formats that are read begins like this? `"JPEG"`, `"NPY"`, ...; None for anything else."""
    if head.startswith(b"RIFF"):
        return "WEBP" if head.startswith(b"WEBP", 8) else None
    return next((kind for at, sign, kind in _READ if head.startswith(sign, at)), None)


def unread_format(head: bytes) -> tuple[str, str] | None:
    """What begins like this, and what to do with it, if it is something well known that is not read here."""
    head = head.removeprefix(b"\xef\xbb\xbf")
    return next(((what, do) for at, sign, what, do in _OTHERS if head.startswith(sign, at)), None)
