// Passes over whole images, float32: each reads an image once where stock kernels read and write it several times.
// Compiled at run time; no includes but warps.cuh.

#include "warps.cuh"

constexpr int THREADS = 256, GROUP = 8, ROWS = 4, LIMITS = 2;

// Mean, the inverse of the standard deviation, and that deviation: the gray scale of a micrograph.
struct Gray { float mean, factor, std; };

__device__ __forceinline__ float scored_of(float pixel, const Gray& gray, float limit)
{
    return fminf(fmaxf((pixel - gray.mean) * gray.factor, -limit), limit);
}

// Sums of a block for each of COUNT numbers that all its threads have, in an order that is always the same.
template <int COUNT> __device__ void add_up(const double (&mine)[COUNT], double* sums)
{
    double* all = reinterpret_cast<double*>(memory);
    const int thread = threadIdx.x;
    for (int one = 0; one < COUNT; one++)
        all[one * THREADS + thread] = mine[one];
    barrier(THREADS);
    for (int half = THREADS / 2; half; half /= 2) {
        if (thread < half)
            for (int one = 0; one < COUNT; one++)
                all[one * THREADS + thread] += all[one * THREADS + thread + half];
        barrier(THREADS);
    }
    if (thread < COUNT)
        sums[thread] = all[thread * THREADS];
}

// Scored pixels, and how many of them lie at the limits.
extern "C" __global__ void __launch_bounds__(THREADS) score(const float* raw, const Gray* gray, float limit, float* scored, int* clipped, int pixels)
{
    const Gray scale = *gray;
    int beyond = 0;
    for (int at = blockIdx.x * THREADS + threadIdx.x; at < pixels; at += gridDim.x * THREADS) {
        const float value = scored_of(raw[at], scale, limit);
        scored[at] = value;
        beyond += fabsf(value) >= limit;
    }
    if (beyond)
        atomicAdd(clipped, beyond);
}

// Eight results at a time down the columns, each a weighted sum of the same `span` samples from the first one on; the
// weights are (groups, span, 8).
extern "C" __global__ void __launch_bounds__(THREADS) resample_rows(const float* image, int pitch, const int* firsts, const float4* weights, int span, float* made, int width, int results)
{
    const int across = (width + THREADS - 1) / THREADS, groups = (results + GROUP - 1) / GROUP;
    for (int part = blockIdx.x; part < across * groups; part += gridDim.x) {
        const int column = part % across * THREADS + threadIdx.x, group = part / across;
        if (column >= width)
            continue;
        const float* source = image + static_cast<size_t>(firsts[group]) * pitch + column;
        const float4* weight = weights + static_cast<size_t>(group) * span * 2;
        float sums[GROUP] = {};
        for (int sample = 0; sample < span; sample++, source += pitch) {
            const float value = *source;
            const float4 low = weight[2 * sample], high = weight[2 * sample + 1];
            sums[0] += low.x * value;
            sums[1] += low.y * value;
            sums[2] += low.z * value;
            sums[3] += low.w * value;
            sums[4] += high.x * value;
            sums[5] += high.y * value;
            sums[6] += high.z * value;
            sums[7] += high.w * value;
        }
        float* place = made + static_cast<size_t>(group) * GROUP * width + column;
        #pragma unroll
        for (int one = 0; one < GROUP; one++, place += width)
            if (group * GROUP + one < results)
                *place = sums[one];
    }
}

// The same along the rows, with weights (span, 8, groups), so that neighboring threads read neighbors; four rows share them.
extern "C" __global__ void __launch_bounds__(THREADS) resample_columns(const float* image, int pitch, const int* firsts, const float* weights, int span, float* made, int height, int results)
{
    const int groups = (results + GROUP - 1) / GROUP, work = groups * ((height + ROWS - 1) / ROWS);
    for (int at = blockIdx.x * THREADS + threadIdx.x; at < work; at += gridDim.x * THREADS) {
        const int group = at % groups, top = at / groups * ROWS;
        const float* sources[ROWS];
        #pragma unroll
        for (int row = 0; row < ROWS; row++)  // of the last four some may not be there: the last one again
            sources[row] = image + static_cast<size_t>(min(top + row, height - 1)) * pitch + firsts[group];
        const float* weight = weights + group;
        float sums[ROWS][GROUP] = {};
        for (int sample = 0; sample < span; sample++) {
            float values[ROWS];
            #pragma unroll
            for (int row = 0; row < ROWS; row++)
                values[row] = sources[row][sample];
            #pragma unroll
            for (int one = 0; one < GROUP; one++, weight += groups)
                #pragma unroll
                for (int row = 0; row < ROWS; row++)
                    sums[row][one] += *weight * values[row];
        }
        #pragma unroll
        for (int row = 0; row < ROWS; row++) {
            float* place = made + static_cast<size_t>(top + row) * results + group * GROUP;
            #pragma unroll
            for (int one = 0; one < GROUP; one++)
                if (top + row < height && group * GROUP + one < results)
                    place[one] = sums[row][one];
        }
    }
}

// Number, sum and sum of squares of the values within each of two limits, for every block.
extern "C" __global__ void __launch_bounds__(THREADS) count_within(const float* values, const float* limits, double* sums, int number)
{
    double mine[3 * LIMITS] = {};
    for (int at = blockIdx.x * THREADS + threadIdx.x; at < number; at += gridDim.x * THREADS) {
        const double value = values[at];
        for (int one = 0; one < LIMITS; one++)
            if (value >= limits[2 * one] && value <= limits[2 * one + 1]) {
                mine[3 * one] += 1;
                mine[3 * one + 1] += value;
                mine[3 * one + 2] += value * value;
            }
    }
    add_up(mine, sums + 3 * LIMITS * blockIdx.x);
}

// Mean and standard deviation of what the blocks have found, and limits so many deviations from the mean.
extern "C" __global__ void __launch_bounds__(THREADS) tighten(const double* sums, int blocks, float clip, float* limits, double* found)
{
    double mine[3 * LIMITS] = {};
    for (int block = threadIdx.x; block < blocks; block += THREADS)
        for (int one = 0; one < 3 * LIMITS; one++)
            mine[one] += sums[3 * LIMITS * block + one];
    double* total = reinterpret_cast<double*>(memory) + 3 * LIMITS * THREADS;
    add_up(mine, total);
    barrier(THREADS);
    const int one = threadIdx.x;
    if (one < LIMITS) {
        const double mean = total[3 * one + 1] / total[3 * one];
        const double variance = total[3 * one + 2] / total[3 * one] - mean * mean;
        const double std = sqrt(variance > 0 ? variance : 0), reach = clip * std;
        limits[2 * one] = fmaxf(limits[2 * one], static_cast<float>(mean - reach));
        limits[2 * one + 1] = fminf(limits[2 * one + 1], static_cast<float>(mean + reach));
        found[one] = mean;
        found[LIMITS + one] = std;
    }
}

// Where a sample lies that stands at a place of a side that is mirrored at its ends; those are not repeated.
__device__ __forceinline__ int mirrored(int place, int side)
{
    const int period = max(1, 2 * (side - 1)), at = abs(place) % period;
    return min(at, 2 * (side - 1) - at);
}

// What is not signal in a band of rows of a micrograph, scored, and mirrored by a margin.
extern "C" __global__ void __launch_bounds__(THREADS) remove_signal(const float* raw, const float* signal, const Gray* gray, float limit, int height, int width, int top, int margin, float* removed, int tall, int wide)
{
    const Gray scale = *gray;
    for (int row = blockIdx.x; row < tall; row += gridDim.x) {
        const size_t source = static_cast<size_t>(mirrored(top - margin + row, height)) * width;
        for (int column = threadIdx.x; column < wide; column += THREADS) {
            const size_t at = source + mirrored(column - margin, width);
            removed[static_cast<size_t>(row) * wide + column] = scored_of(raw[at], scale, limit) - signal[at];
        }
    }
}

struct Wave { float real, imaginary; };

__device__ __forceinline__ float gain(const float* response, int last, float ring)
{
    const float at = fminf(ring * 2 * last, last - 1e-3f);
    const int below = static_cast<int>(at);
    return response[below] + (at - below) * (response[below + 1] - response[below]);
}

// Coefficients of a real Fourier transform, each by the gain of its ring; to which others are added as they are. Those
// of a column lie side by side, as cuFFT leaves them, or those of a row.
extern "C" __global__ void __launch_bounds__(THREADS) filter_rings(Wave* waves, const float* response, const Wave* added, int last, int tall, int wide, int by_columns)
{
    const int across = wide / 2 + 1, lines = by_columns ? across : tall, length = by_columns ? tall : across;
    for (int line = blockIdx.x; line < lines; line += gridDim.x)
        for (int place = threadIdx.x; place < length; place += THREADS) {
            const int row = by_columns ? place : line, column = by_columns ? line : place;
            const float down = (row < (tall + 1) / 2 ? row : row - tall) / static_cast<float>(tall);
            const float right = column / static_cast<float>(wide);
            const float factor = gain(response, last, sqrtf(down * down + right * right));
            const size_t at = static_cast<size_t>(line) * length + place;
            Wave wave = {waves[at].real * factor, waves[at].imaginary * factor};
            if (added) {
                wave.real += added[at].real;
                wave.imaginary += added[at].imaginary;
            }
            waves[at] = wave;
        }
}

// An image continued beyond its edges: what is smooth mirrored, and upon it what else is on the opposite side.
extern "C" __global__ void __launch_bounds__(THREADS) continue_outwards(const float* image, const float* smooth, int height, int width, int top, int left, float* continued, int tall, int wide)
{
    for (int line = blockIdx.x; line < tall; line += gridDim.x) {
        const int row = top + line;
        const size_t near = static_cast<size_t>(mirrored(row, height)) * width;
        const size_t opposite = static_cast<size_t>((row % height + height) % height) * width;
        for (int place = threadIdx.x; place < wide; place += THREADS) {
            const int column = left + place;
            const bool inside = row >= 0 && row < height && column >= 0 && column < width;
            const size_t there = opposite + (column % width + width) % width;  // inside it is the pixel itself
            const float value = inside ? image[there] : smooth[near + mirrored(column, width)] + (image[there] - smooth[there]);
            continued[static_cast<size_t>(line) * wide + place] = value;
        }
    }
}

// One step of the starlet transform: an image smoothed by a cubic spline whose taps lie a distance apart, and what that leaves out.
extern "C" __global__ void __launch_bounds__(THREADS) smooth(const float* image, int distance, float* smoothed, float* band, int height, int width)
{
    constexpr int TAPS = 5;
    constexpr float SPLINE[TAPS] = {1 / 16.0f, 4 / 16.0f, 6 / 16.0f, 4 / 16.0f, 1 / 16.0f};
    for (int row = blockIdx.x; row < height; row += gridDim.x)
        for (int column = threadIdx.x; column < width; column += THREADS) {
            float sum = 0;
            #pragma unroll
            for (int down = 0; down < TAPS; down++) {
                const int line = min(max(row + (down - TAPS / 2) * distance, 0), height - 1);
                float across = 0;
                #pragma unroll
                for (int right = 0; right < TAPS; right++) {
                    const int place = min(max(column + (right - TAPS / 2) * distance, 0), width - 1);
                    across += SPLINE[right] * image[static_cast<size_t>(line) * width + place];
                }
                sum += SPLINE[down] * across;
            }
            const size_t at = static_cast<size_t>(row) * width + column;
            band[at] = image[at] - sum;
            smoothed[at] = sum;
        }
}

// A band of signal, with the grain that was removed from it, in the micrograph's gray scale; of every block least, most,
// and the sums of the pixels' distances from the mean and of their squares.
extern "C" __global__ void __launch_bounds__(THREADS) restore(const float* signal, const float* grain, int pitch, const Gray* gray, float* result, double* told, int height, int width)
{
    const Gray scale = *gray;
    double mine[2] = {};
    float least = 1 / 0.0f, most = -least;
    for (int row = blockIdx.x; row < height; row += gridDim.x)
        for (int column = threadIdx.x; column < width; column += THREADS) {
            const size_t at = static_cast<size_t>(row) * width + column;
            const float value = grain ? signal[at] + grain[static_cast<size_t>(row) * pitch + column] : signal[at];
            const float pixel = value * scale.std + scale.mean;
            const double distance = static_cast<double>(pixel) - scale.mean;
            result[at] = pixel;
            least = fminf(least, pixel);
            most = fmaxf(most, pixel);
            mine[0] += distance;
            mine[1] += distance * distance;
        }
    float* extremes = reinterpret_cast<float*>(memory) + 4 * THREADS;  // behind the sums
    const int thread = threadIdx.x;
    extremes[thread] = least;
    extremes[THREADS + thread] = most;
    add_up(mine, told + 4 * blockIdx.x + 2);
    for (int half = THREADS / 2; half; half /= 2) {
        if (thread < half) {
            extremes[thread] = fminf(extremes[thread], extremes[thread + half]);
            extremes[THREADS + thread] = fmaxf(extremes[THREADS + thread], extremes[THREADS + thread + half]);
        }
        barrier(THREADS);
    }
    if (thread < 2)
        told[4 * blockIdx.x + thread] = extremes[THREADS * thread];
}
