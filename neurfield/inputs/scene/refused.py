"""What a check of a scene calls an error ends a fit before it begins."""

from __future__ import annotations

from collections.abc import Sequence

from neurfield.errors import UserError
from neurfield.scenes import Finding, Scene

_WITHOUT = {
    "depth": "data.sensor_depth=off", "sensor_depth": "data.sensor_depth=off",
    "prior_depth": "data.prior_depth=false", "prior_normal": "data.prior_normal=false",
}  # fmt: skip


def refuse_errors(scene: Scene, findings: Sequence[Finding]) -> None:
    """Raise the first error as a UserError, with how to do without what is wrong."""
    errors = [finding for finding in findings if finding.level == "error"]
    if not errors:
        return
    without = _WITHOUT.get(errors[0].where)
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    raise UserError(
        f"{scene.path}: {errors[0]}{more}"
        + (f", or leave it out with --set {without}" if without else "")
        + "; `neurfield scene check` shows everything"
    )
