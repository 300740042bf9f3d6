"""Errors of image files."""

from scanvote.core.errors import InputError


class DecodeError(InputError):
    """A file that holds no whole image."""


class UnsupportedImage(DecodeError):
    """A valid image of a form that is not decoded."""


class ImageTooLarge(DecodeError):
    """An image of more pixels than can be decoded."""
