"""What `neurfield.textures` shows; `neurfield.lazy` reads it too."""

from neurfield.textures.atlas import Atlas as Atlas
from neurfield.textures.atlas import check_size as check_size
from neurfield.textures.atlas import unwrap as unwrap
from neurfield.textures.bake import Baked as Baked
from neurfield.textures.bake import bake as bake
from neurfield.textures.drawn import MeshPainter as MeshPainter
from neurfield.textures.texels import Texels as Texels
from neurfield.textures.texels import covered as covered
