// The network's kernels with derivatives multiplied in bfloat16.
#include "network/mlp_start_definitions.h"

namespace neurfield::cuda {

extern template void start_forward<SplitFloat32>(const MlpForward&, const MlpPlan&);

NEURFIELD_MLP_PRECISION(SingleBfloat16)

}  // namespace neurfield::cuda
