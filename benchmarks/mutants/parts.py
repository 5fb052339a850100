"""Mistakes in methods as data, and in the parts that a method is composed of."""

from __future__ import annotations

from benchmarks.mutants.mutant import of

PRESETS = ("tests/parts/test_presets.py",)
NUMBERS = ("tests/parts/test_numbers.py",)
NEEDS = ("tests/parts/test_needs.py",)
MIGRATION = ("tests/parts/test_migration.py",)
PICTURES = ("tests/methods/test_pictures.py",)
DIFFERENCES = ("tests/parts/test_differences.py",)
GIVEN = ("tests/parts/test_given.py",)
HOLD = ("tests/points/test_hold.py", "tests/points/test_true_volume.py")
LOOK = ("tests/fitting/test_rays_step.py",)
SEEN_RAYS = (*LOOK, "tests/fitting/test_cropped_box.py")
TASK = (*LOOK, "tests/fitting/test_task.py")
OPACITY = ("tests/rendering/test_opacity_parts.py",)
S3IM = ("tests/losses/test_s3im.py",)
WEIGHTED = ("tests/losses/test_weighted.py",)

SHELF = [
    *of(
        "neurfield/parts/draft.py",
        PRESETS,
        ("if one.weight == 0.0:", "if one.weight == -1.0:", "losses that weigh nothing are made"),
        (
            "if current is None or current.entry.name != name:",
            "if current is None:",
            "another name keeps the part that is there",
        ),
        (
            "parts.sort(key=lambda part: (*self.shelf.place(slot, part.name), part.label))",
            "pass",
            "parts in the order of the file",
        ),
        ("deepcopy(one.numbers.get(n, d.default))", "one.numbers.get(n, d.default)", "parts share a list"),
        ("self.shelf.find(slot, label, labels)  #", "pass  #", "a misspelt loss is off in silence"),
        ("if len(value) > 1:", "if len(value) > 9:", "numbers beside a part's own are dropped"),
    ),
    *of(
        "neurfield/parts/presets.py",
        PRESETS,
        (
            "return [*common, *specific]",
            "return [*specific, *common]",
            "words for one preset before all others",
        ),
        ("files.insert(0, (path, content))", "files.append((path, content))", "the basis has the last word"),
        ("if section == preset:", 'if section in ("quick", preset):', "quick in each preset"),
        (
            "Path(word) if beside is None else beside.parent / word",
            "Path(word)",
            "files beside the folder that one stands in",
        ),
    ),
    *of(
        "neurfield/parts/numbers.py",
        NUMBERS,
        (
            "if self.kind in (float, int) else None",
            "if self.kind is float else None",
            "whole numbers of any size",
        ),
        ("value <= self.above", "value < self.above", "the bound itself is above it"),
        ("value > self.most", "value >= self.most", "the most is too large"),
        ("value >= self.below", "value > self.below", "the bound itself is below it"),
        ("not math.isfinite(value)", "math.isnan(value)", "infinite numbers"),
        ('default = number.check(f"{where} (its default)", default)', "pass", "defaults out of their range"),
    ),
    *of(
        "neurfield/parts/offers.py",
        NEEDS,
        (
            "for name in (*need.required, *need.optional))",
            "for name in need.required)",
            "what is optional is never drawn",
        ),
        ("all(name in offered for name in need.optional)", "True", "losses without what they look at"),
        ('fitted if name.startswith("pixels.") else "method"', "fitted", "the scene is blamed"),
    ),
    *of(
        "neurfield/parts/needs.py",
        NEEDS,
        ("frozenset(name.format(**numbers) for name in names)", "names", "a pass called {at}"),
    ),
    *of(
        "neurfield/parts/part.py",
        GIVEN,
        (
            "if p.kind is p.POSITIONAL_OR_KEYWORD",
            "if p.kind is p.KEYWORD_ONLY",
            "numbers for what a fit gives",
        ),
    ),
    *of(
        "neurfield/parts/renamed.py",
        MIGRATION,
        ("off = {key for key in weights if flat[key] == 0}", "off = set()", "losses of no weight are kept"),
        ('fused = value not in ("off", False)', "fused = True", "runs that did not fuse"),
    ),
    *of(
        "neurfield/parts/differences.py",
        DIFFERENCES,
        ("before_it is None or before_it.name != part.name", "before_it is None", "a part of another name"),
    ),
    *of(
        "neurfield/parts/presets.py",
        PICTURES,
        (
            'fits = content.get("fits", fits)',
            'fits = content.get("fits", "surface")',
            "like hash, and yet for surfaces",
        ),
    ),
    *of(
        "neurfield/parts/renamed.py",
        PICTURES,
        ('if encoding == "rbf" or key not in _OF_KERNELS:', "if True:", "kernels of a grid's old runs"),
    ),
    *of(
        "neurfield/inputs/methods.py",
        PICTURES,
        ("if fits != kind.fits:", "if False:", "a method for scenes beside a picture"),
        ("if name in methods(what_it_fits(usual)):", "if True:", "an encoding that has no method"),
    ),
]

PARTS = [
    *of(
        "neurfield/points/fused_depth.py",
        HOLD,
        (
            "moment.progress < self._alone or self.until <= 0",
            "moment.progress < self._alone",
            "held on to never",
        ),
        (
            "2 * self.count if moment.points_alone else self.count",
            "self.count",
            "as few points as beside rays",
        ),
        ("self.hold(moment) <= 0.0", "self.hold(moment) < 0.0", "draws what counts nothing"),
    ),
    *of(
        "neurfield/fitting/rays_step.py",
        SEEN_RAYS,
        ("pixels = pixels.having(t_depth=None)", "pass", "bands around depth that is fused already"),
        ("compared = ~elsewhere", "compared = elsewhere", "colours of what the box leaves out"),
        (
            "compared = valid if compared is None else compared & valid",
            "compared = valid",
            "one reason of two",
        ),
    ),
    *of(
        "neurfield/fitting/rays_step.py",
        LOOK,
        (
            "torch.cat([*firsts, answers.gradient[pairs]])",
            "torch.cat([answers.gradient[pairs], *firsts])",
            "neighbours of other points",
        ),
        ("(random - 0.5) * (2.0 *", "random * (2.0 *", "neighbours to one side"),
    ),
    *of(
        "neurfield/points/point_set.py",
        TASK,
        ("hold = holds[name] if one.fades else 1.0", "hold = 1.0", "joined points that do not fade"),
    ),
    *of(
        "neurfield/fitting/task.py",
        TASK,
        (
            "math.ceil(alone * steps_before(self.train.steps, self.polish)) if warm else 0",
            "0",
            "steps without rays counted as theirs",
        ),
        (
            "return self._levels(), holds, fading",
            "return self._levels(), holds",
            "a weight that fades, captured",
        ),
    ),
    *of(
        "neurfield/rendering/opacity.py",
        OPACITY,
        (
            "width if widest == math.inf else width.clamp_max(widest)",
            "width",
            "a learnt width beyond the band",
        ),
        ("self.log_width.exp().clamp(*WIDTHS)", "self.log_width.exp()", "a width that runs away"),
    ),
    *of(
        "neurfield/losses/s3im.py",
        S3IM,
        ("torch.randperm(count, generator=generator, device=device)", "orders[0]", "one patch ten times"),
        ("[:, None], rgb, target)", "[:, None], target, rgb)", "only what is not compared"),
        ("/ bell.sum().square()", "/ bell.sum()", "weights that do not sum to one"),
        (
            "(window * a * b).sum(dim=1) - mean_a * mean_b",
            "(window * a * b).sum(dim=1)",
            "not about the means",
        ),
        ("whole = count - count % kernel**2", "whole = kernel**2", "the first patch alone"),
    ),
    *of(
        "neurfield/losses/weighted.py",
        WEIGHTED,
        ("total[label] + value if label in total else value", "value", "the last look alone"),
    ),
]
