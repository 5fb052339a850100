"""What `neurfield.surfaces` shows; `neurfield.lazy` reads it too."""

from neurfield.surfaces.clean import keep_components as keep_components
from neurfield.surfaces.clean import remove_degenerate_faces as remove_degenerate_faces
from neurfield.surfaces.color import vertex_colors as vertex_colors
from neurfield.surfaces.dual_contouring import extract_dual_contour as extract_dual_contour
from neurfield.surfaces.dual_mesh import UnsignedMesh as UnsignedMesh
from neurfield.surfaces.dual_mesh import extract_dual_mesh as extract_dual_mesh
from neurfield.surfaces.export import place_in_words as place_in_words
from neurfield.surfaces.export import save_mesh as save_mesh
from neurfield.surfaces.export import save_scene as save_scene
from neurfield.surfaces.extractors import Extracted as Extracted
from neurfield.surfaces.extractors import extract_surface as extract_surface
from neurfield.surfaces.extractors import is_unsigned as is_unsigned
from neurfield.surfaces.extractors import smallest_cell as smallest_cell
from neurfield.surfaces.glb import glb_bytes as glb_bytes
from neurfield.surfaces.glb import linear_of_srgb as linear_of_srgb
from neurfield.surfaces.glb import scene_glb_bytes as scene_glb_bytes
from neurfield.surfaces.ground import Ground as Ground
from neurfield.surfaces.ground import find_ground as find_ground
from neurfield.surfaces.ground import on_ground as on_ground
from neurfield.surfaces.ground import what_stands as what_stands
from neurfield.surfaces.level_set import extract_level_set as extract_level_set
from neurfield.surfaces.level_set_mesh import LevelSet as LevelSet
from neurfield.surfaces.mesh_udf import extract_mesh_udf as extract_mesh_udf
from neurfield.surfaces.ply import ply_bytes as ply_bytes
from neurfield.surfaces.winding import consistent_winding as consistent_winding
