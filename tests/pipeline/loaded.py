"""Loads what trainings import, and computes nothing, so that the process can be forked."""

from scanvote.backend import use_backend

use_backend("tensorflow")

import scanvote.search  # noqa: E402
import scanvote.tracking  # noqa: E402
import scanvote.unet  # noqa: E402, F401
