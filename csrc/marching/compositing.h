// Compositing of one ray's consecutive samples: w_i = T_i alpha_i with T_i = prod_{j<i} (1 - alpha_j), and its derivatives.
//
// The backward pass carries, from the last sample to the first, the suffix with the transmittance restarted behind sample i:
//
//     rest_i     = sum_{j>i} (T_j / T_{i+1}) (dL/dT_j + alpha_j dL/dw_j)
//     rest_{i-1} = dL/dT_i + alpha_i dL/dw_i + (1 - alpha_i) rest_i
//
// so that dL/dalpha_i = T_i (dL/dw_i - rest_i) needs no division and holds for alpha = 1 as for any other.
#pragma once

#include <cstdint>

#include "common/point_maths.h"

namespace neurfield {

// Weights and transmittance [n] of one ray; returns the transmittance behind its last sample.
inline float ray_weights(const float* alpha, int64_t n, float* weights, float* transmittance) {
    float through = 1.0f;
    for (int64_t i = 0; i < n; ++i) {
        transmittance[i] = through;
        weights[i] = through * alpha[i];
        through *= 1.0f - alpha[i];
    }
    return through;
}

inline void ray_weights_backward(const float* alpha, const float* transmittance, const float* grad_weights, const float* grad_transmittance,
                                 int64_t n, float* grad_alpha) {
    float rest = 0.0f;
    for (int64_t i = n - 1; i >= 0; --i) {
        grad_alpha[i] = transmittance[i] * (grad_weights[i] - rest);
        rest = grad_transmittance[i] + alpha[i] * grad_weights[i] + (1.0f - alpha[i]) * rest;
    }
}

// out [channels] = sum_i weights_i values_i.
inline void ray_accumulate(const float* weights, const float* values, int64_t n, int64_t channels, float* out) {
    for (int64_t c = 0; c < channels; ++c) out[c] = 0.0f;
    for (int64_t i = 0; i < n; ++i)
        for (int64_t c = 0; c < channels; ++c) out[c] += weights[i] * values[i * channels + c];
}

// grad_values_i = weights_i grad_out; returns <grad_out, values_i>, the gradient of weights_i.
NEURFIELD_POINT_MATHS float sample_accumulate_backward(float weight, const float* value, const float* grad_out, int64_t channels,
                                                       float* grad_value) {
    float product = 0.0f;
    for (int64_t c = 0; c < channels; ++c) {
        product += grad_out[c] * value[c];
        grad_value[c] = weight * grad_out[c];
    }
    return product;
}

// All of one ray's gradients at once; grad_alpha serves as scratch for the transmittance first.
inline void ray_composite_backward(const float* alpha, const float* values, const float* weights, const float* grad_out, float grad_opacity,
                                   const float* grad_weights, int64_t n, int64_t channels, float* grad_alpha, float* grad_values) {
    float through = 1.0f;
    for (int64_t i = 0; i < n; ++i) {
        grad_alpha[i] = through;
        through *= 1.0f - alpha[i];
    }
    float rest = 0.0f;
    for (int64_t i = n - 1; i >= 0; --i) {
        const float grad_weight =
            grad_weights[i] + grad_opacity +
            sample_accumulate_backward(weights[i], values + i * channels, grad_out, channels, grad_values + i * channels);
        grad_alpha[i] *= grad_weight - rest;
        rest = alpha[i] * grad_weight + (1.0f - alpha[i]) * rest;
    }
}

constexpr int64_t kSurfaceChannels = 8;  // of a ray: red, green, blue, normal x, y, z, distance, opacity

inline void ray_surface(const float* alpha, const float* rgb, const float* normal, const float* t, int64_t n, float* weights, float* out) {
    float sum[kSurfaceChannels] = {}, through = 1.0f;
    for (int64_t i = 0; i < n; ++i) {
        const float w = weights[i] = through * alpha[i];
        for (int a = 0; a < 3; ++a) sum[a] += w * rgb[3 * i + a];
        for (int a = 0; a < 3; ++a) sum[3 + a] += w * normal[3 * i + a];
        sum[6] += w * t[i];
        sum[7] += w;
        through *= 1.0f - alpha[i];
    }
    for (int c = 0; c < kSurfaceChannels; ++c) out[c] = sum[c];
}

// As `ray_composite_backward`.
inline void ray_surface_backward(const float* alpha, const float* rgb, const float* normal, const float* t, const float* weights,
                                 const float* grad_out, int64_t n, float* grad_alpha, float* grad_rgb, float* grad_normal) {
    float through = 1.0f;
    for (int64_t i = 0; i < n; ++i) {
        grad_alpha[i] = through;
        through *= 1.0f - alpha[i];
    }
    float rest = 0.0f;
    for (int64_t i = n - 1; i >= 0; --i) {
        const float by_rgb = sample_accumulate_backward(weights[i], rgb + 3 * i, grad_out, 3, grad_rgb + 3 * i);
        const float by_normal = sample_accumulate_backward(weights[i], normal + 3 * i, grad_out + 3, 3, grad_normal + 3 * i);
        const float grad_weight = by_rgb + by_normal + grad_out[6] * t[i] + grad_out[7];
        grad_alpha[i] *= grad_weight - rest;
        rest = alpha[i] * grad_weight + (1.0f - alpha[i]) * rest;
    }
}

}  // namespace neurfield
