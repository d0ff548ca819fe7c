// Runs image_passes.cu on the CPU.
// g++ -O2 -march=native -std=c++17 -shared -fPIC -DSOURCE=\"image_passes.cu\" emulate_passes.cpp -o passes.so
#include "emulated_warps.h"
using std::max;
struct alignas(16) float4 { float x, y, z, w; };
static void atomicAdd(int* place, int number) { *place += number; }
#include SOURCE
#define RUN(NAME, GIVEN, PASSED) extern "C" void run_##NAME GIVEN { launch(blocks, THREADS, [=] { NAME PASSED; }); }
RUN(score, (int blocks, const float* raw, const Gray* gray, float limit, float* scored, int* clipped, int pixels), (raw, gray, limit, scored, clipped, pixels))
RUN(resample_rows, (int blocks, const float* image, int pitch, const int* firsts, const float4* weights, int span, float* made, int width, int results), (image, pitch, firsts, weights, span, made, width, results))
RUN(resample_columns, (int blocks, const float* image, int pitch, const int* firsts, const float* weights, int span, float* made, int height, int results), (image, pitch, firsts, weights, span, made, height, results))
RUN(count_within, (int blocks, const float* values, const float* limits, double* sums, int number), (values, limits, sums, number))
RUN(tighten, (int blocks, const double* sums, int given, float clip, float* limits, double* found), (sums, given, clip, limits, found))
RUN(remove_signal, (int blocks, const float* raw, const float* signal, const Gray* gray, float limit, int height, int width, int top, int margin, float* removed, int tall, int wide), (raw, signal, gray, limit, height, width, top, margin, removed, tall, wide))
RUN(filter_rings, (int blocks, Wave* waves, const float* response, const Wave* added, int last, int tall, int wide, int by_columns), (waves, response, added, last, tall, wide, by_columns))
RUN(continue_outwards, (int blocks, const float* image, const float* smooth, int height, int width, int top, int left, float* continued, int tall, int wide), (image, smooth, height, width, top, left, continued, tall, wide))
RUN(smooth, (int blocks, const float* image, int distance, float* smoothed, float* band, int height, int width), (image, distance, smoothed, band, height, width))
RUN(restore, (int blocks, const float* signal, const float* grain, int pitch, const Gray* gray, float* result, double* told, int height, int width), (signal, grain, pitch, gray, result, told, height, width))
// How many bytes of shared memory the last block has written to; before it all bits are set.
extern "C" int touched() { int end = sizeof memory; while (end && memory[end - 1] == 0xff) end--; return end; }
