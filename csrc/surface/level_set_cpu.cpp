#include "common/families.h"

namespace neurfield {

void bind_level_set(pybind11::module_&) {}

}  // namespace neurfield
