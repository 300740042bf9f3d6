"""The recipes of the repository, and what is made of one."""

import shlex
import subprocess
from pathlib import Path

import pytest
from dvc.utils.hydra import apply_overrides
from hydra.core.override_parser.overrides_parser import OverridesParser
from ruamel.yaml import YAML

from scanvote.commands.recipes import (
    changes,
    command,
    describe_command,
    folds,
    read_recipe,
    recipe_names,
    sites,
)
from scanvote.core.errors import InputError
from scanvote.core.overrides import override_value
from scanvote.params import load_values, validate

ROOT = Path(__file__).parents[3]
PUBLISHED = {
    "resnet50_yes_no",
    "cnn_lime_yes_no",
    "ann_grid_4class",
    "ann_grid_4class_augmented",
    "cnn_grid_4class",
    "cnn_grid_4class_augmented",
    "transfer_grid_4class",
    "transfer_grid_4class_augmented",
    "pneumonia_cnn1",
    "pneumonia_cnn2",
    "pneumonia_cnn3",
    "pneumonia_densenet121",
    "pneumonia_resnet152_transfer",
    "pneumonia_densenet_transfer",
    "unet_lgg_bce",
    "unet_lgg_bce_slices",
    "unet_lgg_dice",
    "unet_lgg_dice_slices",
}
OURS = {
    "first_look",
    "best_4class",
    "best_pneumonia",
    "best_yes_no",
    "families_4class",
    "frozen_4class",
    "best_lgg",
    "best_lgg_slices",
}


@pytest.fixture(autouse=True)
def _here(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.fixture
def kitchen(tmp_path, monkeypatch):
    """A repository with one recipe; call it with the text of the recipe."""
    (tmp_path / "recipes").mkdir()
    for path in ("params.yaml", "recipes/quick.yaml"):
        (tmp_path / path).write_bytes((ROOT / path).read_bytes())
    monkeypatch.chdir(tmp_path)

    def written(params, **more):
        told = {"about": "a test", "source": "here", "published": "none"}
        recipe = told | {"params": params} | more
        YAML().dump(recipe, tmp_path / "recipes" / "mine.yaml")

    return written


def test_every_classifier_that_was_published_has_a_recipe():
    assert set(recipe_names()) >= PUBLISHED | OURS


# that `quick` fits every recipe is checked below, without DVC
@pytest.mark.parametrize(
    ("name", "quick"),
    [
        *((name, False) for name in sorted(PUBLISHED | OURS)),
        *((name, True) for name in ("first_look", "best_lgg", "cnn_lime_yes_no")),
    ],
)
def test_dvc_takes_the_settings_of_a_recipe_and_sets_just_them(name, quick, tmp_path):
    recipe = read_recipe(name)
    words = command(name, recipe, quick)
    settings = [words[at + 1] for at, word in enumerate(words) if word == "-S"]
    copy = tmp_path / "params.yaml"
    copy.write_bytes(Path("params.yaml").read_bytes())
    apply_overrides(copy, settings)
    values = load_values(copy)
    params = validate(values, name)
    assert params.smoke is quick
    assert len(settings) == len(changes(recipe, quick))
    for section, wanted in recipe.params.items():
        if not quick and isinstance(wanted, dict):
            found = getattr(params, section).model_dump()
            flat = {k: v for k, v in wanted.items() if not isinstance(v, dict)}
            for key in flat.keys() - {"dataset"}:
                # a single value stands for a list of one
                assert found[key] in (flat[key], [flat[key]]), key


def test_what_a_person_adds_is_laid_over_the_recipe(tmp_path):
    extra = ["-S", "search.epochs=60", "-S", "classification.dataset=/data/study"]
    words = command("first_look", read_recipe("first_look"), False, extra)
    copy = tmp_path / "params.yaml"
    copy.write_bytes(Path("params.yaml").read_bytes())
    apply_overrides(copy, [words[at + 1] for at, word in enumerate(words) if word == "-S"])
    params = validate(load_values(copy), "first_look")
    assert (params.search.epochs, params.classification.dataset) == (60, ["/data/study"])


@pytest.mark.parametrize("name", sorted(PUBLISHED | OURS))
def test_a_recipe_names_its_source_and_the_published_figure(name):
    recipe = read_recipe(name)
    assert recipe.source
    assert (recipe.published != "none") == (name in PUBLISHED)
    assert all(change.value != change.now for change in changes(recipe, quick=False))


@pytest.mark.parametrize("name", sorted(PUBLISHED | OURS))
def test_enough_models_are_trained_for_the_vote(name):
    recipe = read_recipe(name)
    for quick in (False, True):
        settings = {change.key: change.value for change in changes(recipe, quick)}
        families = settings.get("search.families", ["ann", "cnn", "transfer"])
        trials = settings.get("search.max_trials", 3)
        assert len(families) * min(trials, 3) >= settings.get("ensemble.top", 3)


def test_the_command_is_named_and_passes_options_on(kitchen):
    kitchen({"lr": 0.01})
    recipe = read_recipe("mine")
    words = [
        "dvc",
        "exp",
        "run",
        "-n",
        "mine",
        "-S",
        "lr=0.01",
        "--queue",
    ]
    assert command("mine", recipe, False, ["--queue"]) == words
    assert command("mine", recipe, True)[4] == "mine-quick"
    assert shlex.split(describe_command(words).replace("\\\n", "")) == words


@pytest.mark.parametrize(
    ("part", "name", "settings"),
    [
        (folds(3)[2], "mine-fold2", ["split.folds=3", "split.fold=2"]),
        (sites(["A", "New York"])[1], "mine-site-New_York",
         ["split.protocol=site", 'split.site="New York"']),
    ],
)  # fmt: skip
def test_a_part_of_a_cross_validation_is_an_experiment_of_its_own(kitchen, part, name, settings):
    kitchen({"lr": 0.01})
    words = command("mine", read_recipe("mine"), False, ["--queue"], part)
    options = [word for setting in ["lr=0.01", *settings] for word in ("-S", setting)]
    assert words == ["dvc", "exp", "run", "-n", name, *options, "--queue"]


def test_what_is_as_in_params_yaml_is_not_set(kitchen):
    kitchen({"lr": 0.001, "search": {"epochs": 8, "patience": 5}})
    assert [change.key for change in changes(read_recipe("mine"), False)] == ["search.patience"]


def test_labels_are_replaced_as_a_whole(kitchen):
    kitchen({"classification": {"labels": {"yes": "tumor", "other": None}}})
    (change,) = changes(read_recipe("mine"), False)
    assert (change.key, override_value(change.value)) == (
        "classification.labels",
        "{yes: tumor, other: null}",
    )


LEFT = "labels: {glioma: tumor, meningioma: tumor}"


@pytest.mark.parametrize("committed", ["labels: {}", LEFT, "labels: {yes: x}"])
@pytest.mark.parametrize("labels", [None, {}, {"yes": "tumor", "a b": None}])
def test_labels_that_an_experiment_left_are_replaced_not_joined(
    committed, labels, kitchen, tmp_path
):
    kitchen({"lr": 0.5, **({} if labels is None else {"classification": {"labels": labels}})})
    path = tmp_path / "params.yaml"
    empty = path.read_text()
    path.write_text(empty.replace("labels: {}", committed))
    _commit(tmp_path)
    path.write_text(empty.replace("labels: {}", LEFT))
    words = command("mine", read_recipe("mine"), False)
    copied = shlex.split(describe_command(words).replace("\\\n", ""))
    assert copied == words
    apply_overrides(path, [copied[at + 1] for at, word in enumerate(copied) if word == "-S"])
    of_head = YAML(typ="safe").load(committed)["labels"]
    found = load_values(path)["classification"]["labels"]
    assert found == (of_head if labels is None else labels)


def test_labels_replace_those_of_the_recipe_that_it_is_like(kitchen):
    kitchen({"classification": {"labels": {"a": "b"}}})
    other = {"like": "mine", "about": "x", "params": {"classification": {"labels": {"c": None}}}}
    YAML().dump(other, Path("recipes/other.yaml"))
    assert read_recipe("other").params == {"classification": {"labels": {"c": None}}}


def test_a_class_that_dvc_cannot_set_is_refused_when_the_recipe_is_read(kitchen):
    kitchen({"classification": {"labels": {"tumeur à droite": "x"}}})
    assert _refusal().startswith("classification.labels: 'tumeur à droite' cannot be set by -S")


def test_a_command_is_copied_whole_whatever_a_value_holds(kitchen):
    kitchen({"classification": {"dataset": ["a -S b", "it's"]}})
    words = command("mine", read_recipe("mine"), False)
    assert shlex.split(describe_command(words).replace("\\\n", "")) == words


def test_institutions_that_differ_in_signs_alone_are_two_experiments():
    names = [part.name for part in sites(["A-1", "A 1", "B"])]
    assert len(set(names)) == 3
    assert names[2] == "site-B"


@pytest.mark.parametrize(
    "value",
    [1, 0.0001, 1e-9, True, None, "word", "a b", "null", "true", "x/y (1).keras", "../w/x.keras",
     [1, 2], ["a b", None], ["../x.keras"], {"a": "b", "c": None}, [], {}, "it's", 'say "so"'],
)  # fmt: skip
def test_values_are_read_back_by_the_parser_that_dvc_uses(value):
    read = OverridesParser.create().parse_override(f"key={override_value(value)}").value()
    assert read == value
    assert type(read) is type(value)


def _commit(folder):
    author = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    for words in (["init", "-q"], ["add", "-A"], [*author, "commit", "-qm", "first"]):
        subprocess.run(["git", *words], cwd=folder, check=True)


def _refusal(name="mine"):
    with pytest.raises(InputError) as refused:
        read_recipe(name)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_an_unknown_recipe_is_refused_with_the_nearest_known():
    assert _refusal("best_4clas") == "there is no recipe 'best_4clas'; did you mean 'best_4class'?"


def test_quick_alone_is_no_recipe():
    assert _refusal("quick").startswith("there is no recipe 'quick'")


def test_a_wrong_key_is_named(kitchen):
    kitchen({"search": {"epoch": 3}})
    assert "search.epoch is no known key; did you mean 'epochs'?" in _refusal()


def test_a_wrong_value_is_named(kitchen):
    kitchen({"search": {"epochs": "many"}})
    assert "search.epochs: should be a valid integer" in _refusal()


def test_a_wrong_word_of_the_recipe_is_named(kitchen):
    kitchen({}, author="me")
    assert _refusal().startswith("recipes/mine.yaml: author: ")


def test_a_recipe_takes_what_it_does_not_say_from_the_one_that_it_is_like(kitchen):
    kitchen({"unet": {"epochs": 7, "dropout": 0.4}}, differs="much")
    other = {"like": "mine", "about": "another", "params": {"unet": {"epochs": 8}}}
    YAML().dump(other, Path("recipes/other.yaml"))
    recipe = read_recipe("other")
    assert (recipe.about, recipe.source, recipe.differs) == ("another", "here", "much")
    assert recipe.params == {"unet": {"epochs": 8, "dropout": 0.4}}


@pytest.mark.parametrize("like", ["nobody", "mine", "quick"])
def test_a_recipe_like_none_that_there_is_or_like_itself_is_refused(kitchen, like):
    kitchen({}, like=like)
    assert _refusal().startswith(f"recipes/mine.yaml: like: there is no recipe '{like}'")


def test_a_recipe_that_is_not_yaml_is_named(kitchen):
    kitchen({})
    Path("recipes/mine.yaml").write_text("about: [", "utf-8")
    assert _refusal().startswith("recipes/mine.yaml is not YAML")


def test_what_the_experiment_before_left_in_the_folder_is_set_back(kitchen, tmp_path):
    kitchen({"unet": {"epochs": 7}})
    _commit(tmp_path)
    params = tmp_path / "params.yaml"
    left = params.read_text().replace("context: 0 ", "context: 3 ")
    params.write_text(left.replace("  workers: ", "  workers: 2 "))  # of this machine: it stays
    found = {one.key: (one.now, one.value) for one in changes(read_recipe("mine"), quick=False)}
    assert found == {"unet.epochs": (14, 7), "unet.context": (3, 0)}
