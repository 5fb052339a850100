// The colour of samples on the GPU: texture from a grid, the SDF's feature, the unit normal and the encoded view -> network -> sigmoid, with
// the backward into all but the points and the views. Only samples that count are read and written, by their index; that indices are
// within bounds is the caller's word, because looking would mean waiting.
#include <optional>
#include <string>

#include "common/families.h"
#include "cuda/launch.h"
#include "encoding/grid_kernels.h"
#include "field/query_arguments.h"
#include "network/mlp_cuda.h"

namespace neurfield::field {

void bind_sdf_query(pybind11::module_& module);

namespace {

using cuda::Scratch;

// What the network sees beside the texture, and of which samples.
struct Beside {
    FreeRows feature, normal, views;
    const int64_t *rays, *counted;
    int64_t count;  // of the samples that count
    int texture;  // columns of texture, which come first
    int64_t row;  // floats from a sample's inputs to the next one's

    __device__ int64_t sample(int64_t i) const { return counted != nullptr ? counted[i] : i; }
    constexpr int width() const { return texture + feature.width + 3 + views.width; }
};

// A thread has one number: of the columns behind the texture.
__global__ void __launch_bounds__(256) gather(const Beside beside, float* __restrict__ inputs) {
    const int behind = beside.width() - beside.texture;
    const int64_t at = cuda::global_index(), i = at / behind;
    if (i >= beside.count) return;
    const int column = static_cast<int>(at % behind), normal_at = beside.feature.width, views_at = normal_at + 3;
    const int64_t sample = beside.sample(i);
    float value;
    if (column < normal_at)
        value = beside.feature.data[sample * beside.feature.stride + column];
    else if (column < views_at)
        value = beside.normal.data[sample * beside.normal.stride + column - normal_at];
    else
        value = beside.views.data[(beside.rays != nullptr ? beside.rays[sample] : sample) * beside.views.stride + column - views_at];
    inputs[i * beside.row + beside.texture + column] = value;
}

// The other way: what belongs to features and normals of d_inputs.
__global__ void __launch_bounds__(256)
    scatter(const Beside beside, const float* __restrict__ d_inputs, float* __restrict__ d_feature, float* __restrict__ d_normal) {
    const int columns = beside.feature.width + 3;
    const int64_t at = cuda::global_index(), i = at / columns;
    if (i >= beside.count) return;
    const int column = static_cast<int>(at % columns);
    const int64_t sample = beside.sample(i);
    const float value = d_inputs[i * beside.row + beside.texture + column];
    if (column < beside.feature.width)
        d_feature[sample * beside.feature.width + column] = value;
    else
        d_normal[sample * 3 + column - beside.feature.width] = value;
}

// Triples between samples that count and all samples: `from` and `to` swap roles with Gather.
template <bool Gather>
__global__ void __launch_bounds__(256)
    move_triples(const Beside beside, const float* __restrict__ from, int64_t stride, float* __restrict__ to) {
    const int64_t at = cuda::global_index(), i = at / 3;
    if (i >= beside.count) return;
    const int channel = static_cast<int>(at % 3);
    const int64_t sample = beside.sample(i);
    if constexpr (Gather)
        to[at] = from[sample * stride + channel];
    else
        to[sample * 3 + channel] = from[at];
}

// Rows whose textures are aligned for vector loads.
int64_t row_of(int64_t width) { return (width + 3) / 4 * 4; }

struct Query {
    const RadianceQuery& call;
    Beside beside;
    cuda::Mlp network;

    explicit Query(const RadianceQuery& query)
        : call(query), beside{query.feature,
                              query.normal,
                              query.views,
                              query.rays,
                              query.counted,
                              query.count,
                              static_cast<int>(query.shape.grid.row()),
                              row_of(query.width())},
          network(query.network, query.like) {}

    int64_t row() const { return beside.row; }
    grid::Samples samples() const { return {call.points, call.counted, call.count, 0.5f, 0.5f}; }
};

void radiance_query_forward(const RadianceForward& call) {
    const Query query(call.query);
    const QueryShape& shape = call.query.shape;
    const int64_t count = call.query.count;
    float* inputs = call.kept;
    std::optional<Scratch> own, colors;
    if (inputs == nullptr) inputs = own.emplace(call.query.like, count * query.row()).data();
    grid::encode_samples(shape.grid, shape.smooth, shape.active, query.samples(), call.query.table, inputs, query.row(), nullptr);
    cuda::launch(gather, cuda::one_each(count * (query.beside.width() - query.beside.texture)), query.beside, inputs);
    if (!call.query.some) return query.network.forward(count, inputs, query.row(), nullptr, call.rgb, nullptr, true);
    colors.emplace(call.query.like, 3 * count);
    query.network.forward(count, inputs, query.row(), nullptr, colors->data(), nullptr, true);
    cuda::clear(call.rgb, 3 * call.query.all);
    cuda::launch(move_triples<false>, cuda::one_each(3 * count), query.beside, colors->data(), 3, call.rgb);
}

void radiance_query_backward(const RadianceBackward& call) {
    const Query query(call.query);
    const QueryShape& shape = call.query.shape;
    const int64_t all = call.query.all, count = call.query.count, features = call.query.feature.width;
    const Scratch above(call.query.like, 3 * count), d_inputs(call.query.like, count * query.row());
    cuda::launch(move_triples<true>, cuda::one_each(3 * count), query.beside, call.d_rgb.data, call.d_rgb.stride, above.data());
    query.network.backward(count, call.kept, query.row(), nullptr, above.data(), nullptr, true, d_inputs.data(), call.to);
    if (call.query.some) {
        cuda::clear(call.d_feature, all * features);
        cuda::clear(call.d_normal, 3 * all);
    }
    cuda::launch(scatter, cuda::one_each(count * (features + 3)), query.beside, d_inputs.data(), call.d_feature, call.d_normal);
    grid::scatter_samples(shape.grid, shape.smooth, shape.active, query.samples(), d_inputs.data(), query.row(), nullptr, 1.0f, nullptr,
                          query.row(), call.table_gradient);
}

}  // namespace

int64_t radiance_query_keeps(int64_t width, int64_t samples) { return row_of(width) * samples; }

void bind_radiance_query(py::module_& module) {
    define(module, "radiance_query_forward", radiance_query_forward_of, radiance_query_forward);
    define(module, "radiance_query_backward", radiance_query_backward_of, radiance_query_backward);
}

}  // namespace neurfield::field

namespace neurfield {

void bind_field(py::module_& module) {
    field::bind_query_arguments(module);
    field::bind_sdf_query(module);
    field::bind_radiance_query(module);
}

}  // namespace neurfield
