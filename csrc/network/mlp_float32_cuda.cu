// The network's kernels with derivatives multiplied in float32.
#include "network/mlp_start_definitions.h"

namespace neurfield::cuda {

NEURFIELD_MLP_PRECISION(SplitFloat32)

}  // namespace neurfield::cuda
