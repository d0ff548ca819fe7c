// 3x3 convolutions of few channels in float16, with what follows each of them, in one pass over the images.
// Images lie channel by channel within each pixel (NHWC); sums are in float32.
//
// A block makes tiles of ROWS x 32 pixels, one after the other. It has the weights and a tile with a border
// of a pixel in shared memory; each of its warps makes 4 rows of 16 pixels, all channels. The products are
// those of matrices of 16 pixels by 16 inputs, two groups of eight channels, each of one tap of the kernel.

#include "warps.cuh"

constexpr int COLUMNS = 32, ACROSS = 16, DOWN = 4;  // of a tile; pixels of a warp
constexpr int WIDE = COLUMNS + 2, GROUP = 8;

// How wide eight channels lie in shared memory: those of eight neighbors in a row in different banks.
__host__ __device__ constexpr int pitch(int channels)
{
    return channels == 48 ? 112 : 2 * channels;
}

template <int IN, int OUT, int ROWS> struct Layer {
    static constexpr int GROUPS = IN / GROUP, MADE = OUT / GROUP, THREADS = 32 * (COLUMNS / ACROSS) * (ROWS / DOWN);
    static constexpr int CHUNKS = 9 * GROUPS, STEPS = (CHUNKS + 1) / 2, PIXELS = (ROWS + 2) * WIDE;
    static constexpr int IMAGE_AT = STEPS * MADE * 256;  // bytes of weights before it

    // Where a chunk, eight channels of one tap, lies behind the first; the one too many has weights of 0.
    __device__ static constexpr u32 offset(int chunk)
    {
        const int tap = chunk / GROUPS;
        return chunk < CHUNKS ? (tap / 3 * WIDE + tap % 3) * pitch(IN) + chunk % GROUPS * 16 : 0;
    }

    __device__ static void load_weights(const uint4* weights)
    {
        for (int at = threadIdx.x; at < IMAGE_AT / 16; at += THREADS)
            copy(at * 16, weights + at, true);
    }

    // Beyond the image there are zeros.
    __device__ static void load_image(const uint4* image, int top, int left, int height, int width)
    {
        for (int at = threadIdx.x; at < PIXELS * GROUPS; at += THREADS) {
            const int pixel = at / GROUPS, group = at % GROUPS;
            const int row = top - 1 + pixel / WIDE, column = left - 1 + pixel % WIDE;
            const bool inside = row >= 0 && row < height && column >= 0 && column < width;
            const uint4* from = inside ? image + ((size_t)row * width + column) * GROUPS + group : image;
            copy(IMAGE_AT + pixel * pitch(IN) + group * 16, from, inside);
        }
    }

    __device__ static void convolve(float (&sums)[DOWN][MADE][4])
    {
        const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
        const int pixel = warp / 2 * DOWN * WIDE + warp % 2 * ACROSS + lane % 16;
        const u32 here = shared_address(IMAGE_AT + pixel * pitch(IN));
        const uint2* weights = reinterpret_cast<const uint2*>(memory) + lane;
        #pragma unroll
        for (int step = 0; step < STEPS; step++) {
            const u32 chunk = lane < 16 ? offset(2 * step) : offset(2 * step + 1);
            u32 parts[DOWN][4];
            #pragma unroll
            for (int row = 0; row < DOWN; row++)
                load_matrices(parts[row], here + chunk + row * WIDE * pitch(IN));
            #pragma unroll
            for (int made = 0; made < MADE; made++) {
                const uint2 weight = weights[(step * MADE + made) * 32];
                #pragma unroll
                for (int row = 0; row < DOWN; row++)
                    multiply(sums[row][made], parts[row], weight.x, weight.y);
            }
        }
    }

    // Puts the sums in the place of the image, so that they can be written in whole lines.
    __device__ static void put(const float (&sums)[DOWN][MADE][4])
    {
        const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
        #pragma unroll
        for (int row = 0; row < DOWN; row++) {
            const int pixel = (warp / 2 * DOWN + row) * COLUMNS + warp % 2 * ACROSS + lane / 4;
            u32* place = reinterpret_cast<u32*>(memory + IMAGE_AT + pixel * pitch(OUT)) + lane % 4;
            #pragma unroll
            for (int made = 0; made < MADE; made++) {
                place[made * 4] = pack(sums[row][made][0], sums[row][made][1]);
                place[made * 4 + 2 * pitch(OUT)] = pack(sums[row][made][2], sums[row][made][3]);
            }
        }
    }
};

__device__ __forceinline__ u32 activated(u32 here, u32 more, float low, float high)
{
    return pack(leaky(lower(here) + lower(more) + low), leaky(lower(here >> 16) + lower(more >> 16) + high));
}

// Eight channels of what coarse features add to a pixel: the two of four by two that see it, from where
// each parity of rows and columns has channels of its own.
__device__ __forceinline__ uint4 of_coarse(const uint4* added, int row, int column, int width, int groups, int group)
{
    const int down = row % 2, across = column % 2;
    const size_t place = (size_t)(row / 2 + down) * (width / 2 + 1) + column / 2 + across;
    return added[(place * 4 + 2 * down + across) * groups + group];
}

// The convolution, the sum with coarse features where there are some, bias and leaky ReLU.
template <int IN, int OUT, int ROWS>
__device__ __forceinline__ void layer(
    const uint4* image, const uint4* weights, const uint4* added, const float* bias, uint4* result, int height, int width)
{
    using Own = Layer<IN, OUT, ROWS>;
    const int across = (width + COLUMNS - 1) / COLUMNS, tiles = (height + ROWS - 1) / ROWS * across;
    Own::load_weights(weights);
    for (int tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
        const int top = tile / across * ROWS, left = tile % across * COLUMNS;
        Own::load_image(image, top, left, height, width);
        arrived();
        barrier(Own::THREADS);
        float sums[DOWN][Own::MADE][4] = {};
        Own::convolve(sums);
        barrier(Own::THREADS);
        Own::put(sums);
        barrier(Own::THREADS);
        for (int at = threadIdx.x; at < ROWS * COLUMNS * Own::MADE; at += Own::THREADS) {
            const int pixel = at / Own::MADE, group = at % Own::MADE;
            const int row = top + pixel / COLUMNS, column = left + pixel % COLUMNS;
            if (row < height && column < width) {
                const uint4 sum = *reinterpret_cast<const uint4*>(memory + Own::IMAGE_AT + pixel * pitch(OUT) + group * 16);
                uint4 more = make_uint4(0, 0, 0, 0);
                if (added)
                    more = of_coarse(added, row, column, width, Own::MADE, group);
                const float* offset = bias + group * GROUP;
                result[((size_t)row * width + column) * Own::MADE + group] = make_uint4(
                    activated(sum.x, more.x, offset[0], offset[1]), activated(sum.y, more.y, offset[2], offset[3]),
                    activated(sum.z, more.z, offset[4], offset[5]), activated(sum.w, more.w, offset[6], offset[7]));
            }
        }
        barrier(Own::THREADS);
    }
}

// The last convolution, of eight channels of which one is meant: it and its bias are added to the result.
extern "C" __global__ void __launch_bounds__(256, 4) last_24(
    const uint4* image, const uint4* weights, const float* bias, float* result, int height, int width)
{
    using Own = Layer<24, 8, 16>;
    const int across = (width + COLUMNS - 1) / COLUMNS, tiles = (height + 15) / 16 * across;
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    Own::load_weights(weights);
    for (int tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
        const int top = tile / across * 16, left = tile % across * COLUMNS;
        Own::load_image(image, top, left, height, width);
        arrived();
        barrier(Own::THREADS);
        float sums[DOWN][1][4] = {};
        Own::convolve(sums);
        barrier(Own::THREADS);
        #pragma unroll
        for (int at = 0; at < 2 * DOWN; at++) {
            const int row = top + warp / 2 * DOWN + at / 2, column = left + warp % 2 * ACROSS + lane / 4 + at % 2 * 8;
            if (lane % 4 == 0 && row < height && column < width)
                result[(size_t)row * width + column] += sums[at / 2][0][at % 2 * 2] + *bias;
        }
    }
}

// With registers for so many blocks at once on a processor: it hides that each loads, multiplies and writes in turn.
#define LAYER(IN, OUT, ROWS, BLOCKS) \
    extern "C" __global__ void __launch_bounds__(Layer<IN, OUT, ROWS>::THREADS, BLOCKS) layer_##IN##_##OUT( \
        const uint4* image, const uint4* weights, const uint4* added, const float* bias, uint4* result, int height, int width) \
    { \
        layer<IN, OUT, ROWS>(image, weights, added, bias, result, height, width); \
    }

LAYER(8, 24, 16, 3)
LAYER(24, 24, 16, 3)
LAYER(24, 48, 8, 3)
LAYER(48, 48, 8, 2)
