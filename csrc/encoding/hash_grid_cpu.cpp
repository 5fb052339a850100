#include "common/families.h"

namespace neurfield {

void bind_hash_grid(pybind11::module_&) {}

}  // namespace neurfield
