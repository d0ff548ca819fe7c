// A GPU on the CPU: one fiber per thread, warp instructions as meetings of 32 fibers.
#pragma once
#include <ucontext.h>
#include <cstring>
#include <cstdio>
#include <cstdlib>
#include <cmath>
#include <vector>
#include <algorithm>
#include <functional>
#define EMULATED
#define __device__
#define __host__
#define __global__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __align__(n) alignas(n)
using std::min; using std::fmax;
struct Dim { unsigned x; };
static Dim blockIdx, gridDim;
alignas(16) static unsigned char memory[1 << 18];
struct Lane { ucontext_t c; Dim tid; unsigned phase; bool done; };
static std::vector<Lane> fibers; static int cur; static ucontext_t home;
#define threadIdx (fibers[cur].tid)
typedef unsigned int u32; typedef unsigned short u16;
static int here_arrived[16][2]; static unsigned warp_gen[16];
static u32 slot[16][2][32][12];
static void yield_() { int from = cur; int n = fibers.size(); int to = from;
  do { to = (to + 1) % n; } while (fibers[to].done && to != from);
  if (to == from) return; cur = to; swapcontext(&fibers[from].c, &fibers[to].c); }
// deposit count words, wait for the warp; returns buffer
static u32 (*meet(const u32* in, int n))[12] { int w = fibers[cur].tid.x >> 5, l = fibers[cur].tid.x & 31;
  unsigned ph = fibers[cur].phase++; int b = ph & 1; memcpy(slot[w][b][l], in, n * 4);
  if (++here_arrived[w][b] == 32) { here_arrived[w][b] = 0; warp_gen[w]++; }
  while (warp_gen[w] <= ph) yield_();
  return slot[w][b]; }
static int bar_count; static unsigned bar_gen;
static void barrier(int n) { unsigned g = bar_gen; if (++bar_count == n) { bar_count = 0; bar_gen++; } while (bar_gen == g) yield_(); }
static u16 tohalf(float f) { _Float16 h = (_Float16)f; u16 r; memcpy(&r, &h, 2); return r; }
static float fromhalf(u16 r) { _Float16 h; memcpy(&h, &r, 2); return (float)h; }
static u32 pack(float a, float b) { return tohalf(a) | (u32)tohalf(b) << 16; }
static u32 pack_relu(float a, float b) { return pack(a > 0 ? a : 0, b > 0 ? b : 0); }
static float lower(u32 v) { return fromhalf(v & 0xffff); }
static u32 positive(u32 v) { return (fromhalf(v & 0xffff) > 0 ? 0xffffu : 0) | (fromhalf(v >> 16) > 0 ? 0xffff0000u : 0); }
static u32 shared_address(int o) { return o; }
struct uint2 { u32 x, y; }; struct alignas(16) uint4 { u32 x, y, z, w; };
static uint4 make_uint4(u32 x, u32 y, u32 z, u32 w) { return {x, y, z, w}; }
static void copy(int offset, const void* from, bool wanted) { if (offset % 16) { printf("unaligned\n"); abort(); } if (wanted) memcpy(memory + offset, from, 16); else memset(memory + offset, 0, 16); }
static void arrived() {}
static void ldm(u32 (&p)[4], u32 a, bool tr) { auto s = meet(&a, 1); int l = fibers[cur].tid.x & 31, g = l >> 2, t = l & 3;
  for (int m = 0; m < 4; m++) { u16 e[2]; for (int k = 0; k < 2; k++) { int r = tr ? 2 * t + k : g, c = tr ? g : 2 * t + k;
      u32 ad = s[m * 8 + r][0]; if (ad % 16) { printf("unaligned\n"); abort(); } memcpy(&e[k], memory + ad + c * 2, 2); }
    p[m] = e[0] | (u32)e[1] << 16; } }
static void load_matrices(u32 (&p)[4], u32 a) { ldm(p, a, false); }
static void load_transposed(u32 (&p)[4], u32 a) { ldm(p, a, true); }
static u32 transpose(u32 v) { auto s = meet(&v, 1); int l = fibers[cur].tid.x & 31, g = l >> 2, t = l & 3;
  u16 e[2]; for (int k = 0; k < 2; k++) { u32 w = s[(2 * t + k) * 4 + g / 2][0]; e[k] = g & 1 ? w >> 16 : w & 0xffff; } return e[0] | (u32)e[1] << 16; }
static float h(u32 v, int k) { return fromhalf(k ? v >> 16 : v & 0xffff); }
static void multiply(float (&sum)[4], const u32 (&a)[4], u32 b0, u32 b1) { u32 in[6] = {a[0], a[1], a[2], a[3], b0, b1}; auto s = meet(in, 6);
  int l = fibers[cur].tid.x & 31, g = l >> 2, t = l & 3;
  for (int i = 0; i < 4; i++) { int r = g + (i >> 1) * 8, c = 2 * t + (i & 1); float acc = sum[i];
    for (int k = 0; k < 16; k++) { float A = h(s[(r % 8) * 4 + (k % 8) / 2][(r / 8) + 2 * (k / 8)], k & 1), B = h(s[c * 4 + (k % 8) / 2][4 + k / 8], k & 1); acc += A * B; }
    sum[i] = acc; } }
static void multiply_short(float (&sum)[4], u32 a0, u32 a1, u32 b) { u32 in[3] = {a0, a1, b}; auto s = meet(in, 3);
  int l = fibers[cur].tid.x & 31, g = l >> 2, t = l & 3;
  for (int i = 0; i < 4; i++) { int r = g + (i >> 1) * 8, c = 2 * t + (i & 1); float acc = sum[i];
    for (int k = 0; k < 8; k++) acc += h(s[(r % 8) * 4 + k / 2][r / 8], k & 1) * h(s[c * 4 + k / 2][2], k & 1);
    sum[i] = acc; } }
static float exchanged(float v, int d) { u32 w; memcpy(&w, &v, 4); auto s = meet(&w, 1); float r; memcpy(&r, &s[(fibers[cur].tid.x & 31) ^ d][0], 4); return r; }
static std::function<void()> body;
static void enter() { body(); fibers[cur].done = true; for (size_t i = 0; i < fibers.size(); i++) if (!fibers[i].done) { cur = i; setcontext(&fibers[i].c); } setcontext(&home); }
static void launch(int blocks, int threads, std::function<void()> f) { body = f; gridDim.x = blocks;
  static std::vector<char> stacks; stacks.resize((size_t)threads << 16);
  for (int b = 0; b < blocks; b++) { blockIdx.x = b; memset(memory, 0xff, sizeof memory);
    fibers.assign(threads, Lane{}); memset(here_arrived, 0, sizeof here_arrived); memset(warp_gen, 0, sizeof warp_gen); bar_count = 0; bar_gen = 0;
    for (int i = 0; i < threads; i++) { getcontext(&fibers[i].c); fibers[i].c.uc_stack = {&stacks[(size_t)i << 16], 0, 1 << 16}; fibers[i].c.uc_link = nullptr; fibers[i].tid.x = i; makecontext(&fibers[i].c, enter, 0); }
    cur = 0; swapcontext(&home, &fibers[0].c); } }
