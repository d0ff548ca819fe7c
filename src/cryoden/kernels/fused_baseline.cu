// One training step of the baseline network (1 -> 16 -> 16 -> 1 channels, 3x3 kernels, ReLU,
// zero padding) without a full-size activation in global memory. Compiled at run time; no includes.
//
// A block walks down a strip of 64 columns. Shared memory holds only the last rows of each
// quantity, in rings, and the 16 warps of a block are a pipeline: in one step of 3 rows
//
//   light  (4 warps)  input rows -> ring;  h1 = relu(conv1(x));  d = out - target, loss;
//                     dh2 = conv3'(d);  dW3, db2, db3
//   second (4 warps)  h2 = relu(conv2(h1));  conv3 summed over channels and rows
//   back   (4 warps)  dh1 = conv2'(dh2);  dW1, db1
//   outer  (4 warps)  dW2 = h1 x dh2
//
// each role works on rows that the roles before it finished in an earlier step, so that one barrier
// a step is enough, and a warp keeps its weights and its sums in registers for the whole launch.
// A block's rows may cross from one strip into the next: each segment is followed by its halo.
//
// Every output pixel belongs to one segment: d is zero outside the segment, gradients are linear
// in d, and so the halo of 3 is recomputed for the forward pass only.
//
// Coordinates of a segment with its first output pixel at (y0, x0): in row i and column j of the
// rings, x is the image at (y0 - 3 + i, x0 - 3 + j), h1 at (-2), h2 at (-1) and the output at (-0).
//
// Arithmetic: float16 operands, float32 sums (mma.sync). The forward pass takes weights and
// activations in two float16 parts each, high and rest, and leaves out rest times rest: so it is as
// good as float32. The rounding of weights does not average out over the pixels, and the rounding of
// activations turns the sign of those near zero, which moves the gradients. The backward pass takes one part.

#ifndef EXACT
#define EXACT 1  // h1 in two parts for conv2: needs 110 KiB of shared memory rather than 98
#endif

#include "warps.cuh"

constexpr int COLUMNS = 64;           // of a strip, with the halo of the activations
constexpr int CORE = COLUMNS - 4;     // output columns of a strip
constexpr int TRAIL = 6;              // rows that a segment needs after its last row
constexpr int STEP = 3;               // rows per step: the accumulators of a 3x3 kernel rotate in it
constexpr int LAG = 18;               // rows between the input and the last role
constexpr int LAG_FORWARD = 9;        // rows between the input and the output
constexpr float SCALE = 16.0f;        // of d, so that float16 gradients stay clear of subnormals

constexpr int W1 = 0, B1 = 144, W2 = 160, B2 = 2464, W3 = 2480, B3 = 2624, LOSS = 2625, SUMS = 2626;
constexpr int PITCH = 2688;           // of a block's sums

// Rings: depth in rows, bytes per row. Channels 0-7 and 8-15 are planes of 16 bytes per pixel, so
// that 8 neighbors are 128 bytes in a row: no bank conflict, and a kernel tap is a constant offset.
constexpr int X_DEPTH = 24, X_ROW = 80 * 4;                    // (x[j], x[j + 1]) as 2 halves
constexpr int LOW_DEPTH = 8;                                   // the same for what their rounding left
constexpr int H1_DEPTH = 19, PLANE = 66 * 16, H1_ROW = 2 * PLANE;
constexpr int REST_DEPTH = 6;                                  // what the rounding of h1 left
constexpr int H2_DEPTH = 11, H2_PLANE = 64 * 16, H2_ROW = 2 * H2_PLANE;
constexpr int D_DEPTH = 8, D_ROW = 80 * 4;                     // (d[j - 2], d[j - 1]) as 2 halves
constexpr int DH2_DEPTH = 6, DH2_ROW = 2 * PLANE;              // column j is stored at j + 2
constexpr int Z_DEPTH = 6, Z_LINE = 72 * 4, Z_ROW = 3 * Z_LINE;  // [kernel column][j], float
constexpr int TABLE_DEPTH = 64;

constexpr int X_AT = 16;  // the pair before the first
constexpr int LOW_AT = X_AT + X_DEPTH * X_ROW;
constexpr int H1_AT = LOW_AT + LOW_DEPTH * X_ROW;
constexpr int H2_AT = H1_AT + H1_DEPTH * H1_ROW;
constexpr int D_AT = H2_AT + H2_DEPTH * H2_ROW;
constexpr int DH2_AT = D_AT + D_DEPTH * D_ROW;
constexpr int Z_AT = DH2_AT + DH2_DEPTH * DH2_ROW;             // one ring per half of the channels
constexpr int TABLE_AT = Z_AT + 2 * Z_DEPTH * Z_ROW;
constexpr int REST_AT = TABLE_AT + TABLE_DEPTH * 16;
constexpr int MEMORY = REST_AT + EXACT * REST_DEPTH * H1_ROW;
static_assert(MEMORY <= (EXACT ? 110 : 99) * 1024, "fused_baseline.py asks for this much; compute capability 8.6 has 99 KiB");
static_assert(4 * SUMS * 4 <= MEMORY, "the sums of four warps reuse the rings");

// What rounding to float16 left of two values, in float16.
__device__ __forceinline__ u32 rest_of(u32 both, float low, float high)
{
    return pack(low - lower(both), high - lower(both >> 16));
}

template <typename T> __device__ __forceinline__ T& at(int offset)
{
    return *reinterpret_cast<T*>(memory + offset);
}

// What a row of the stream is: image row of x, first output column, output columns (0 in the halo).
struct __align__(16) Row { int y, x0, width, image; };
constexpr Row NOWHERE = {-(1 << 28), 0, 0, 0};

// The block's share: output rows first..last of the strips, one strip after the other.
struct Share {
    const float* noisy;
    const float* target;
    const float* weights;
    float* output;
    int height, width, strips, first, last;

    __device__ __forceinline__ int rows() const
    {
        const int segments = last > first ? (last - 1) / height - first / height + 1 : 0;
        return last - first + TRAIL * segments;
    }

    __device__ __forceinline__ int steps(int lag) const
    {
        return last > first ? (rows() + lag) / STEP + 1 : 0;
    }
};

// Walks the rows of a share in order.
struct Stream {
    int start, position, rows, y0, x0, image;

    __device__ __forceinline__ void open(const Share& share)
    {
        const int strip = position / share.height;
        y0 = position - strip * share.height;
        image = strip / share.strips;
        x0 = (strip - image * share.strips) * CORE;
        rows = min(share.height - y0, share.last - position);
    }

    __device__ __forceinline__ Row row(const Share& share, int number)
    {
        while (position < share.last && number >= start + rows + TRAIL) {
            start += rows + TRAIL;
            position += rows;
            open(share);
        }
        if (position >= share.last) return NOWHERE;
        const int i = number - start;
        return Row{y0 - 3 + i, x0, i < rows ? min(CORE, share.width - x0) : 0, image};
    }
};

__device__ __forceinline__ Row row_at(int number)
{
    return at<Row>(TABLE_AT + (number & (TABLE_DEPTH - 1)) * 16);
}

__device__ __forceinline__ bool inside(int index, int size)
{
    return static_cast<u32>(index) < static_cast<u32>(size);
}

// The offset of a row in its ring.
__device__ __forceinline__ int ring(int number, int depth, int row)
{
    return static_cast<u32>(number + 8 * depth) % depth * row;  // the pipeline starts at row -21
}

__device__ __forceinline__ int next(int offset, int depth, int row)
{
    return offset + row == depth * row ? 0 : offset + row;
}

// Zeros outside the image: each layer of the network pads with zeros.
struct Border {
    u32 left, right;  // masks of columns j and j + 8

    __device__ __forceinline__ Border(const Row& row, int y, int x, int height, int width)
    {
        const bool there = inside(row.y + y, height);
        left = there && inside(row.x0 + x, width) ? ~0u : 0u;
        right = there && inside(row.x0 + x + 8, width) ? ~0u : 0u;
    }
};

// A 3x3 kernel on one channel as the second operand: k = 4 * row + column (the 4th column is 0).
// `flipped` turns the kernel by 180 degrees. In two parts: high and what its rounding left.
__device__ __forceinline__ void small_kernel(u32 (&part)[2][2][2], const float* kernels, int lane, bool flipped)
{
    const int g = lane >> 2, t = lane & 3;
    for (int n = 0; n < 2; n++)
        for (int k = 0; k < 2; k++) {
            const int y = k * 2 + (t >> 1), x = (t & 1) * 2;
            const float* kernel = kernels + (n * 8 + g) * 9;
            const int tap = y * 3 + x;
            const float w0 = y < 3 ? kernel[flipped ? 8 - tap : tap] : 0.0f;
            const float w1 = y < 3 && x == 0 ? kernel[flipped ? 7 - tap : tap + 1] : 0.0f;
            part[0][n][k] = pack(w0, w1);
            part[1][n][k] = rest_of(part[0][n][k], w0, w1);
        }
}

// 16 pixels x 16 taps of a ring of pairs, rows top..top + 2: the first operand of small_kernel.
__device__ __forceinline__ void load_taps(u32 (&a)[4], int top, int middle, int bottom, int lane)
{
    const int g = lane >> 2, t = lane & 3;
    const int column = (g + (t & 1) * 2) * 4;
    const int upper = (t >> 1 ? middle : top) + column;
    a[0] = at<u32>(upper);
    a[1] = at<u32>(upper + 32);
    a[2] = at<u32>(bottom + column);
    a[3] = at<u32>(bottom + column + 32);
}

// 16 taps x 16 pixels: row g is tap g (row 8 tap 8, row 9 ones, the rest is never read).
__device__ __forceinline__ void load_taps_by_pixel(u32 (&a)[4], int top, int middle, int bottom, int lane)
{
    const int g = lane >> 2, t = lane & 3;
    const int row = g < 3 ? top : g < 6 ? middle : bottom;
    const int column = (g % 3 + t * 2) * 4;
    const int last = bottom + (2 + t * 2) * 4;
    a[0] = at<u32>(row + column);
    a[2] = at<u32>(row + column + 32);
    a[1] = g == 1 ? 0x3c003c00u : at<u32>(last);
    a[3] = g == 1 ? 0x3c003c00u : at<u32>(last + 32);
}

// ---------------------------------------------------------------- second: h1 -> h2 -> sums of conv3

// A finished row of h2: rounded, stored, and multiplied with conv3 while it is in registers.
struct Finish {
    float z[2][3][4] = {};
    u32 h2[2][2], rest[2][2];
    int left, h2_at, z_at, h2_row, z_row, number;

    __device__ __forceinline__ void take(const float (&sum)[2][3][4], int done)
    {
#pragma unroll
        for (int group = 0; group < 2; group++) {
            const float (&s)[4] = sum[group][done];
#pragma unroll
            for (int k = 0; k < 2; k++) {
                h2[group][k] = pack_relu(s[2 * k], s[2 * k + 1]);
                rest[group][k] = rest_of(h2[group][k], fmaxf(s[2 * k], 0.0f), fmaxf(s[2 * k + 1], 0.0f));
            }
        }
    }

    __device__ __forceinline__ void multiply(const u32 (&outer)[3], int u, int height, int width)
    {
        const Row row = row_at(number);
#pragma unroll
        for (int group = 0; group < 2; group++) {
            const Border border(row, 2, left + group * 16 - 1, height, width);
            h2[group][0] &= border.left, rest[group][0] &= border.left;
            h2[group][1] &= border.right, rest[group][1] &= border.right;
            at<u32>(h2_at + h2_row + group * 256) = h2[group][0];
            at<u32>(h2_at + h2_row + group * 256 + 128) = h2[group][1];
            z[group][u][0] = z[group][u][1] = z[group][u][2] = z[group][u][3] = 0.0f;
#pragma unroll
            for (int y = 0; y < 3; y++) multiply_short(z[group][(u - y + 3) % 3], h2[group][0], h2[group][1], outer[y]);
#pragma unroll
            for (int y = 0; y < 3; y++)
                multiply_short(z[group][(u - y + 3) % 3], rest[group][0], rest[group][1], outer[y]);
        }
        number++;
        h2_row = next(h2_row, H2_DEPTH, H2_ROW);
    }

    __device__ __forceinline__ void store(int u, int t)
    {
#pragma unroll
        for (int group = 0; group < 2; group++) {
            const float (&r)[4] = z[group][(u + 1) % 3];
            if (t < 3) {
                at<float>(z_at + z_row + group * 64) = r[0] + r[1];
                at<float>(z_at + z_row + group * 64 + 32) = r[2] + r[3];
            }
        }
        z_row = next(z_row, Z_DEPTH, Z_ROW);
    }
};

// Row u of h1, shifted by x, times the weights of the three rows of h2 that it reaches.
__device__ __forceinline__ void multiply_rows(float (&sum)[2][3][4], const u32 (&a)[2][4], const u32 (&weight)[9][2],
                                              int u, int x)
{
#pragma unroll
    for (int y = 2; y >= 0; y--)
#pragma unroll
        for (int group = 0; group < 2; group++)
            multiply(sum[group][(u - y + 3) % 3], a[group], weight[y * 3 + x][0], weight[y * 3 + x][1]);
}

// 8 output channels of 32 columns per warp: so the high and low parts of its weights fit in registers.
__device__ __forceinline__ void second(const Share& share, int warp, int lane, int steps, int threads)
{
    const int g = lane >> 2, t = lane & 3;
    const int half = warp & 1, left = (warp >> 1) * 32;
    u32 high[9][2], low[9][2], outer[3];
#pragma unroll
    for (int tap = 0; tap < 9; tap++)
#pragma unroll
        for (int k = 0; k < 2; k++) {
            const float* w = share.weights + W2 + ((half * 8 + g) * 16 + 2 * t + 8 * k) * 9 + tap;
            high[tap][k] = pack(w[0], w[9]);
            low[tap][k] = rest_of(high[tap][k], w[0], w[9]);
        }
    // conv3: column n of the second operand is kernel column n / 2, its high part or its low part.
#pragma unroll
    for (int y = 0; y < 3; y++) {
        const float* w = share.weights + W3 + (half * 8 + 2 * t) * 9 + y * 3 + (g >> 1);
        const float w0 = g < 6 ? w[0] : 0.0f, w1 = g < 6 ? w[9] : 0.0f;
        const u32 both = pack(w0, w1);
        outer[y] = g & 1 ? rest_of(both, w0, w1) : both;
    }
    const float* bias = share.weights + B2 + half * 8 + 2 * t;
    const float bias0 = bias[0], bias1 = bias[1];
    Finish finish;
    finish.left = left + g;
    finish.h2_at = H2_AT + half * H2_PLANE + (left + g) * 16 + t * 4;
    finish.z_at = Z_AT + half * Z_DEPTH * Z_ROW + t * Z_LINE + (left + g) * 4;
    finish.h2_row = ring(-10, H2_DEPTH, H2_ROW), finish.z_row = ring(-12, Z_DEPTH, Z_ROW), finish.number = -10;
    float sum[2][3][4] = {};
    const int matrix = (lane >> 4) * PLANE + (left + (lane & 15)) * 16;
    const u32 source = shared_address(H1_AT + matrix), rest = shared_address(REST_AT + matrix);
    int h1_row = ring(-8, H1_DEPTH, H1_ROW), rest_row = ring(-8, REST_DEPTH, H1_ROW);
    for (int step = 0; step < steps; step++) {
        // What a row needs after its products is done between those of the next row.
#pragma unroll
        for (int u = 0; u < 3; u++) {
#pragma unroll
            for (int group = 0; group < 2; group++) {
                sum[group][u][0] = sum[group][u][2] = bias0;
                sum[group][u][1] = sum[group][u][3] = bias1;
            }
#pragma unroll
            for (int x = 0; x < 3; x++) {
                u32 a[2][4], b[2][4];
                load_matrices(a[0], source + h1_row + x * 16);
                load_matrices(a[1], source + h1_row + x * 16 + 256);
                if (EXACT) {
                    load_matrices(b[0], rest + rest_row + x * 16);
                    load_matrices(b[1], rest + rest_row + x * 16 + 256);
                }
                multiply_rows(sum, a, high, u, x);
                multiply_rows(sum, a, low, u, x);
                if (EXACT) multiply_rows(sum, b, high, u, x);
                if (u > 0 && x == 0) finish.multiply(outer, u - 1, share.height, share.width);
                if (u > 0 && x == 1) finish.store(u - 1, t);
            }
            finish.take(sum, (u + 1) % 3);
            h1_row = next(h1_row, H1_DEPTH, H1_ROW);
            rest_row = next(rest_row, REST_DEPTH, H1_ROW);
        }
        finish.multiply(outer, 2, share.height, share.width);
        finish.store(2, t);
        barrier(threads);
    }
}

// ---------------------------------------------------------------- back: dh2 -> dh1 -> dW1, db1

// Weights as float16, each carrying the rounding error of the one before on to the next tap: the
// sum over the kernel, which is what a smooth gradient sees, keeps its value.
__device__ __forceinline__ void diffused(u32 (&part)[9][2][2], const float* weights, int lane)
{
    const int g = lane >> 2, t = lane & 3;
#pragma unroll
    for (int n = 0; n < 2; n++)
#pragma unroll
        for (int k = 0; k < 2; k++) {
            const float* w = weights + ((2 * t + 8 * k) * 16 + n * 8 + g) * 9;
            float carry0 = 0.0f, carry1 = 0.0f;
#pragma unroll
            for (int tap = 0; tap < 9; tap++) {
                const float w0 = w[tap] + carry0, w1 = w[144 + tap] + carry1;
                const u32 both = pack(w0, w1);
                carry0 = w0 - lower(both);
                carry1 = w1 - lower(both >> 16);
                part[tap][n][k] = both;
            }
        }
}

__device__ __forceinline__ void back(const Share& share, int warp, int lane, int steps, int threads,
                                     float (&first)[2][4])
{
    const int g = lane >> 2, t = lane & 3, left = warp * 16;
    u32 weight[9][2][2];
    diffused(weight, share.weights + W2, lane);

    float sum[3][2][4] = {};
    const u32 source = shared_address(DH2_AT + (lane >> 4) * PLANE + (left + (lane & 15) + 2) * 16);
    const int h1_at = H1_AT + (left + g) * 16 + t * 4;
    const int x_at = X_AT + left * 4;
    int h1_row = ring(-21, H1_DEPTH, H1_ROW), dh2_row = ring(-21, DH2_DEPTH, DH2_ROW);
    int top = ring(-21, X_DEPTH, X_ROW), middle = ring(-20, X_DEPTH, X_ROW);
    for (int step = 0; step < steps; step++) {
#pragma unroll
        for (int u = 0; u < 3; u++) {
            // dh2 row r reaches dh1 rows r, r + 1, r + 2: row r has all its parts after this one.
            const int fresh = (u + 2) % 3;
#pragma unroll
            for (int n = 0; n < 2; n++)
                sum[fresh][n][0] = sum[fresh][n][1] = sum[fresh][n][2] = sum[fresh][n][3] = 0.0f;
#pragma unroll
            for (int x = 0; x < 3; x++) {
                u32 a[4];
                load_matrices(a, source + dh2_row - x * 16);
#pragma unroll
                for (int y = 0; y < 3; y++)
#pragma unroll
                    for (int n = 0; n < 2; n++)
                        multiply(sum[(u + y) % 3][n], a, weight[y * 3 + x][n][0], weight[y * 3 + x][n][1]);
            }
            const int bottom = next(middle, X_DEPTH, X_ROW);
            u32 taps[4];
            load_taps_by_pixel(taps, x_at + top, x_at + middle, x_at + bottom, lane);
#pragma unroll
            for (int n = 0; n < 2; n++) {
                const int h1 = h1_at + h1_row + n * PLANE;
                const float (&s)[4] = sum[u][n];
                const u32 b0 = pack(s[0], s[1]) & positive(at<u32>(h1));
                const u32 b1 = pack(s[2], s[3]) & positive(at<u32>(h1 + 128));
                multiply(first[n], taps, transpose(b0), transpose(b1));
            }
            top = middle;
            middle = bottom;
            h1_row = next(h1_row, H1_DEPTH, H1_ROW);
            dh2_row = next(dh2_row, DH2_DEPTH, DH2_ROW);
        }
        barrier(threads);
    }
}

// ---------------------------------------------------------------- outer: dW2

__device__ __forceinline__ void outer_product(int warp, int lane, int steps, int threads, float (&sum)[9][2][4])
{
    const int left = warp * 16;
    const u32 h1 = shared_address(H1_AT + (lane >> 3 & 1) * PLANE + (left + (lane & 7) + (lane >> 4) * 8) * 16);
    const u32 dh2 = shared_address(DH2_AT + (lane >> 4) * PLANE + (left + (lane & 15) + 2) * 16);
    u32 b[3][4] = {};
    int h1_row = ring(-21, H1_DEPTH, H1_ROW), dh2_row = ring(-21, DH2_DEPTH, DH2_ROW);
    for (int step = 0; step < steps; step++) {
#pragma unroll
        for (int u = 0; u < 3; u++) {
            load_transposed(b[u], dh2 + dh2_row);
#pragma unroll
            for (int x = 0; x < 3; x++) {
                u32 a[4];
                load_transposed(a, h1 + h1_row + x * 16);
#pragma unroll
                for (int y = 0; y < 3; y++) {
                    const u32 (&p)[4] = b[(u - y + 3) % 3];
                    multiply(sum[y * 3 + x][0], a, p[0], p[1]);
                    multiply(sum[y * 3 + x][1], a, p[2], p[3]);
                }
            }
            h1_row = next(h1_row, H1_DEPTH, H1_ROW);
            dh2_row = next(dh2_row, DH2_DEPTH, DH2_ROW);
        }
        barrier(threads);
    }
}

// ---------------------------------------------------------------- light: the small layers, the loss

// A value into its pair and into the pair before it; a ring begins with room for that.
__device__ __forceinline__ void put_pair(int offset, u32 bits)
{
    at<u16>(offset) = static_cast<u16>(bits);
    at<u16>(offset - 2) = static_cast<u16>(bits);
}

// Input rows: read one step ahead, so that the step never waits for global memory.
struct Input {
    Stream stream;
    Row row;
    float value[3];

    __device__ __forceinline__ void fetch(const Share& share, int number, int lane)
    {
        row = stream.row(share, number);
        const bool there = inside(row.y, share.height);
        const float* line = share.noisy + (static_cast<long long>(row.image) * share.height + (there ? row.y : 0))
                                              * share.width;
#pragma unroll
        for (int part = 0; part < 3; part++) {
            const int x = row.x0 - 3 + part * 32 + lane;
            value[part] = there && inside(x, share.width) && part * 32 + lane < 68 ? line[x] : 0.0f;
        }
    }

    __device__ __forceinline__ void store(int number, int lane) const
    {
        if (lane == 0) at<Row>(TABLE_AT + (number & (TABLE_DEPTH - 1)) * 16) = row;
        const int high = X_AT + ring(number, X_DEPTH, X_ROW), low = LOW_AT + ring(number, LOW_DEPTH, X_ROW);
#pragma unroll
        for (int part = 0; part < 3; part++) {
            const int j = part * 32 + lane;
            const u32 bits = pack(value[part], value[part]);
            if (j >= 68) continue;
            put_pair(high + j * 4, bits);
            put_pair(low + j * 4, pack(value[part] - lower(bits), 0.0f));
        }
    }
};

// The output row: residual, loss and its pairs for the backward pass, or the output itself.
template <bool TRAIN> struct Output {
    float target[2], bias, loss, sum;

    __device__ __forceinline__ void fetch(const Share& share, int number, int lane)
    {
        const Row row = row_at(number);
        const long long line = (static_cast<long long>(row.image) * share.height + row.y + 3) * share.width + row.x0;
#pragma unroll
        for (int part = 0; part < 2; part++) {
            const int j = part * 32 + lane;
            target[part] = j < row.width ? share.target[line + j] : 0.0f;
        }
    }

    __device__ __forceinline__ void finish(const Share& share, int number, int z, int d, int lane)
    {
        const Row row = row_at(number);
#pragma unroll
        for (int part = 0; part < 2; part++) {
            const int j = part * 32 + lane;
            float result = bias;
#pragma unroll
            for (int x = 0; x < 3; x++)
                result += at<float>(z + x * Z_LINE + (j + x) * 4)
                          + at<float>(z + Z_DEPTH * Z_ROW + x * Z_LINE + (j + x) * 4);
            if (TRAIN) {
                const float residual = j < row.width ? result - target[part] : 0.0f;
                loss += residual * residual;
                sum += residual;
                put_pair(d + (j + 2) * 4, pack(residual * SCALE, 0.0f));
            } else if (j < row.width) {
                const long long line = (static_cast<long long>(row.image) * share.height + row.y + 3) * share.width;
                share.output[line + row.x0 + j] = result;
            }
        }
    }
};

// h1 of 16 columns.
struct First {
    u32 weight[2][2][2];
    float bias[2][2];

    __device__ __forceinline__ void load(const float* weights, int lane)
    {
        small_kernel(weight, weights + W1, lane, false);
        for (int n = 0; n < 2; n++)
            for (int k = 0; k < 2; k++) bias[n][k] = weights[B1 + n * 8 + (lane & 3) * 2 + k];
    }

    __device__ __forceinline__ void apply(const u32 (&high)[4], const u32 (&low)[4], int h1, int rest,
                                          const Border& border) const
    {
#pragma unroll
        for (int n = 0; n < 2; n++) {
            float s[4] = {bias[n][0], bias[n][1], bias[n][0], bias[n][1]};
            multiply(s, high, weight[0][n][0], weight[0][n][1]);
            multiply(s, high, weight[1][n][0], weight[1][n][1]);
            multiply(s, low, weight[0][n][0], weight[0][n][1]);
            put(s[0], s[1], h1 + n * PLANE, rest + n * PLANE, border.left);
            put(s[2], s[3], h1 + n * PLANE + 128, rest + n * PLANE + 128, border.right);
        }
    }

    static __device__ __forceinline__ void put(float s0, float s1, int h1, int rest, u32 mask)
    {
        const u32 both = pack_relu(s0, s1);
        at<u32>(h1) = both & mask;
        if (EXACT) at<u32>(rest) = rest_of(both, fmaxf(s0, 0.0f), fmaxf(s1, 0.0f)) & mask;
    }
};

// dh2 of 16 columns, and what the last layer's gradients gain from them.
struct Last {
    u32 weight[2][2][2];
    float kernel[2][4], bias[2][2];

    __device__ __forceinline__ void apply(const u32 (&taps)[4], const u32 (&h2)[2][2], int dh2)
    {
#pragma unroll
        for (int n = 0; n < 2; n++) {
            float s[4] = {};
            multiply(s, taps, weight[0][n][0], weight[0][n][1]);
            multiply(s, taps, weight[1][n][0], weight[1][n][1]);
            const u32 upper = h2[n][0], under = h2[n][1];
            at<u32>(dh2 + n * PLANE) = pack(s[0], s[1]) & positive(upper);
            at<u32>(dh2 + n * PLANE + 128) = pack(s[2], s[3]) & positive(under);
            bias[n][0] += (upper & 0xffffu ? s[0] : 0.0f) + (under & 0xffffu ? s[2] : 0.0f);
            bias[n][1] += (upper >> 16 ? s[1] : 0.0f) + (under >> 16 ? s[3] : 0.0f);
        }
    }
};

template <bool TRAIN>
__device__ __forceinline__ void light(const Share& share, int warp, int lane, int steps, int threads,
                                      Last& last, Output<TRAIN>& output)
{
    const int g = lane >> 2, t = lane & 3, left = warp * 16;
    First first;
    first.load(share.weights, lane);
    last = Last{};
    if (TRAIN) small_kernel(last.weight, share.weights + W3, lane, true);
    output = Output<TRAIN>{};
    output.bias = share.weights[B3];
    Input input;
    input.stream = Stream{0, share.first, 0, 0, 0, 0};
    input.stream.open(share);
    if (warp < 3) input.fetch(share, warp, lane);

    const int h1_at = H1_AT + (left + g) * 16 + t * 4, h2_at = H2_AT + (left + g) * 16 + t * 4;
    const int dh2_at = DH2_AT + (left + g + 2) * 16 + t * 4;
    const int x_at = X_AT + left * 4, low_at = LOW_AT + left * 4, d_at = D_AT + left * 4;
    const u32 h2_matrix = shared_address(H2_AT + (lane >> 4) * H2_PLANE + (left + (lane & 15)) * 16);
    const int rest_at = REST_AT + (left + g) * 16 + t * 4;
    int rest_row = ring(-5, REST_DEPTH, H1_ROW);
    int x_row = ring(-5, X_DEPTH, X_ROW), low_row = ring(-5, LOW_DEPTH, X_ROW), h1_row = ring(-5, H1_DEPTH, H1_ROW);
    int d_row = ring(-20, D_DEPTH, D_ROW), h2_row = ring(-18, H2_DEPTH, H2_ROW);
    int dh2_row = ring(-18, DH2_DEPTH, DH2_ROW);
    for (int step = 0; step < steps; step++) {
        const int now = step * STEP;
        if (warp < 3) {
            input.store(now + warp, lane);
            input.fetch(share, now + STEP + warp, lane);
            output.finish(share, now - 15 + warp, Z_AT + ring(now - 15 + warp, Z_DEPTH, Z_ROW),
                          D_AT + ring(now - 15 + warp, D_DEPTH, D_ROW), lane);
            if (TRAIN) output.fetch(share, now + STEP - 15 + warp, lane);
        }
        // All loads of a stage stand before its stores: the compiler cannot tell the rings apart.
        u32 high[3][4], low[3][4];
        Row rows[3];
#pragma unroll
        for (int u = 0; u < 3; u++) {
            const int middle = next(x_row, X_DEPTH, X_ROW), bottom = next(middle, X_DEPTH, X_ROW);
            const int low_middle = next(low_row, LOW_DEPTH, X_ROW), low_bottom = next(low_middle, LOW_DEPTH, X_ROW);
            load_taps(high[u], x_at + x_row, x_at + middle, x_at + bottom, lane);
            load_taps(low[u], low_at + low_row, low_at + low_middle, low_at + low_bottom, lane);
            rows[u] = row_at(now - 5 + u);
            x_row = middle;
            low_row = low_middle;
        }
#pragma unroll
        for (int u = 0; u < 3; u++) {
            const Border border(rows[u], 1, left + g - 2, share.height, share.width);
            first.apply(high[u], low[u], h1_at + h1_row, rest_at + rest_row, border);
            h1_row = next(h1_row, H1_DEPTH, H1_ROW);
            rest_row = next(rest_row, REST_DEPTH, H1_ROW);
        }
        if (TRAIN) {
            u32 taps[3][4], by_pixel[3][4], h2[3][2][2], h2_by_pixel[3][4];
#pragma unroll
            for (int u = 0; u < 3; u++) {
                const int middle = next(d_row, D_DEPTH, D_ROW), bottom = next(middle, D_DEPTH, D_ROW);
                load_taps(taps[u], d_at + d_row, d_at + middle, d_at + bottom, lane);
                load_taps_by_pixel(by_pixel[u], d_at + d_row, d_at + middle, d_at + bottom, lane);
                load_transposed(h2_by_pixel[u], h2_matrix + h2_row);
#pragma unroll
                for (int n = 0; n < 2; n++)
#pragma unroll
                    for (int k = 0; k < 2; k++) h2[u][n][k] = at<u32>(h2_at + h2_row + n * H2_PLANE + k * 128);
                d_row = middle;
                h2_row = next(h2_row, H2_DEPTH, H2_ROW);
            }
#pragma unroll
            for (int u = 0; u < 3; u++) {
                last.apply(taps[u], h2[u], dh2_at + dh2_row);
                dh2_row = next(dh2_row, DH2_DEPTH, DH2_ROW);
            }
#pragma unroll
            for (int u = 0; u < 3; u++) {
                multiply(last.kernel[0], by_pixel[u], h2_by_pixel[u][0], h2_by_pixel[u][1]);
                multiply(last.kernel[1], by_pixel[u], h2_by_pixel[u][2], h2_by_pixel[u][3]);
            }
        }
        barrier(threads);
    }
}

// ---------------------------------------------------------------- sums of a block

__device__ __forceinline__ float summed(float value, int from)
{
    for (int distance = from; distance < 32; distance *= 2) value += exchanged(value, distance);
    return value;
}

__device__ __forceinline__ float& sum_of(int warp, int index) { return at<float>((warp * SUMS + index) * 4); }

__device__ __forceinline__ void put_first(const float (&first)[2][4], int warp, int lane)
{
    const int g = lane >> 2, t = lane & 3;
    for (int n = 0; n < 2; n++)
        for (int k = 0; k < 2; k++) {
            const int channel = n * 8 + t * 2 + k;
            sum_of(warp, W1 + channel * 9 + g) = first[n][k];
            if (g == 0) sum_of(warp, W1 + channel * 9 + 8) = first[n][2 + k];
            if (g == 1) sum_of(warp, B1 + channel) = first[n][2 + k];
        }
}

__device__ __forceinline__ void put_second(const float (&sum)[9][2][4], int warp, int lane)
{
    const int g = lane >> 2, t = lane & 3;
#pragma unroll
    for (int tap = 0; tap < 9; tap++)
#pragma unroll
        for (int n = 0; n < 2; n++)
#pragma unroll
            for (int k = 0; k < 4; k++) {
                const int to = n * 8 + t * 2 + (k & 1), from = g + (k >> 1) * 8;
                sum_of(warp, W2 + (to * 16 + from) * 9 + tap) = sum[tap][n][k];
            }
}

__device__ __forceinline__ void put_last(const Last& last, const Output<true>& output, int warp, int lane)
{
    const int g = lane >> 2, t = lane & 3;
#pragma unroll
    for (int n = 0; n < 2; n++)
#pragma unroll
        for (int k = 0; k < 2; k++) {
            const int channel = n * 8 + t * 2 + k;
            // Row g is the kernel turned by 180 degrees, as d is read.
            sum_of(warp, W3 + channel * 9 + 8 - g) = last.kernel[n][k];
            if (g == 0) sum_of(warp, W3 + channel * 9) = last.kernel[n][2 + k];
            const float bias = summed(last.bias[n][k], 4);
            if (g == 0) sum_of(warp, B2 + channel) = bias;
        }
    const float sum = summed(output.sum, 1) * SCALE, loss = summed(output.loss, 1);
    if (lane == 0) {
        sum_of(warp, B3) = sum;
        sum_of(warp, LOSS) = loss;
    }
}

__device__ __forceinline__ void clear(int threads)
{
    for (int k = threadIdx.x; k < MEMORY / 4; k += threads) at<u32>(k * 4) = 0;
    barrier(threads);
    for (int k = threadIdx.x; k < TABLE_DEPTH; k += threads)
        at<Row>(TABLE_AT + k * 16) = NOWHERE;
    barrier(threads);
}

__device__ __forceinline__ Share share_of(const float* noisy, const float* target, const float* weights,
                                          float* output, int images, int height, int width)
{
    const int strips = (width + CORE - 1) / CORE;
    const long long rows = static_cast<long long>(images) * strips * height;
    return Share{noisy, target, weights, output, height, width, strips,
                 static_cast<int>(rows * blockIdx.x / gridDim.x),
                 static_cast<int>(rows * (blockIdx.x + 1) / gridDim.x)};
}

// ---------------------------------------------------------------- kernels

extern "C" __global__ void __launch_bounds__(512, 1)
train(const float* noisy, const float* target, const float* weights, float* sums, int images, int height,
      int width)
{
    constexpr int THREADS = 512;
    const int lane = threadIdx.x & 31, role = threadIdx.x >> 7, warp = threadIdx.x >> 5 & 3;
    const Share share = share_of(noisy, target, weights, nullptr, images, height, width);
    const int steps = share.steps(LAG);
    clear(THREADS);
    // Each role's sums live in registers from its loop to the barrier after it, when the rings are free.
    if (role == 0) {
        Last last;
        Output<true> output;
        light<true>(share, warp, lane, steps, THREADS, last, output);
        barrier(THREADS);
        put_last(last, output, warp, lane);
    } else if (role == 1) {
        float sum[9][2][4] = {};
        outer_product(warp, lane, steps, THREADS, sum);
        barrier(THREADS);
        put_second(sum, warp, lane);
    } else if (role == 2) {
        float first[2][4] = {};
        back(share, warp, lane, steps, THREADS, first);
        barrier(THREADS);
        put_first(first, warp, lane);
    } else {
        second(share, warp, lane, steps, THREADS);
        barrier(THREADS);
    }
    barrier(THREADS);
    for (int k = threadIdx.x; k < SUMS; k += THREADS)
        sums[blockIdx.x * PITCH + k] = (sum_of(0, k) + sum_of(1, k)) + (sum_of(2, k) + sum_of(3, k));
}

extern "C" __global__ void __launch_bounds__(256, 2)
denoise(const float* noisy, const float* weights, float* output, int images, int height, int width)
{
    constexpr int THREADS = 256;
    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5 & 3;
    const Share share = share_of(noisy, nullptr, weights, output, images, height, width);
    const int steps = share.steps(LAG_FORWARD);
    clear(THREADS);
    if (threadIdx.x < 128) {
        second(share, warp, lane, steps, THREADS);
    } else {
        Last last;
        Output<false> unused;
        light<false>(share, warp, lane, steps, THREADS, last, unused);
    }
}

// Adds the blocks' sums in a fixed order: the same input gives the same bits. One column per
// threadIdx.x. Where `gradients` is null, takes a step of gradient descent on the weights.
extern "C" __global__ void __launch_bounds__(256)
reduce(const float* sums, int blocks, float* weights, float* gradients, float* loss, float rate, float pixels)
{
    float* part = &at<float>(0);
    const int column = threadIdx.x & 31, row = threadIdx.x >> 5, index = blockIdx.x * 32 + column;
    float total = 0.0f;
    if (index < SUMS)
        for (int block = row; block < blocks; block += 8) total += sums[block * PITCH + index];
    part[row * 32 + column] = total;
    barrier(256);
    if (row > 0 || index >= SUMS) return;
    for (int k = 1; k < 8; k++) total += part[k * 32 + column];
    if (index == LOSS) {
        *loss = total / pixels;
        return;
    }
    const float gradient = total * (2.0f / SCALE / pixels);
    if (gradients)
        gradients[index] = gradient;
    else
        weights[index] -= rate * gradient;
}
