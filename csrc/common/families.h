// One declaration per kernel family; each is defined in that family's _cpu.cpp and called once from bindings.cpp.
#pragma once

#include <pybind11/pybind11.h>

namespace neurfield {

void bind_grid(pybind11::module_& module);
void bind_triplane(pybind11::module_& module);
void bind_closed_forms(pybind11::module_& module);
void bind_fused_mlp(pybind11::module_& module);
void bind_field(pybind11::module_& module);
void bind_adam(pybind11::module_& module);
void bind_occupancy_grid(pybind11::module_& module);
void bind_sections(pybind11::module_& module);
void bind_compositing(pybind11::module_& module);
void bind_level_set(pybind11::module_& module);
void bind_ceilings(pybind11::module_& module);
void bind_marching_cubes(pybind11::module_& module);
void bind_cell_vertices(pybind11::module_& module);
void bind_dual_lattice(pybind11::module_& module);
void bind_quad_sheets(pybind11::module_& module);
void bind_dual_steps(pybind11::module_& module);
void bind_mesh_turning(pybind11::module_& module);
void bind_edge_collapse(pybind11::module_& module);
void bind_depth_fusion(pybind11::module_& module);
void bind_votes(pybind11::module_& module);
void bind_raycast(pybind11::module_& module);
void bind_patch_scores(pybind11::module_& module);
void bind_patch_warp(pybind11::module_& module);
void bind_plane_sweep(pybind11::module_& module);
void bind_radial_basis(pybind11::module_& module);
void bind_slanted_planes(pybind11::module_& module);
void bind_plane_maps(pybind11::module_& module);
void bind_triangle_tree(pybind11::module_& module);
void bind_winding(pybind11::module_& module);
void bind_cell_networks(pybind11::module_& module);
void bind_cell_trace(pybind11::module_& module);

}  // namespace neurfield
