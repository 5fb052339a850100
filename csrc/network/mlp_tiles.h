// What a tiny network makes of rows of points, tile after tile on the calling thread, whatever its activation and the precision of its
// derivatives. Compiled once for all who run networks; knows nothing of Python.
#pragma once

#include "network/fused_mlp.h"

namespace neurfield {

// Outputs [.., O] of rows [begin, end) of `inputs` [.., D], and the gradient [.., D] by the inputs of the output that each row has
// `asked` [..] for (null: the first), unless `gradient` is null.
void forward_tiles(const Network& network, const float* inputs, const int64_t* asked, float* outputs, float* gradient, bool sigmoid_output,
                   int64_t begin, int64_t end);

// Adds the weights' and biases' gradients of rows [begin, end) into `sums`, laid out as Network says, and writes d_inputs. `d_gradient`
// may be null.
void backward_tiles(const Network& network, const float* inputs, const int64_t* asked, const float* d_outputs, const float* d_gradient,
                    float* d_inputs, float* sums, bool sigmoid_output, int64_t begin, int64_t end);

}  // namespace neurfield
