"""The two fields of a scene, distance and colour, as a configuration describes them, and their state."""

from __future__ import annotations

from torch import Tensor, nn

from neurfield.config import Config
from neurfield.encodings import HashGrid
from neurfield.fields import Radiance, SDFField
from neurfield.fitting.scene_encodings import make_encoding


def make_field(config: Config) -> SDFField:
    """The SDF, its encoding drawn from the fit's seed."""
    settings = config.field
    encoding = make_encoding(settings, config.seed)
    return SDFField(
        encoding,
        tuple(settings.hidden),
        settings.feature_dim,
        settings.softplus_beta,
        precision=settings.precision,
    )


def make_radiance(config: Config) -> Radiance:
    """The colour, its tables drawn from the fit's seed."""
    settings = config.field
    encoding = HashGrid(
        levels=settings.texture_levels, features=settings.features,
        log2_table_size=settings.texture_log2_table_size,
        base_resolution=settings.base_resolution, finest_resolution=settings.texture_resolution,
        seed=config.seed,
    )  # fmt: skip
    return Radiance(
        encoding, settings.feature_dim, tuple(settings.radiance_hidden), settings.view_degree,
        precision=settings.precision,
    )  # fmt: skip


def fields_state(field: nn.Module, radiance: nn.Module) -> dict[str, Tensor]:
    """Their tensors, by the names that checkpoints have for them."""
    parts = {"field": field, "radiance": radiance}
    return {f"{name}.{k}": v for name, module in parts.items() for k, v in module.state_dict().items()}


def load_fields(state: dict[str, Tensor], field: nn.Module, radiance: nn.Module) -> None:
    """Take what `fields_state` gave out of a state that may hold more."""
    for name, module in (("field", field), ("radiance", radiance)):
        module.load_state_dict(
            {k.removeprefix(f"{name}."): v for k, v in state.items() if k.startswith(f"{name}.")}
        )
