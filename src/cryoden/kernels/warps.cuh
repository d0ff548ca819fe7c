// What all 32 threads of a warp do together, for kernels that multiply matrices in float16 (compute capability
// 8.0), and small things for all kernels. An emulated GPU has its own of the former.

#ifndef EMULATED
typedef unsigned int u32;
typedef unsigned short u16;

extern __shared__ __align__(16) unsigned char memory[];

// Not __syncthreads(), which every thread must reach in the same place: warps with different work meet in loops of their own.
__device__ __forceinline__ void barrier(int threads)
{
    asm volatile("barrier.sync 1, %0;" :: "r"(threads) : "memory");
}

// Two float32 to two float16: the first in the lower half.
__device__ __forceinline__ u32 pack(float low, float high)
{
    u32 both;
    asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(high), "f"(low));
    return both;
}

__device__ __forceinline__ u32 pack_relu(float low, float high)
{
    u32 both;
    asm("cvt.rn.relu.f16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(high), "f"(low));
    return both;
}

__device__ __forceinline__ float lower(u32 both)
{
    float value;
    asm("{.reg .b16 l, h; mov.b32 {l, h}, %1; cvt.f32.f16 %0, l;}" : "=f"(value) : "r"(both));
    return value;
}

// All bits set in each half that is greater than zero.
__device__ __forceinline__ u32 positive(u32 both)
{
    u32 mask;
    asm("set.gt.u32.f16x2 %0, %1, %2;" : "=r"(mask) : "r"(both), "r"(0u));
    return mask;
}

__device__ __forceinline__ u32 shared_address(int offset)
{
    return static_cast<u32>(__cvta_generic_to_shared(memory)) + offset;
}

// Volatile, so that it stays on its side of a barrier.
__device__ __forceinline__ void load_matrices(u32 (&part)[4], u32 address)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(part[0]), "=r"(part[1]), "=r"(part[2]), "=r"(part[3]) : "r"(address));
}

__device__ __forceinline__ void load_transposed(u32 (&part)[4], u32 address)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(part[0]), "=r"(part[1]), "=r"(part[2]), "=r"(part[3]) : "r"(address));
}

__device__ __forceinline__ u32 transpose(u32 part)
{
    u32 result;
    asm("movmatrix.sync.aligned.m8n8.trans.b16 %0, %1;" : "=r"(result) : "r"(part));
    return result;
}

__device__ __forceinline__ void multiply(float (&sum)[4], const u32 (&a)[4], u32 b0, u32 b1)
{
    asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
        "{%8, %9}, {%0, %1, %2, %3};"
        : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

__device__ __forceinline__ void multiply_short(float (&sum)[4], u32 a0, u32 a1, u32 b)
{
    asm("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5}, {%6}, "
        "{%0, %1, %2, %3};"
        : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3]) : "r"(a0), "r"(a1), "r"(b));
}

// 16 bytes to shared memory, or as many zeros, on their way until `arrived`.
__device__ __forceinline__ void copy(int offset, const void* from, bool is_wanted)
{
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;"
                 :: "r"(shared_address(offset)), "l"(from), "r"(is_wanted ? 16 : 0) : "memory");
}

__device__ __forceinline__ void arrived()
{
    asm volatile("cp.async.wait_all;" ::: "memory");
}

__device__ __forceinline__ float exchanged(float value, int distance)
{
    return __shfl_xor_sync(0xffffffffu, value, distance);
}
#endif

__device__ __forceinline__ float leaky(float value)
{
    return value > 0.0f ? value : 0.1f * value;
}
