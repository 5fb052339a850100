// Tiny networks on the GPU: the arguments from Python, packed weights, kernels by width and precision.
#include <algorithm>
#include <utility>

#include "common/families.h"
#include "network/mlp_cuda.h"
#include "network/mlp_pack_cuda.h"
#include "network/mlp_start.h"

namespace neurfield::cuda {
namespace {

constexpr int kUndo = 2 * kMostLayers;  // floats in front of the packed weights

[[noreturn]] void refuse(const std::string& what) { throw py::value_error("neurfield native: " + what); }

template <class Run>
auto with_precision(Precision precision, Run&& run) {
    switch (precision) {
        case Precision::bfloat16: return run(SingleBfloat16());
        case Precision::float16: return run(SingleFloat16());
        default: return run(SplitFloat32());
    }
}

MlpPlan checked(const std::optional<MlpPlan>& plan) {
    if (!plan) refuse("'weights' are of more layers than this GPU's shared memory has room for");
    return *plan;
}

// Blocks of 8 columns that backward's warps share of a factor: of hidden layers, inputs or outputs.
int published_by(const MlpLayers& net) { return std::max({net.width, up_to(net.at[0].inputs, 16), up_to(net.last().outputs, 16)}) / 8; }

}  // namespace

int padded_width(int widest) {
    for (int width : {16, 32, 64, 128})
        if (widest <= width) return width;
    return 0;
}

bool mlp_serves(int64_t inputs, const std::vector<int64_t>& outputs) {
    if (outputs.size() < 2 || outputs.size() > kMostLayers) return false;
    MlpLayers net{};
    net.count = static_cast<int>(outputs.size());
    net.width = padded_width(static_cast<int>(*std::max_element(outputs.begin(), outputs.end() - 1)));
    net.at[0].inputs = static_cast<int>(inputs);
    net.at[net.count - 1].outputs = static_cast<int>(outputs.back());
    return net.width > 0 && plan_backward<SplitFloat32>(net, 1, published_by(net)).has_value();
}

Mlp::Mlp(const CheckedNetwork& network, const py::object& like) : precision_(network.precision), like_(like) {
    if (precision_ == Precision::bfloat16 && !has_bfloat16())
        refuse("'precision' bfloat16 needs a GPU of compute capability 8.0 or more; float16 works on all");
    if (network.layers.size() > kMostLayers) refuse("'weights' must be at most " + std::to_string(kMostLayers));
    int widest = 0;
    int64_t sums = 0;
    net_.count = static_cast<int>(network.layers.size());
    net_.softplus = network.softplus;
    net_.beta = network.beta;
    for (int l = 0; l < net_.count; ++l) {
        MlpLayer& layer = net_.at[l];
        layer.inputs = static_cast<int>(network.layers[l].inputs);
        layer.outputs = static_cast<int>(network.layers[l].outputs);
        layer.weight = network.layers[l].weight;
        layer.bias = network.layers[l].bias;
        layer.sums = std::exchange(sums, sums + static_cast<int64_t>(sum_rows(layer)) * sum_columns(layer) * kBlock);
        if (l + 1 < net_.count) widest = std::max(widest, layer.outputs);
    }
    net_.width = padded_width(widest);
    if (net_.width == 0) refuse("'weights' must have hidden layers of at most 128 units, got " + std::to_string(widest));
    pack();
}

void Mlp::pack() {
    PackJobs values{}, derivatives{};
    const int parts = precision_ == Precision::float32 ? 2 : 1;
    int64_t floats = kUndo;
    const auto add = [&](PackJobs& jobs, int l, bool transposed, int words) {
        const MlpLayer& layer = net_.at[l];
        const int in = l == 0 ? layer.inputs : net_.width, out = l + 1 == net_.count ? layer.outputs : net_.width;
        const int rows = up_to(transposed ? in : out, 16) / 16, columns = up_to(transposed ? out : in, 8) / 8;
        jobs.at[jobs.count++] = {layer.weight, layer.inputs, layer.outputs, transposed, rows, columns, nullptr, nullptr};
        return std::exchange(floats, floats + static_cast<int64_t>(rows) * columns * kWarp * 2 * words);
    };
    struct Places {
        int64_t value, forward, backward;
    } places[kMostLayers];
    for (int l = 0; l < net_.count; ++l) {
        places[l].value = add(values, l, true, 2);
        places[l].forward = parts == 2 ? places[l].value : add(derivatives, l, true, 1);
        places[l].backward = add(parts == 2 ? values : derivatives, l, false, parts);
    }
    packed_.emplace(like_, floats);
    float* undo = packed_->data();
    net_.undo = undo;
    const auto words = [&](int64_t at) { return reinterpret_cast<uint32_t*>(packed_->data() + at); };
    int value = 0, derivative = 0;
    for (int l = 0; l < net_.count; ++l) {
        MlpLayer& layer = net_.at[l];
        layer.value = words(places[l].value);
        layer.forward = words(places[l].forward);
        layer.backward = words(places[l].backward);
        const auto place = [&](PackJob& job, int64_t at, int kind) {
            job.to = words(at);
            job.undo = undo + 2 * l + kind;
        };
        place(values.at[value++], places[l].value, 0);
        if (parts == 1) place(derivatives.at[derivative++], places[l].forward, 1);
        place(parts == 2 ? values.at[value++] : derivatives.at[derivative++], places[l].backward, 1);
    }
    pack_weights<SplitFloat32>(values);
    if (precision_ == Precision::float16) pack_weights<SingleFloat16>(derivatives);
    if (precision_ == Precision::bfloat16) pack_weights<SingleBfloat16>(derivatives);
}

void Mlp::forward(int64_t count, const float* inputs, int64_t row, const int64_t* asked, float* outputs, float* gradient,
                  bool sigmoid) const {
    with_precision(precision_, [&](auto precision) {
        using P = decltype(precision);
        const MlpPlan plan = checked(plan_forward<P>(net_, count, gradient != nullptr));
        start_forward<P>({net_, count, inputs, row, asked, outputs, gradient, sigmoid}, plan);
    });
}

void Mlp::backward(int64_t count, const float* inputs, int64_t row, const int64_t* asked, const float* d_outputs, const float* d_gradient,
                   bool sigmoid, float* d_inputs, const Derivatives& derivatives) const {
    MlpGradients to{};
    std::copy(derivatives.weights.begin(), derivatives.weights.end(), to.weight);
    std::copy(derivatives.biases.begin(), derivatives.biases.end(), to.bias);
    const MlpLayer& last = net_.last();
    const int64_t size = last.sums + static_cast<int64_t>(sum_rows(last)) * sum_columns(last) * kBlock;
    with_precision(precision_, [&](auto precision) {
        using P = decltype(precision);
        const int published = published_by(net_);
        const MlpPlan plan = checked(plan_backward<P>(net_, count, published));
        const int64_t blocks = std::max<int64_t>(plan.blocks, 1);
        const Scratch sums(like_, blocks * size);
        std::optional<Scratch> d_last;
        if (sigmoid) d_last.emplace(like_, count * outputs());
        clear(sums.data(), blocks * size);
        start_backward<P>({net_, count, inputs, row, asked, d_outputs, d_gradient, d_inputs, d_last ? d_last->data() : nullptr, sums.data(),
                           size, published},
                          plan);
        collect_sums(net_, sums.data(), size, blocks, to);
    });
}

}  // namespace neurfield::cuda

namespace neurfield {
namespace {

void mlp_forward(const NetworkForward& call) {
    const cuda::Mlp mlp(call.network, call.like);
    mlp.forward(call.count, call.inputs, mlp.inputs(), call.asked, call.outputs, call.gradient, call.sigmoid);
}

void mlp_backward(const NetworkBackward& call) {
    const cuda::Mlp mlp(call.network, call.like);
    mlp.backward(call.count, call.inputs, mlp.inputs(), call.asked, call.d_outputs, call.d_gradient, call.sigmoid, call.d_inputs, call.to);
}

}  // namespace

void bind_fused_mlp(py::module_& module) {
    module.def("has_bf16", &cuda::has_bfloat16);
    module.def("has_float16", [] { return true; });
    module.def("mlp_serves", &cuda::mlp_serves);
    bind_network_arguments(module);
    define(module, "mlp_forward", mlp_forward_of, mlp_forward);
    define(module, "mlp_backward", mlp_backward_of, mlp_backward);
}

}  // namespace neurfield
