"""The networks, one page a family.

A family is a pure function ``build(hp, shape, classes, params) -> keras.Model``:
it takes uint8-range inputs (0…255) of `shape`, scales them itself, and is not
compiled. Its search space is what it asks `hp` for.
"""

from types import ModuleType

from scanvote.models import ann, cnn, transfer

FAMILIES: dict[str, ModuleType] = {"ann": ann, "cnn": cnn, "transfer": transfer}
