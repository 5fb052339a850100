// A checked, non-owning view of a contiguous tensor that crossed from Python as DLPack: on the CPU in the CPU's modules, on the GPU in
// that of CUDA.
//
// Only the few DLPack structures read here are declared (the layout is the published ABI of DLPack 0.x), so that the
// native module needs neither torch nor any other header beyond pybind11.
#pragma once

#include <pybind11/pybind11.h>

#include <array>
#include <cstdint>
#include <string>

namespace neurfield {

namespace py = pybind11;

namespace dlpack {
struct Device {
    int32_t type;
    int32_t id;
};
struct DataType {
    uint8_t code;
    uint8_t bits;
    uint16_t lanes;
};
struct Tensor {
    void* data;
    Device device;
    int32_t ndim;
    DataType dtype;
    int64_t* shape;
    int64_t* strides;
    uint64_t byte_offset;
};
struct ManagedTensor {
    Tensor tensor;
    void* context;
    void (*deleter)(ManagedTensor*);
};
#if defined(NEURFIELD_CUDA) && !defined(NEURFIELD_EMULATED)
constexpr int32_t kHere = 2;
constexpr const char* kWhere = "must be on the GPU";
#else
constexpr int32_t kHere = 1;
constexpr const char* kWhere = "must be on the CPU";
#endif
constexpr uint8_t kInt = 0, kUInt = 1, kFloat = 2, kBool = 6;
}  // namespace dlpack

template <class T> struct TypeCode;
template <> struct TypeCode<float> {
    static constexpr uint8_t code = dlpack::kFloat;
    static constexpr const char* name = "float32";
};
template <> struct TypeCode<double> {
    static constexpr uint8_t code = dlpack::kFloat;
    static constexpr const char* name = "float64";
};
template <> struct TypeCode<int32_t> {
    static constexpr uint8_t code = dlpack::kInt;
    static constexpr const char* name = "int32";
};
template <> struct TypeCode<int64_t> {
    static constexpr uint8_t code = dlpack::kInt;
    static constexpr const char* name = "int64";
};
template <> struct TypeCode<uint8_t> {
    static constexpr uint8_t code = dlpack::kUInt;
    static constexpr const char* name = "uint8";
};

// torch's own conversion, ten times quicker than Tensor.__dlpack__: that one is written in Python and asks about streams.
inline py::object to_dlpack(const py::object& tensor) {
    static const py::handle convert = py::object(py::module_::import("torch.utils.dlpack").attr("to_dlpack")).release();
    return convert(tensor);
}

// `TensorView<float, 2> points(object, "points")` raises ValueError with the argument's name unless the tensor is a contiguous
// tensor of that type and rank, and here. The Python object must outlive the view: views are made at the start of a bound function
// and used inside it only. With FreeRows the rows may lie further apart than they are long, as those of a slice of
// columns does.
template <class T, int Rank, bool FreeRows = false>
class TensorView {
public:
    TensorView(const py::object& object, const char* name) {
        const py::object capsule = to_dlpack(object);
        auto* managed = static_cast<dlpack::ManagedTensor*>(PyCapsule_GetPointer(capsule.ptr(), "dltensor"));
        if (managed == nullptr) throw py::error_already_set();
        const dlpack::Tensor& t = managed->tensor;
        const bool right_type = t.dtype.code == TypeCode<T>::code && t.dtype.bits == 8 * sizeof(T) && t.dtype.lanes == 1;
        if (t.device.type != dlpack::kHere) fail(name, dlpack::kWhere);
        if (!right_type) fail(name, std::string("must be ") + TypeCode<T>::name);
        if (t.ndim != Rank) fail(name, "must have " + std::to_string(Rank) + " dimensions, got " + std::to_string(t.ndim));
        bool empty = false;  // and contiguous whatever its strides
        for (int axis = 0; axis < Rank; ++axis) empty |= t.shape[axis] == 0;
        int64_t expected = 1;
        for (int axis = Rank - 1; axis >= 0; --axis) {
            shape_[axis] = t.shape[axis];
            const bool spread = !empty && t.strides != nullptr && t.shape[axis] > 1 && t.strides[axis] != expected;
            if (spread && !(FreeRows && axis == 0)) fail(name, "must be contiguous");
            if (axis == 0) stride_ = spread ? t.strides[0] : expected;
            expected *= t.shape[axis];
        }
        size_ = expected;
        data_ = reinterpret_cast<T*>(static_cast<char*>(t.data) + t.byte_offset);
        // The capsule was not renamed to "used_dltensor", so its own destructor releases the managed tensor; the memory stays
        // alive through the caller's Python object.
    }

    T* data() const { return data_; }
    int64_t shape(int axis) const { return shape_[axis]; }
    int64_t size() const { return size_; }
    T& operator[](int64_t i) const { return data_[i]; }
    // Pointer to row i of the leading axis.
    T* row(int64_t i) const { return data_ + i * stride_; }

    void expect(int axis, int64_t length, const char* name) const {
        if (shape_[axis] != length)
            fail(name, "must have length " + std::to_string(length) + " along axis " + std::to_string(axis) + ", got " +
                           std::to_string(shape_[axis]));
    }

private:
    [[noreturn]] static void fail(const char* name, const std::string& what) {
        throw py::value_error(std::string("neurfield native: '") + name + "' " + what);
    }

    T* data_ = nullptr;
    std::array<int64_t, Rank> shape_{};
    int64_t size_ = 0, stride_ = 0;
};

}  // namespace neurfield
