"""The page of each family; apart, as a trained network needs no Keras Tuner."""

from types import ModuleType

from scanvote.models import ann, cnn, published, transfer

FAMILIES: dict[str, ModuleType] = {
    "ann": ann,
    "cnn": cnn,
    "transfer": transfer,
    "published": published,
}
