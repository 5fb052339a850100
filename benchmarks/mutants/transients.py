"""Mistakes in what tells passers-by from the scene, and in what is done about them."""

from __future__ import annotations

from benchmarks.mutants.mutant import of

FOUND = ("tests/stereo/test_contradicted.py",)
MASKS = ("tests/rendering/test_transients.py",)
FITS = ("tests/fitting/test_dual.py",)

TRANSIENTS = [
    *of(
        "neurfield/stereo/contradicted.py",
        FOUND,
        (".amax(dim=1)", ".amin(dim=1)", "colours that must differ in every channel"),
        ("near[0] > 0.5 * near[1]", "near[0] > 0.0 * near[1]", "one patch speaks for all around it"),
        ("valid = three.any(dim=0) & same", "valid = three.any(dim=0)", "others that disagree are believed"),
        ("(differ >= FEWEST) & (differ >= count)", "(differ >= 1)", "one other picture is enough"),
        ('patch, key, "amin")', 'patch, key, "amax")', "what lies behind is seen"),
    ),
    *of(
        "neurfield/stereo/maps.py",
        FOUND,
        ("shown = ~transient[", "shown = transient[", "all but passers-by are hidden"),
        ("else pictures.inside & shown", "else shown", "the background matches again"),
    ),
    *of(
        "neurfield/rendering/residuals.py",
        MASKS,
        ("weight * residual.clamp_max(LARGEST)", "weight * residual", "one picture speaks for a place"),
        ("self.patch *= KEPT**count", "pass", "what was told beforehand is never forgotten"),
        ("level * self.patch[2] + ratio * self.patch[1]", "level * self.patch[2]", "fine detail left out"),
        ("weight = valid.to(residual)", "weight = torch.ones_like(residual)", "all pixels count"),
    ),
    *of(
        "neurfield/rendering/transients.py",
        MASKS,
        ("moment.step % 2 == 0", "True", "the soft mask has no turn"),
        ("near > 0.5 * count", "near > 0.9 * count", "a hard mask without its rim"),
        ("random < chance", "random > chance", "a soft mask inside out"),
        ("moment.progress < self.start", "False", "masks learn of a field that is not there yet"),
        ("self.soft[transient] = -SURE", "self.soft[transient] = SURE", "a soft mask that is told nothing"),
        ("(found is not None and found.share >= SHARE)", "found is not None", "masks for still scenes"),
    ),
    *of(
        "neurfield/fitting/partner.py",
        FITS,
        ("1.0 - KEPT * self._follows", "1.0 - KEPT", "an average that begins with what was long ago"),
        ('"follows": self._follows}', '"follows": 0.0 * self._follows}', "a resumed average begins anew"),
    ),
    *of(
        "neurfield/fitting/rays_step.py",
        FITS,
        ("else valid & kept", "else valid", "masks beside masks of the scene count for nothing"),
        ("return kept if valid is None", "return None if valid is None", "nothing is left out"),
    ),
    *of(
        "neurfield/fitting/scene.py",
        FITS,
        ("maps = maps.hiding(found.transient)", "pass", "passers-by in the pictures that are compared"),
    ),
]  # fmt: skip
