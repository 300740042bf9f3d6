"""params.yaml as typed, validated objects, one class per section.

No key may be called `size` or `nfiles`: DVC ignores keys of these names when it looks
up a stage in its run cache, and would restore stale outputs.

The file is read as YAML 1.2, where `1e-4` is a number (PyYAML, YAML 1.1, reads
a string). A wrong key, type or value is reported in one line that names the key.
"""

from scanvote.params.compute import ComputeParams, decides_results, overridden
from scanvote.params.data import (
    AugmentParams,
    DeduplicateParams,
    FoldersParams,
    InflationParams,
    PhantomParams,
    PhantomTask,
    PrepareTask,
    SplitParams,
    VolumesParams,
)
from scanvote.params.families import (
    AnnParams,
    CnnParams,
    Family,
    Network,
    PublishedParams,
    SearchParams,
    TransferParams,
    UnetParams,
)
from scanvote.params.reading import load_params, load_values, parse_values, validate, with_changes
from scanvote.params.section import Section, Task
from scanvote.params.training import (
    BaselineParams,
    PlateauParams,
    PostprocessParams,
    TrainingParams,
    TuningParams,
)
from scanvote.params.whole import Params

__all__ = [
    "AnnParams",
    "AugmentParams",
    "BaselineParams",
    "CnnParams",
    "ComputeParams",
    "DeduplicateParams",
    "Family",
    "FoldersParams",
    "InflationParams",
    "Network",
    "Params",
    "PhantomParams",
    "PhantomTask",
    "PlateauParams",
    "PostprocessParams",
    "PrepareTask",
    "PublishedParams",
    "SearchParams",
    "Section",
    "SplitParams",
    "Task",
    "TrainingParams",
    "TransferParams",
    "TuningParams",
    "UnetParams",
    "VolumesParams",
    "decides_results",
    "load_params",
    "load_values",
    "overridden",
    "parse_values",
    "validate",
    "with_changes",
]
