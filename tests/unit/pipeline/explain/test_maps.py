"""Every method finds what a network looks at, and nothing where it does not look."""

import numpy as np
import pytest

from scanvote.params import Params
from scanvote.params.whole import Method
from scanvote.pipeline.explain.localisation import attribution_in_lesion
from scanvote.pipeline.explain.panel import VOTE, ExplainableEnsemble, Maps, explain_scan
from tests.unit.pipeline.explain.networks import SIDE, bright, looking, panel_of, plain, region

METHODS: list[Method] = ["gradcam", "occlusion", "lime"]


def explained(
    panel: ExplainableEnsemble, method: Method, params: Params, scan_id: str = "s"
) -> Maps:
    return explain_scan(panel, scan_id, bright(), method, params.explain, seed=7)


def near() -> np.ndarray:
    """The region, and as far around it as a window or a superpixel may reach."""
    mask = np.zeros((SIDE, SIDE), bool)
    mask[0:14, 8:22] = True
    return mask


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("outputs", [1, 2])
def test_the_mass_is_where_the_network_looks(method: Method, outputs: int, params: Params) -> None:
    heat = explained(panel_of(a=looking(outputs=outputs)), method, params)["a"]
    assert heat.shape == (SIDE, SIDE)
    assert heat.min() >= 0
    assert region()[np.unravel_index(heat.argmax(), heat.shape)]
    assert attribution_in_lesion(heat, near()) > 0.9
    assert attribution_in_lesion(heat, region()) > 5 * region().mean()


@pytest.mark.parametrize("method", METHODS)
def test_a_network_that_does_not_look_has_a_blank_map(method: Method, params: Params) -> None:
    maps = explained(panel_of(a=looking(strength=0)), method, params)
    assert [name for name, heat in maps.items() if heat.any()] == []
    assert maps.keys() == {"a", VOTE}


@pytest.mark.parametrize("method", METHODS)
def test_a_vote_looks_where_its_one_sighted_member_does(method: Method, params: Params) -> None:
    panel = panel_of(blind=looking(strength=0), a=looking())
    heat = explained(panel, method, params)[VOTE]
    assert attribution_in_lesion(heat, near()) > 0.9


@pytest.mark.parametrize("method", METHODS)
def test_the_same_scan_has_the_same_map_twice(method: Method, params: Params) -> None:
    panel = panel_of(a=looking())
    once, again = (explained(panel, method, params) for _ in range(2))
    assert all(np.array_equal(once[name], again[name]) for name in ("a", VOTE))


def test_what_lime_hides_depends_on_the_scan(params: Params) -> None:
    panel = panel_of(a=looking())
    one, other = (explained(panel, "lime", params, scan)["a"] for scan in ("s", "t"))
    assert not np.array_equal(one, other)


def test_only_networks_with_convolutions_have_a_grad_cam(params: Params) -> None:
    panel = panel_of(flat=plain(), a=looking())
    assert explained(panel, "gradcam", params).keys() == {"a", VOTE}
    assert explained(panel, "occlusion", params).keys() == {"flat", "a", VOTE}
    assert panel.supports("gradcam")


def test_a_vote_without_convolutions_is_not_served_by_grad_cam(params: Params) -> None:
    panel = panel_of(flat=plain())
    assert not panel.supports("gradcam")
    assert explained(panel, "gradcam", params) == {}
    assert panel.supports("lime")


def test_a_sure_network_is_explained_all_the_same(params: Params) -> None:
    panel = panel_of(a=looking(strength=230))
    assert panel.probabilities(bright()[None])[0, 0, 1] > 0.99999
    for method in METHODS:
        assert attribution_in_lesion(explained(panel, method, params)[VOTE], near()) > 0.9, method


def test_the_votes_grad_cam_is_of_the_votes_class(params: Params) -> None:
    against = looking(strength=-5)
    panel = panel_of(a=looking(), b=against)
    maps = explained(panel, "gradcam", params)
    # the second member holds the first class likelier, and there nothing speaks for the second
    assert panel.probabilities(bright()[None])[1, 0].argmax() == 0
    assert maps["b"].any()
    assert np.allclose(maps[VOTE], maps["a"] / maps["a"].max() / 2)
