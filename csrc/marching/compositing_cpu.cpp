#include "common/families.h"

namespace neurfield {

void bind_compositing(pybind11::module_&) {}

}  // namespace neurfield
