// The four parts of the radial basis encoding, each bound by the file that has it.
#pragma once

#include <pybind11/pybind11.h>

namespace neurfield::radial_basis {

void bind_kernel_lookup(pybind11::module_& module);
void bind_features(pybind11::module_& module);
void bind_kernel_support(pybind11::module_& module);

}  // namespace neurfield::radial_basis
