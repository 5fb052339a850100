#include "common/families.h"

namespace neurfield {

void bind_adam(pybind11::module_&) {}

}  // namespace neurfield
