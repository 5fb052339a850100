// What a bound function's arguments are before a device is chosen. A family's `<family>_arguments.h` has, for each function, a struct of
// what its kernels take and a function that makes it of the Python objects, checked; the CPU and its CUDA twin both run on the struct.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <string>

#include "common/tensor_view.h"

namespace neurfield {

constexpr int64_t kAny = -1;  // a length that the tensor itself decides

template <class T, int Rank>
void expect_shape(const TensorView<T, Rank>& view, const char* name, const std::array<int64_t, Rank>& lengths) {
    for (int axis = 0; axis < Rank; ++axis)
        if (lengths[axis] != kAny) view.expect(axis, lengths[axis], name);
}

// A contiguous tensor of these lengths; raises ValueError naming it otherwise.
template <class T = float, class... Lengths>
TensorView<T, sizeof...(Lengths)> view_of(const py::object& object, const char* name, Lengths... lengths) {
    const TensorView<T, sizeof...(Lengths)> view(object, name);
    expect_shape<T, sizeof...(Lengths)>(view, name, {static_cast<int64_t>(lengths)...});
    return view;
}

// Its data, which lives as long as the Python object does: until the bound function returns.
template <class T = float, class... Lengths>
T* tensor_of(const py::object& object, const char* name, Lengths... lengths) {
    return view_of<T>(object, name, lengths...).data();
}

// The same; null for None.
template <class T = float, class... Lengths>
T* optional_of(const py::object& object, const char* name, Lengths... lengths) {
    return object.is_none() ? nullptr : tensor_of<T>(object, name, lengths...);
}

// Every number must be below `end`: kernels trust them. On the GPU nobody looks: it would have to be waited for.
inline const int64_t* rows_below(const TensorView<int64_t, 1>& rows, [[maybe_unused]] int64_t end, [[maybe_unused]] const char* name) {
#if !defined(NEURFIELD_CUDA)
    bool good = true;
    for (int64_t i = 0; i < rows.size(); ++i) good &= static_cast<uint64_t>(rows[i]) < static_cast<uint64_t>(end);
    if (!good) throw py::value_error(std::string("neurfield native: '") + name + "' must be 0 to " + std::to_string(end - 1));
#endif
    return rows.data();
}

// Binds `run` under a name; Python hands over what `check` takes.
template <class Call, class... Arguments>
void define(py::module_& module, const char* name, Call (*check)(Arguments...), void (*run)(const Call&)) {
    module.def(name, [check, run](Arguments... arguments) { run(check(arguments...)); });
}

}  // namespace neurfield
