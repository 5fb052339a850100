#include "common/families.h"

namespace neurfield {

void bind_occupancy_grid(pybind11::module_&) {}

}  // namespace neurfield
