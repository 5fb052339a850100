// The one place where Python sees the native kernels: each family adds its functions to the module.
#include <pybind11/pybind11.h>

#include "common/families.h"
#include "common/memory.h"
#include "common/parallel.h"

#ifndef NEURFIELD_MODULE
#define NEURFIELD_MODULE _native_generic
#endif

PYBIND11_MODULE(NEURFIELD_MODULE, module) {
    module.doc() = "neurfield's native kernels";
    module.attr("isa") = NEURFIELD_ISA;
    module.def("max_threads", &neurfield::max_threads);
    module.def("keep_freed_memory", &neurfield::keep_freed_memory);
    neurfield::bind_grid(module);
    neurfield::bind_triplane(module);
    neurfield::bind_closed_forms(module);
    neurfield::bind_fused_mlp(module);
    neurfield::bind_field(module);
    neurfield::bind_adam(module);
    neurfield::bind_occupancy_grid(module);
    neurfield::bind_sections(module);
    neurfield::bind_compositing(module);
    neurfield::bind_level_set(module);
    neurfield::bind_ceilings(module);
    neurfield::bind_marching_cubes(module);
    neurfield::bind_cell_vertices(module);
    neurfield::bind_dual_lattice(module);
    neurfield::bind_quad_sheets(module);
    neurfield::bind_dual_steps(module);
    neurfield::bind_mesh_turning(module);
    neurfield::bind_edge_collapse(module);
    neurfield::bind_depth_fusion(module);
    neurfield::bind_votes(module);
    neurfield::bind_raycast(module);
    neurfield::bind_patch_scores(module);
    neurfield::bind_patch_warp(module);
    neurfield::bind_plane_sweep(module);
    neurfield::bind_radial_basis(module);
    neurfield::bind_slanted_planes(module);
    neurfield::bind_plane_maps(module);
    neurfield::bind_triangle_tree(module);
    neurfield::bind_winding(module);
    neurfield::bind_cell_networks(module);
    neurfield::bind_cell_trace(module);
}
