"""Which experiments are one cross-validation, and what is said of those that are none."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from scanvote.commands import pool_parts
from scanvote.commands.pool_parts import CrossValidation, Kind, find_parts
from scanvote.core.errors import InputError
from scanvote.tracking.experiments import Experiment, origins

HEAD, OLD, OLDER = "1" * 40, "2" * 40, "3" * 40
UNET = "models/unet/predictions.csv"


def lock(**md5: str) -> dict[str, Any]:
    """dvc.lock of a pipeline; `md5` is of raw, prepared and code."""
    of = {"raw": "r", "prepared": "p", "code": "c"} | md5

    def stage(deps: Mapping[str, str], out: str, params: Any = None) -> dict[str, Any]:
        given = [{"path": path, "md5": one} for path, one in deps.items()]
        return {"deps": given, "outs": [{"path": out}], "params": params or {}}

    return {
        "stages": {  # in no order, as DVC writes them
            "unet": stage({"data/prepared": of["prepared"], "src/unet": of["code"]}, "models/unet"),
            "report": stage({"models/unet": "u"}, "report.html"),
            "prepare": stage(
                {"data/raw": of["raw"]},
                "data/prepared",
                {"params.yaml": {"split": {"fold": 0, "site": None}}},
            ),
            "download": stage({}, "data/raw"),
        }
    }


@dataclass(frozen=True)
class Given(Experiment):
    """An experiment with these settings."""

    settings: dict[str, object] = field(default_factory=dict, hash=False)
    locked: dict[str, Any] = field(default_factory=lock, hash=False)
    manifest: bytes = b""

    def written_params(self) -> dict[str, object]:
        return {"split.folds": 3, "split.protocol": "grouped", "lr": 0.1} | self.settings

    def lock(self) -> dict[str, Any]:
        return self.locked

    def read(self, path: str) -> bytes:
        if not self.manifest:
            raise InputError(f"{path} is not in DVC's cache")
        return self.manifest


def fold(number: Any, baseline: str = HEAD, name: str = "", **more: Any) -> Given:
    settings = {"split.fold": number} | more.pop("settings", {})
    return Given(name or f"net-fold{number}", "abc", baseline, settings, **more)


def site(name: str, site: str, **more: Any) -> Given:
    settings = {"split.protocol": "site", "split.site": site} | more.pop("settings", {})
    return Given(name, "abc", HEAD, settings, **more)


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(pool_parts, "git", lambda *_: HEAD)

    def run(
        *given: Given, name: str = "net", kind: Kind = "folds", incomplete: bool = False
    ) -> CrossValidation:
        monkeypatch.setattr(pool_parts, "experiments", lambda: list(given))
        return find_parts(name, kind, [UNET], incomplete)

    return run


def whole(baseline: str = HEAD) -> list[Given]:
    return [fold(number, baseline) for number in range(3)]


def test_folds_are_in_their_order_whatever_else_is_there(found: Any) -> None:
    parts = found(fold(10, name="net-extra-fold0"), *reversed(whole()), fold(0, name="net")).parts
    assert [one.name for one in parts] == ["net-fold0", "net-fold1", "net-fold2"]


def test_the_commit_that_is_checked_out_comes_before_others(found: Any) -> None:
    old = [fold(number, OLD, settings={"lr": 9}) for number in range(3)]
    assert {one.baseline for one in found(*old, *whole()).parts} == {HEAD}
    assert {one.baseline for one in found(*old, *whole(), name="net@222").parts} == {OLD}
    assert {one.baseline for one in found(*old).parts} == {OLD}, "the only commit that has some"


def test_a_part_is_never_taken_from_another_commit(found: Any) -> None:
    with pytest.raises(InputError) as refused:
        found(*whole(OLD), fold(0))
    assert str(refused.value) == (
        "net: no experiment tests folds 1, 2 of 3 (those of 2222222 are of another commit); run"
        " `scanvote recipe run net --folds 3`, or add --incomplete"
    )
    assert found(*whole(OLD), fold(0), incomplete=True).missing == ["1", "2"]


def test_several_other_commits_are_named_to_choose_one(found: Any) -> None:
    with pytest.raises(InputError, match="commits 2222222, 3333333; name one, as in net@2222222"):
        found(*whole(OLD), *whole(OLDER))


@pytest.mark.parametrize(
    ("second", "fault"),
    [
        (fold(1, settings={"lr": 0.2}), "net-fold0 and net-fold1 differ in lr (0.1, 0.2), so"),
        (fold(1, settings={"seed": 7}), "differ in seed (not set, 7)"),
        (fold(1, settings={"split.folds": 5}), "differ in split.folds (3, 5)"),
        (fold(1, locked=lock(raw="x")), "differ in data/raw (md5 r…, x…)"),
        (fold(1, locked=lock(code="x")), "differ in src/unet (md5 c…, x…)"),
        (fold(0, name="net-fold1"), "net-fold0 and net-fold1 both test fold 0"),
        (fold(3, name="net-fold1"), "net-fold1 tests fold 3 of 3, which there is not"),
        (fold(None, name="net-fold1"), "net-fold1 tests fold None of 3, which there is not"),
    ],
)
def test_what_is_no_part_of_it_is_one_line(second: Given, fault: str, found: Any) -> None:
    with pytest.raises(InputError, match=re.escape(fault)) as refused:
        found(fold(0), second, fold(2))
    assert "\n" not in str(refused.value)


def test_what_the_fold_changes_may_differ(found: Any) -> None:
    assert not found(fold(0), fold(1, locked=lock(prepared="x")), fold(2)).missing


def test_only_what_the_masks_were_made_of_counts() -> None:
    assert origins(lock(), [UNET], "split.fold") == {"data/raw": "r", "src/unet": "c"}
    assert origins({}, [UNET], "split.fold") == {}


def test_a_name_given_by_hand_is_one_line(found: Any) -> None:
    with pytest.raises(InputError, match=r"^net-fold0 has no split\.folds, so it is no part of a"):
        found(fold(0, settings={"split.folds": None}))


@pytest.mark.parametrize(("tested", "missing"), [((0, 1, 2), []), ((0, 2), ["1"])])
def test_published_folds_are_pooled_without_their_number(
    tested: tuple[int, ...], missing: list[str], found: Any
) -> None:
    own: dict[str, Any] = {"split.folds": None, "split.protocol": "official"}
    parts = [fold(number, settings=own) for number in tested]
    assert found(*parts, incomplete=True).missing == missing


def test_institutions_that_no_part_tests_are_named(found: Any) -> None:
    scans = b"scan_id,institution\n1,A\n2,B\n3,C d\n4,\n"
    parts = [site("net-site-A", "A", manifest=scans), site("net-site-B", "B")]
    with pytest.raises(InputError, match="no experiment tests institution C d of 3; run `scanvote"):
        found(*parts, kind="sites")
    incomplete = found(*parts, kind="sites", incomplete=True)
    assert (incomplete.missing, incomplete.planned) == (["C d"], 3)
    unknown = found(site("net-site-A", "A"), kind="sites")
    assert (unknown.missing, unknown.planned) == ([], None)


@pytest.mark.parametrize(
    ("second", "fault"),
    [
        (site("net-site-B", "A"), "net-site-A and net-site-B both test A"),
        (site("net-site-B", "B", settings={"lr": 9}), "differ in lr (0.1, 9)"),
    ],
)
def test_institutions_are_tested_once_by_one_setting(second: Given, fault: str, found: Any) -> None:
    with pytest.raises(InputError, match=re.escape(fault)):
        found(site("net-site-A", "A"), second, kind="sites")


def test_a_part_by_hand_that_tests_no_institution_is_one_line(found: Any) -> None:
    with pytest.raises(InputError, match=r"net-site-A has split\.protocol grouped, not site"):
        found(site("net-site-A", "A", settings={"split.protocol": "grouped"}), kind="sites")
