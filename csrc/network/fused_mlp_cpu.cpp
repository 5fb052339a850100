#include "common/families.h"

namespace neurfield {

void bind_fused_mlp(pybind11::module_&) {}

}  // namespace neurfield
