// One declaration per file of the grids' batch kernels.
#pragma once

#include <pybind11/pybind11.h>

namespace neurfield::grid {

void bind_grid_hessian(pybind11::module_& module);
void bind_grid_jacobian(pybind11::module_& module);
void bind_grid_scatter(pybind11::module_& module);

}  // namespace neurfield::grid
