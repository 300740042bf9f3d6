"""params.yaml as typed, validated objects, one class a section.

No key may be called `size` or `nfiles`: DVC leaves out keys of these names when it
asks its run cache whether a stage ran before, and would bring back stale outputs.

The file is read as YAML 1.2, where `1e-4` is a number (PyYAML, YAML 1.1, reads
a string). A wrong key, type or value is one line that names the key.
"""

from scanvote.params.data import (
    AugmentParams,
    DeduplicateParams,
    InflationParams,
    PhantomParams,
    PhantomTask,
    PrepareTask,
    SplitParams,
    VolumesParams,
)
from scanvote.params.models import (
    AnnParams,
    CnnParams,
    Family,
    Network,
    PlateauParams,
    PublishedParams,
    SearchParams,
    TrainingParams,
    TransferParams,
)
from scanvote.params.reading import load_params, load_values, validate
from scanvote.params.section import Section
from scanvote.params.whole import Params

__all__ = [
    "AnnParams",
    "AugmentParams",
    "CnnParams",
    "DeduplicateParams",
    "Family",
    "InflationParams",
    "Network",
    "Params",
    "PhantomParams",
    "PhantomTask",
    "PlateauParams",
    "PrepareTask",
    "PublishedParams",
    "SearchParams",
    "Section",
    "SplitParams",
    "TrainingParams",
    "TransferParams",
    "VolumesParams",
    "load_params",
    "load_values",
    "validate",
]
