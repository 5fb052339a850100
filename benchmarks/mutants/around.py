"""Mistakes in what stands behind the field, and in what pictures make of a scene's colours."""

from __future__ import annotations

from benchmarks.mutants.mutant import of

BEYOND = ("tests/rendering/test_beyond.py",)
FAR = ("tests/rendering/test_far_field.py",)
CHOSEN = ("tests/rendering/test_surroundings.py",)
EXPOSURE = ("tests/rendering/test_exposure.py",)
LOOK = ("tests/fitting/test_rays_step.py", "tests/rendering/test_far_field.py")

AROUND = [
    *of(
        "neurfield/rendering/beyond.py",
        BEYOND,
        ("* 0.25 + 0.5", "* 0.5 + 0.5", "contracted space that leaves the grid"),
        (".amax(dim=1, keepdim=True).clamp_min(1.0)", ".amax(dim=1, keepdim=True)", "the box inside out"),
        ("points / distance * 0.5 + 0.5", "points * 0.5 + 0.5", "places far off that leave the grid"),
        ("rays.t_max, _NEAR *", "rays.t_min, _NEAR *", "sections that begin before the box"),
        ("* (1.0 - floor) + floor / sections", "", "nothing is looked at where nothing was"),
    ),
    *of(
        "neurfield/rendering/inverse.py",
        BEYOND,
        ("part = (wanted - low)", "part = 0.0 * (wanted - low)", "edges of the old sections alone"),
    ),
    *of(
        "neurfield/rendering/far_field.py",
        FAR,
        ("alpha = torch.cat([alpha[:, :-1]", "_ = torch.cat([alpha[:, :-1]", "light that never ends"),
        ("last.bias[1:] = logit.to(last.bias)", "pass", "grey at first"),
        ("and torch.is_grad_enabled()", "", "noise in pictures"),
    ),
    *of(
        "neurfield/rendering/learnt_background.py",
        (*CHOSEN, *FAR),
        ("if not self.begun:", "if True:", "a resumed fit that begins again"),
    ),
    *of(
        "neurfield/rendering/surroundings.py",
        CHOSEN,
        ("and telling & DEPTHS", "", "a field that paints the object"),
        ("past >= LOOKS_PAST and", "", "a field where nothing is seen of it"),
        ("rays.t_max <= rays.t_min", "rays.t_max > rays.t_min", "the share that meets the box"),
    ),
    *of(
        "neurfield/rendering/exposure.py",
        EXPOSURE,
        ("+ offset * opacity[:, None]", "+ offset", "an offset of nothing"),
        ("-gain.to(self.log_gain).log()", "gain.to(self.log_gain).log()", "gains the wrong way round"),
        ("numbers - numbers.mean(dim=0)", "numbers", "what is the scene's own in its pictures"),
        ('self.when == "always" or gain is not None', "True", "gains of pictures that have none"),
        ("gradient + scale * numbers.detach()", "gradient - scale * numbers.detach()", "pushed away"),
    ),
    *of(
        "neurfield/fitting/rays_step.py",
        LOOK,
        ("if not isinstance(background, nn.Module):", "if False:", "what is given through an exposure"),
        ("opacity.detach() < 1.0 - LEAST_LIGHT", "opacity.detach() < 2.0", "asked where nothing is seen"),
    ),
]
