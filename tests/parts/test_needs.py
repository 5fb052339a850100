"""What parts look at, and what is said when it is not there."""

from __future__ import annotations

import pytest

from neurfield.errors import UserError
from neurfield.parts import Needs, awake, load_config, looked_at, needs, of_use
from neurfield.parts.needs import needs_of

SEEN = {"pixels.rgb", "passes.surface", "samples.gradient", "points.fused_depth"}


def test_a_mark_does_not_change_what_it_marks() -> None:
    def loss(seen: object) -> float:
        return 2.0

    assert needs_of(loss) == Needs()
    marked = needs("pixels.rgb", "heads.uncertainty", optional=["pixels.prior_depth"])(loss)
    assert marked is loss and marked(None) == 2.0
    assert needs_of(loss) == Needs(
        frozenset({"pixels.rgb", "heads.uncertainty"}), frozenset({"pixels.prior_depth"})
    )


@pytest.mark.parametrize("name", ["", "pixels.", "pixels rgb", "pixels.RGB!", ".rgb", "passes.{at"])
def test_a_name_that_is_no_words_joined_by_dots_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not words joined by dots"):
        needs(name)
    with pytest.raises(ValueError, match="not words joined by dots"):
        needs(optional=[name])


def test_a_need_that_nothing_meets_is_one_line_with_the_way_out() -> None:
    losses = load_config("neus", overrides=["losses.semantics={classes: 3, weight: 0.04}"]).many("losses")
    with pytest.raises(UserError) as caught:
        awake(losses, SEEN)
    assert str(caught.value) == (
        "'losses.semantics' looks at pixels.segment, and the scene has none: "
        "leave it out with --set losses.semantics=off"
    )
    assert "semantics" in awake(losses, {*SEEN, "pixels.segment"})


def test_what_the_method_lacks_is_not_put_on_the_scene() -> None:
    losses = load_config("neus").many("losses")
    with pytest.raises(UserError, match=r"looks at points\.fused_depth, and the method has none: .*=off$"):
        awake(losses, SEEN - {"points.fused_depth"})


def test_parts_idle_without_what_is_optional() -> None:
    losses = load_config("monosdf").many("losses")
    without = awake(losses, SEEN)
    assert set(losses) - set(without) == {"prior_depth", "prior_normal"}
    assert awake(losses, {*SEEN, "pixels.prior_depth", "pixels.prior_normal"}) == losses
    assert list(without) == [label for label in losses if label in without]


def test_names_may_hold_numbers() -> None:
    more = ["losses.other={part: color, at: occupancy, weight: 0.5}"]
    config = load_config("neus", overrides=more)
    assert config.many("losses")["other"].needs() == Needs(frozenset({"pixels.rgb", "passes.occupancy"}))
    assert {"passes.surface", "passes.occupancy"} <= looked_at(config.many("losses").values())
    with pytest.raises(UserError, match=r"'losses\.other' looks at passes\.occupancy"):
        awake(config.many("losses"), SEEN)


def test_all_that_is_looked_at() -> None:
    losses = load_config("monosdf").many("losses")
    assert looked_at(losses.values()) == SEEN | {"pixels.prior_depth", "pixels.prior_normal"}
    assert looked_at([]) == frozenset()


def test_a_source_is_of_use_where_something_of_it_is_looked_at() -> None:
    class Source:
        def __init__(self, *offers: str) -> None:
            self.offers = frozenset(offers)

    whole, column, gradients = Source("points.seen"), Source("points.fused", "gradients"), Source("gradients")
    other = Source("points.see", "pairs")
    found = of_use([whole, column, gradients, other], {"points.seen", "points.fused.normal", "pixels.rgb"})
    assert found == [whole, column]
    assert of_use([gradients, other], {"gradients"}) == [gradients] and of_use([whole], ()) == []
