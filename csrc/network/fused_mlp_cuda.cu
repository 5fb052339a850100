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

MlpPrecision precision_of(const std::string& name) {
    if (name == "float32") return MlpPrecision::float32;
    if (name == "float16") return MlpPrecision::float16;
    if (name != "bfloat16") refuse("'precision' must be float32, bfloat16 or float16");
    if (!has_bfloat16()) refuse("'precision' bfloat16 needs a GPU of compute capability 8.0 or more; float16 works on all");
    return MlpPrecision::bfloat16;
}

template <class Run>
auto with_precision(MlpPrecision precision, Run&& run) {
    switch (precision) {
        case MlpPrecision::bfloat16: return run(SingleBfloat16());
        case MlpPrecision::float16: return run(SingleFloat16());
        default: return run(SplitFloat32());
    }
}

MlpPlan checked(const std::optional<MlpPlan>& plan) {
    if (!plan) refuse("'weights' are of more layers than this GPU's shared memory has room for");
    return *plan;
}

// Blocks of 8 columns that backward's warps share of a factor: of hidden layers, inputs or outputs.
int published_by(const MlpLayers& net) {
    return std::max({net.width, up_to(net.at[0].inputs, 16), up_to(net.last().outputs, 16)}) / 8;
}

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

Mlp::Mlp(const Objects& weights, const Objects& biases, int64_t inputs, const std::string& activation, float beta,
         const std::string& precision)
    : precision_(precision_of(precision)) {
    if (weights.size() < 2 || weights.size() != biases.size()) refuse("'weights' and 'biases' must have the same length, at least 2");
    if (weights.size() > kMostLayers) refuse("'weights' must be at most " + std::to_string(kMostLayers));
    if (activation != "relu" && activation != "softplus") refuse("'activation' must be relu or softplus");
    int widest = 0;
    int64_t sums = 0;
    net_.count = static_cast<int>(weights.size());
    net_.softplus = activation == "softplus";
    net_.beta = beta;
    for (int l = 0; l < net_.count; ++l) {
        const TensorView<float, 2> weight(weights[l], "weights");
        const TensorView<float, 1> bias(biases[l], "biases");
        weight.expect(1, inputs, "weights");
        bias.expect(0, weight.shape(0), "biases");
        inputs = weight.shape(0);
        MlpLayer& layer = net_.at[l];
        layer.inputs = static_cast<int>(weight.shape(1));
        layer.outputs = static_cast<int>(inputs);
        layer.weight = weight.data();
        layer.bias = bias.data();
        layer.sums = std::exchange(sums, sums + static_cast<int64_t>(sum_rows(layer)) * sum_columns(layer) * kBlock);
        if (l + 1 < net_.count) widest = std::max(widest, layer.outputs);
    }
    net_.width = padded_width(widest);
    if (net_.width == 0) refuse("'weights' must have hidden layers of at most 128 units, got " + std::to_string(widest));
    like_ = weights[0];
    pack(weights[0]);
}

void Mlp::pack(const py::object& like) {
    PackJobs values{}, derivatives{};
    const int parts = precision_ == MlpPrecision::float32 ? 2 : 1;
    int64_t floats = kUndo;
    const auto add = [&](PackJobs& jobs, int l, bool transposed, int words) {
        const MlpLayer& layer = net_.at[l];
        const int in = l == 0 ? layer.inputs : net_.width, out = l + 1 == net_.count ? layer.outputs : net_.width;
        const int rows = up_to(transposed ? in : out, 16) / 16, columns = up_to(transposed ? out : in, 8) / 8;
        jobs.at[jobs.count++] = {layer.weight, layer.inputs, layer.outputs, transposed, rows, columns, nullptr, nullptr};
        return std::exchange(floats, floats + static_cast<int64_t>(rows) * columns * kWarp * 2 * words);
    };
    struct Places { int64_t value, forward, backward; } places[kMostLayers];
    for (int l = 0; l < net_.count; ++l) {
        places[l].value = add(values, l, true, 2);
        places[l].forward = parts == 2 ? places[l].value : add(derivatives, l, true, 1);
        places[l].backward = add(parts == 2 ? values : derivatives, l, false, parts);
    }
    packed_.emplace(like, floats);
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
    if (precision_ == MlpPrecision::float16) pack_weights<SingleFloat16>(derivatives);
    if (precision_ == MlpPrecision::bfloat16) pack_weights<SingleBfloat16>(derivatives);
}

void Mlp::forward(int64_t count, const float* inputs, int64_t row, float* outputs, float* gradient, bool sigmoid) const {
    with_precision(precision_, [&](auto precision) {
        using P = decltype(precision);
        const MlpPlan plan = checked(plan_forward<P>(net_, count, gradient != nullptr));
        start_forward<P>({net_, count, inputs, row, outputs, gradient, sigmoid}, plan);
    });
}

void Mlp::backward(int64_t count, const float* inputs, int64_t row, const float* d_outputs, const float* d_gradient, bool sigmoid,
                   float* d_inputs, const Objects& d_weights, const Objects& d_biases) const {
    MlpGradients to{};
    if (static_cast<int>(d_weights.size()) != net_.count || static_cast<int>(d_biases.size()) != net_.count)
        refuse("'d_weights' and 'd_biases' must be as many as the weights");
    for (int l = 0; l < net_.count; ++l) {
        const TensorView<float, 2> weight(d_weights[l], "d_weights");
        const TensorView<float, 1> bias(d_biases[l], "d_biases");
        weight.expect(0, net_.at[l].outputs, "d_weights");
        weight.expect(1, net_.at[l].inputs, "d_weights");
        bias.expect(0, net_.at[l].outputs, "d_biases");
        to.weight[l] = weight.data();
        to.bias[l] = bias.data();
    }
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
        start_backward<P>({net_, count, inputs, row, d_outputs, d_gradient, d_inputs, d_last ? d_last->data() : nullptr, sums.data(), size,
                           published},
                          plan);
        collect_sums(net_, sums.data(), size, blocks, to);
    });
}

}  // namespace neurfield::cuda

namespace neurfield {
namespace {

float* matrix(const py::object& object, const char* name, int64_t rows, int64_t columns) {
    if (object.is_none()) return nullptr;
    const TensorView<float, 2> view(object, name);
    view.expect(0, rows, name);
    view.expect(1, columns, name);
    return view.data();
}

void mlp_forward(const py::object& inputs_, const cuda::Objects& weights, const cuda::Objects& biases, const std::string& activation,
                 float beta, bool sigmoid_output, const py::object& outputs, const py::object& gradient, const std::string& precision) {
    const TensorView<float, 2> inputs(inputs_, "inputs");
    const int64_t count = inputs.shape(0);
    const cuda::Mlp mlp(weights, biases, inputs.shape(1), activation, beta, precision);
    mlp.forward(count, inputs.data(), mlp.inputs(), matrix(outputs, "outputs", count, mlp.outputs()), matrix(gradient, "gradient", count, mlp.inputs()),
                sigmoid_output);
}

void mlp_backward(const py::object& inputs_, const cuda::Objects& weights, const cuda::Objects& biases, const std::string& activation,
                  float beta, bool sigmoid_output, const py::object& d_outputs, const py::object& d_gradient, const py::object& d_inputs,
                  const cuda::Objects& d_weights, const cuda::Objects& d_biases, const std::string& precision) {
    const TensorView<float, 2> inputs(inputs_, "inputs");
    const int64_t count = inputs.shape(0);
    const cuda::Mlp mlp(weights, biases, inputs.shape(1), activation, beta, precision);
    mlp.backward(count, inputs.data(), mlp.inputs(), matrix(d_outputs, "d_outputs", count, mlp.outputs()),
                 matrix(d_gradient, "d_gradient", count, mlp.inputs()), sigmoid_output, matrix(d_inputs, "d_inputs", count, mlp.inputs()),
                 d_weights, d_biases);
}

}  // namespace

void bind_fused_mlp(py::module_& module) {
    module.def("has_bf16", &cuda::has_bfloat16);
    module.def("has_float16", [] { return true; });
    module.def("mlp_serves", &cuda::mlp_serves);
    module.def("mlp_forward", &mlp_forward);
    module.def("mlp_backward", &mlp_backward);
}

}  // namespace neurfield
