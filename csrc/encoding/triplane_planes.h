// What the CPU's loops over a tri-plane share: the vectors along a texel's features.
#pragma once

#include <cstring>
#include <type_traits>

#include "common/simd.h"
#include "encoding/triplane_arguments.h"

namespace neurfield::triplane {

inline int plane_of(int a, int b, int dimensions) { return a * (2 * dimensions - a - 1) / 2 + b - a - 1; }

// Width floats of a texel, at any address.
template <int Width>
struct Block {
    typedef float Floats __attribute__((vector_size(4 * Width)));
    static Floats load(const float* p) {
        Floats v;
        std::memcpy(&v, p, sizeof v);
        return v;
    }
    static void store(const Floats& v, float* p) { std::memcpy(p, &v, sizeof v); }
    static float sum(const Floats& v) {
        float halves[Width];
        std::memcpy(halves, &v, sizeof halves);
        for (int half = Width / 2; half > 0; half /= 2)
            for (int i = 0; i < half; ++i) halves[i] += halves[i + half];
        return halves[0];
    }
};

// Calls body with the widest block that divides a texel's features.
template <class Body>
void with_width(int features, Body&& body) {
    if constexpr (kLanes >= 16)
        if (features % 16 == 0) return body(std::integral_constant<int, 16>());
    if constexpr (kLanes >= 8)
        if (features % 8 == 0) return body(std::integral_constant<int, 8>());
    if (features % 4 == 0) return body(std::integral_constant<int, 4>());
    if (features == 2) return body(std::integral_constant<int, 2>());
    body(std::integral_constant<int, 1>());
}

void scatter(const Scatter& call);

}  // namespace neurfield::triplane
