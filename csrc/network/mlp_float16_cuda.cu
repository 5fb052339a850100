// The network's kernels with derivatives multiplied in float16.
#include "network/mlp_start_definitions.h"

namespace neurfield::cuda {

extern template void start_forward<SplitFloat32>(const MlpForward&, const MlpPlan&);

NEURFIELD_MLP_PRECISION(SingleFloat16)

}  // namespace neurfield::cuda
