// Packing a network's weights, and collecting the sums of its gradients.
#include "network/mlp_pack_cuda.h"

#include "network/mlp_factors.h"

namespace neurfield::cuda {
namespace {

constexpr int kThreads = 256;

// A block packs one copy; it looks for the weight's largest number first, from which the scale follows.
template <class P>
__global__ void __launch_bounds__(kThreads) pack(const PackJobs jobs) {
    __shared__ float found[kThreads / kWarp];
    const PackJob& job = jobs.at[blockIdx.x];
    const int thread = static_cast<int>(threadIdx.x);
    float largest = 0.0f;
    for (int i = thread; i < job.inputs * job.outputs; i += kThreads) largest = fmaxf(largest, fabsf(__ldg(job.weight + i)));
    largest = largest_of<31>(largest);
    if (thread % kWarp == 0) found[thread / kWarp] = largest;
    __syncthreads();
    for (int i = 0; i < kThreads / kWarp; ++i) largest = fmaxf(largest, found[i]);
    const Scale scale = Scale::of<P>(largest);
    if (thread == 0) *job.undo = scale.undo;

    const auto at = [&](int row, int column) {
        const int output = job.transposed ? column : row, input = job.transposed ? row : column;
        return output < job.outputs && input < job.inputs ? __ldg(job.weight + output * job.inputs + input) * scale.by : 0.0f;
    };
    auto* to = reinterpret_cast<PackedB<P>*>(job.to);
    for (int i = thread; i < job.row_blocks * job.column_blocks * kWarp; i += kThreads) {
        const int block = i / kWarp, g = i % kWarp / 4, t = i % 4;
        const int row = block / job.column_blocks * 16 + 2 * t, column = block % job.column_blocks * 8 + g;
        PackedB<P> packed;
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            uint32_t parts[P::parts];
            split<P>(at(row + 8 * half, column), at(row + 8 * half + 1, column), parts);
#pragma unroll
            for (int part = 0; part < P::parts; ++part) packed.pair[part][half] = parts[part];
        }
        to[i] = packed;
    }
}

constexpr int kSlices = 8;  // threads that share one sum, each with some of the blocks

__global__ void __launch_bounds__(kSlices* kWarp)
    collect(const MlpLayers net, const float* __restrict__ sums, int64_t size, int64_t blocks, const MlpGradients to) {
    __shared__ float slices[kSlices][kWarp];
    const int64_t at = static_cast<int64_t>(blockIdx.x) * kWarp + threadIdx.x;  // size is a multiple of a warp
    const int64_t share = blocks_for<int64_t>(blocks, kSlices), begin = threadIdx.y * share, end = min(begin + share, blocks);
    float sum = 0.0f;
    for (int64_t block = begin; block < end; ++block) sum += sums[block * size + at];
    slices[threadIdx.y][threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.y > 0) return;
    for (int i = 1; i < kSlices; ++i) sum += slices[i][threadIdx.x];
    MlpLayer layer = net.at[0];
    float *weight = to.weight[0], *bias = to.bias[0];
#pragma unroll
    for (int l = 1; l < kMostLayers; ++l)
        if (l < net.count && net.at[l].sums <= at) layer = net.at[l], weight = to.weight[l], bias = to.bias[l];
    const int within = static_cast<int>(at - layer.sums), block = within / kBlock, lane = within % kBlock / 4, i = within % 4;
    const int columns = sum_columns(layer), column = block % columns * 8 + lane % 4 * 2 + i % 2;
    const int output = block / columns * 16 + lane / 4 + i / 2 * 8;
    if (output >= layer.outputs) return;
    if (column < layer.inputs) weight[static_cast<int64_t>(output) * layer.inputs + column] = sum;
    if (column == (columns - 1) * 8) bias[output] = sum;
}

}  // namespace

template <class P>
void pack_weights(const PackJobs& jobs) {
    launch(pack<P>, Shape{dim3(static_cast<unsigned>(jobs.count)), dim3(kThreads)}, jobs);
}

template void pack_weights<SplitFloat32>(const PackJobs&);
template void pack_weights<SingleFloat16>(const PackJobs&);
template void pack_weights<SingleBfloat16>(const PackJobs&);

void collect_sums(const MlpLayers& net, const float* sums, int64_t size, int64_t blocks, const MlpGradients& to) {
    launch(collect, Shape{dim3(static_cast<unsigned>(size / kWarp)), dim3(kWarp, kSlices)}, net, sums, size, blocks, to);
}

}  // namespace neurfield::cuda
