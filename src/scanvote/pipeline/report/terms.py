"""Display names of models, classes, data sets and metrics."""

from collections.abc import Iterable

_FAMILIES = {
    "ann": "ANN",
    "cnn": "CNN",
    "transfer": "Transfer",
    "published": "Published",
    "unet": "U-Net",
    "baseline": "Baseline",
    "empty": "Empty masks",
}
_RULES = {
    "majority": "majority vote",
    "soft": "soft vote",
    "weighted": "weighted vote",
    "stacking": "stacking",
}
_METRICS = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro F1",
    "positive_classes_accuracy": "accuracy, classes with the finding",
    "positive_classes_balanced_accuracy": "balanced accuracy, classes with the finding",
    "positive_classes_macro_f1": "macro F1, classes with the finding",
    "mcc": "Matthews correlation",
    "auroc": "AUROC",
    "average_precision": "average precision",
    "brier": "Brier score",
    "ece": "expected calibration error",
    "cross_entropy": "cross entropy",
    "dice": "Dice",
    "iou": "IoU",
    "hd95": "95 % Hausdorff distance",
    "mcnemar_p": "McNemar p",
    "delong_p": "DeLong p",
    "wilcoxon_p": "Wilcoxon p",
    "p_holm": "p after Holm",
    "dice_patient_mean": "Dice of a patient, mean",
    "dice_patient_median": "Dice of a patient, median",
    "baseline_dice_patient_mean": "baseline, mean",
    "baseline_dice": "baseline's Dice",
    "votes": "votes",
}
_WORDS = {"p": "p", "auroc": "AUROC", "f1": "F1", "onnx": "ONNX", "unet": "U-Net", "dice": "Dice"}
_TESTS = {"mcnemar": "McNemar, exact", "delong": "DeLong", "wilcoxon": "Wilcoxon"}


def words(name: str) -> str:
    """Return a name with spaces for underscores: ``no tumor``."""
    return " ".join(str(name).replace("_", " ").split())


def family(name: str) -> str:
    return _FAMILIES.get(name, words(name))


def rule(name: str) -> str:
    return _RULES.get(name, words(name))


def model(name: str) -> str:
    """Return the one name of a model, in tables, texts and figures.

    A network has the name that it has in the files, in MLflow and in `scanvote trials`, such as
    ``cnn/filters64-units0``; ``vote/soft`` becomes ``soft vote``.
    """
    head, _, rest = str(name).partition("/")
    if head == "vote":
        return rule(rest) if rest else "vote"
    return str(name) if rest else family(head)


def test(name: str) -> str:
    return _TESTS.get(name, words(name))


def metric(name: str) -> str:
    """Return the name of a metric or column: ``macro_f1`` becomes ``macro F1``."""
    if name in _METRICS:
        return _METRICS[name]
    return " ".join(_WORDS.get(word, word) for word in words(name).split())


def listed(names: Iterable[str]) -> str:
    """Join names to a list: ``glioma, meningioma and no tumor``."""
    all_words = [words(name) for name in names]
    if len(all_words) < 2:
        return "".join(all_words)
    return f"{', '.join(all_words[:-1])} and {all_words[-1]}"
