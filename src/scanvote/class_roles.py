"""Roles of classes: the one not to miss, of two, and the one without the finding, of more.

A role is told by usual names only if they are clear. `mild` beside `severe`, `0` beside `1` or
`glioma` beside `pituitary` are not: there a person must say which class may not be missed.
"""

import re
import unicodedata
from collections.abc import Collection, Sequence

from scanvote.core.errors import InputError
from scanvote.core.overrides import shell_option


def _each(words: str) -> frozenset[str]:
    return frozenset(words.split())


# folded as by `_words`: without accents and capitals; English, then German, Spanish, French,
# Italian, Portuguese and Dutch, as people call their folders
_WITHOUT = _each(
    """
    normal normals healthy control controls negative negatives neg no none absent clean unremarkable
    gesund gesunde kontrolle kontrollen negativ nein unauffallig
    sano sana sanos sanas negativo negativa controles saludable
    sain saine sains saines normale normaux temoin temoins negatif non
    sani sane normali controllo controlli
    saudavel saudaveis nao gezond normaal controle nee
    """
)
"""A scan without the finding."""
_FINDING = _each(
    """
    abnormal abnormality positive pos yes finding findings disease diseased pathology pathological
    ill sick lesion lesions cancer carcinoma tumor tumors tumour tumours malignant malignancy mass
    nodule nodules glioma meningioma melanoma metastasis metastases pneumonia covid covid19
    tuberculosis tb fracture fractures hemorrhage haemorrhage bleeding stroke demented dementia
    epilepsy
    krank krebs befund blutung bruch enfermo enferma cancro malade tumeur tumore malato malata
    doente ziek kanker
    """
)
"""What negates these names the class without the finding: `no_tumor`, `nontumor`, `sin_tumor`."""
_NOT = _each("no non not without free kein keine ohne sin sans senza nessun sem geen")
_SURELY_NOT = _NOT - {"non", "not"}
"""Non-small-cell is a finding beside small-cell; no-effusion beside effusion is none."""
_BENIGN = _each("benign benigno benigna benin benigne gutartig goedaardig")
_MALIGNANT = _each(
    """
    malignant malign malignancy cancer carcinoma melanoma maligno maligna malin maligne bosartig
    kwaadaardig cancro krebs kanker
    """
)
_NEUTRAL = _each(
    """
    brain head lung lungs chest breast skin eye liver kidney tissue mri mr ct xray scan scans slice
    slices image images case cases patient patients subject subjects person people group class
    """
)
"""What may stand beside the words above, as in `healthy_lung`, and says nothing."""


def positive_class(labels: Collection[str], wanted: str | None) -> str | None:
    """Return the class not to miss, of two; None for any other number of classes.

    Args:
        labels: the names of the classes.
        wanted: ``evaluate.positive``; None: told by the names, if they are clear.

    Raises:
        InputError: there is no class of that name, or the names of two classes do not tell.
    """
    _check_known("positive", labels, wanted)
    if len(labels) != 2:
        return None
    found = wanted or guess_positive(labels)
    if found is None:
        one, other = sorted(labels)
        raise InputError(
            f"evaluate.positive is null, and the names {one} and {other} do not tell which class"
            f" must not be missed; set it to one of them, as in"
            f" {shell_option('evaluate.positive', other)}"
        )
    return found


def guess_positive(labels: Collection[str]) -> str | None:
    """Return the class not to miss, of two, if their usual names tell; else None."""
    if len(labels) != 2:
        return None
    one, other = labels
    found = [
        positive
        for positive, negative in ((one, other), (other, one))
        if _is_without(negative, positive) or _is_benign(negative, positive)
    ]
    return found[0] if len(found) == 1 else None


def negative_class(labels: Sequence[str], wanted: str | None) -> str | None:
    """Return the class without the finding, of more than two; None if no class has this role.

    Args:
        labels: the names of the classes.
        wanted: ``evaluate.negative``; None: told by the names, if they are clear.

    Raises:
        InputError: there is no class of that name.
    """
    _check_known("negative", labels, wanted)
    if len(labels) <= 2:
        return None
    usual = [label for label in labels if _is_without(label)]
    return wanted or (usual[0] if len(usual) == 1 else None)


def _check_known(role: str, labels: Collection[str], wanted: str | None) -> None:
    if wanted is not None and wanted not in labels:
        raise InputError(f"evaluate.{role}: {wanted!r} is none of {', '.join(sorted(labels))}")


def _is_without(label: str, other: str = "") -> bool:
    """Tell if a label says that there is no finding.

    Args:
        other: the other of two classes: `x_negative` beside `x_positive`, `no_x` beside `x`.
    """
    words, beside = _words(label), _words(other)
    telling = [word for word in words if word not in _NEUTRAL]
    if telling and all(word in _WITHOUT for word in telling):
        return True
    if _negates(words, _NOT) and all(word in _FINDING for word in _rest(telling, _NOT)):
        return True
    if len(words) == 1 and any(
        words[0] == f"{no}{finding}" for no in ("no", "non") for finding in _FINDING
    ):
        return True
    negated = _negates(words, _SURELY_NOT) and _rest(words, _SURELY_NOT) == beside
    negative, positive = {"negative", "neg"}, {"positive", "pos"}
    opposed = bool(negative & set(words)) and _rest(words, negative) == _rest(beside, positive)
    return bool(beside) and (negated or opposed)


def _is_benign(label: str, other: str) -> bool:
    return bool(_BENIGN & set(_words(label))) and bool(_MALIGNANT & set(_words(other)))


def _negates(words: Sequence[str], negations: Collection[str]) -> bool:
    """Tell if the first word is a negation, or the last is `free`, of other words."""
    return len(words) > 1 and (words[0] in negations or words[-1] == "free")


def _rest(words: Sequence[str], left_out: Collection[str]) -> list[str]:
    return [word for word in words if word not in left_out]


def _words(label: str) -> list[str]:
    """Split a class's name: `01-NoTumor` has the words no and tumor."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", label)
    plain = "".join(
        letter
        for letter in unicodedata.normalize("NFKD", parted.casefold())
        if not unicodedata.combining(letter)
    )
    words = [word for word in re.split(r"[\W_]+", plain) if word]
    # a number before a name orders folders; a number alone is the name
    return words[1:] if len(words) > 1 and words[0].isdigit() else words
