// What a U-Net in float16 does between convolutions, eight channels at a time.
// Images lie channel by channel within each pixel (NHWC), and have whole multiples of eight channels.

#include "warps.cuh"

// Bias and leaky ReLU in place, of the sum with another image where there is one.
extern "C" __global__ void activate(
    uint4* image, const uint4* added, const float* bias, unsigned vectors, unsigned groups) {
    for (unsigned at = blockIdx.x * blockDim.x + threadIdx.x; at < vectors; at += gridDim.x * blockDim.x) {
        uint4 here = image[at], more = added ? added[at] : make_uint4(0, 0, 0, 0);
        const float* offset = bias + at % groups * 8;
        unsigned* values = &here.x;
        const unsigned* others = &more.x;
        for (int pair = 0; pair < 4; pair++) {
            float low = lower(values[pair]) + lower(others[pair]) + offset[2 * pair];
            float high = lower(values[pair] >> 16) + lower(others[pair] >> 16) + offset[2 * pair + 1];
            values[pair] = pack(leaky(low), leaky(high));
        }
        image[at] = here;
    }
}

// Means of 2 x 2 pixels.
extern "C" __global__ void halve(
    const uint4* image, uint4* result, unsigned vectors, unsigned groups, unsigned width) {
    for (unsigned at = blockIdx.x * blockDim.x + threadIdx.x; at < vectors; at += gridDim.x * blockDim.x) {
        unsigned group = at % groups, pixel = at / groups;
        unsigned row = pixel / width, column = pixel % width;
        const uint4* corner = image + ((size_t)row * 4 * width + column * 2) * groups + group;
        uint4 parts[4] = {
            corner[0], corner[groups], corner[(size_t)2 * width * groups], corner[(size_t)(2 * width + 1) * groups]};
        uint4 mean;
        unsigned* values = &mean.x;
        for (int pair = 0; pair < 4; pair++) {
            float low = 0.0f, high = 0.0f;
            for (int part = 0; part < 4; part++) {
                unsigned both = (&parts[part].x)[pair];
                low += lower(both);
                high += lower(both >> 16);
            }
            values[pair] = pack(0.25f * low, 0.25f * high);
        }
        result[at] = mean;
    }
}

// An image and its five bands, each band times a factor, as eight channels of which two are empty.
extern "C" __global__ void look(
    const float* image, const float* bands, const float* factors, uint4* result, unsigned pixels) {
    for (unsigned at = blockIdx.x * blockDim.x + threadIdx.x; at < pixels; at += gridDim.x * blockDim.x) {
        float seen[5];
        for (int band = 0; band < 5; band++)
            seen[band] = bands[(size_t)band * pixels + at] * factors[band];
        result[at] = make_uint4(pack(image[at], seen[0]), pack(seen[1], seen[2]), pack(seen[3], seen[4]), 0);
    }
}
