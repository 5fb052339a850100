"""Model of the built-in living room."""

from neurfield.scenes.room.materials import AreaLight, Material
from neurfield.scenes.room.model import RoomModel, build_room

__all__ = ["AreaLight", "Material", "RoomModel", "build_room"]
