// Dropout, noise and their random numbers: Philox 4x32-10 (Salmon, Moraes, Dror & Shaw 2011). A piece of work is one block of the
// generator, of which the first piece of work has number `first`: it serves the elements 4 block - skipped and the three
// after it, as far as they are of the `size` there are. (A part of an array starts with any word of a block.)

// Fills word (4,) with the words of a block. A product of two words has 64 bits; its halves go separate ways.
static __device__ void philox(
    unsigned int* word, long long block, unsigned int key_0, unsigned int key_1, unsigned int stream, unsigned int step)
{
    unsigned int c0 = (unsigned int)block, c1 = (unsigned int)(block >> 32), c2 = step, c3 = stream;
    for (int round = 0; round < 10; ++round) {
        unsigned long long p0 = (unsigned long long)c0 * 0xD2511F53u;
        unsigned long long p1 = (unsigned long long)c2 * 0xCD9E8D57u;
        c0 = (unsigned int)(p1 >> 32) ^ c1 ^ key_0;
        c1 = (unsigned int)p1;
        c2 = (unsigned int)(p0 >> 32) ^ c3 ^ key_1;
        c3 = (unsigned int)p0;
        key_0 += 0x9E3779B9u;
        key_1 += 0xBB67AE85u;
    }
    word[0] = c0;
    word[1] = c1;
    word[2] = c2;
    word[3] = c3;
}

extern "C" __global__ void random_bits(
    unsigned int* words, unsigned int key_0, unsigned int key_1, unsigned int stream, unsigned int step,
    long long first, long long skipped, long long size, long long count)
{
    for (long long block = blockIdx.x * (long long)blockDim.x + threadIdx.x; block < count;
         block += (long long)gridDim.x * blockDim.x) {
        unsigned int word[4];
        philox(word, first + block, key_0, key_1, stream, step);
        for (int i = 0; i < 4; ++i) {
            long long at = 4 * block - skipped + i;
            if (at >= 0 && at < size)
                words[at] = word[i];
        }
    }
}

extern "C" __global__ void dropout(
    const Real* x, Real* y, unsigned char* keep, unsigned int threshold, Real scale, unsigned int key_0,
    unsigned int key_1, unsigned int stream, unsigned int step, long long first, long long skipped, long long size,
    long long count)
{
    for (long long block = blockIdx.x * (long long)blockDim.x + threadIdx.x; block < count;
         block += (long long)gridDim.x * blockDim.x) {
        unsigned int word[4];
        philox(word, first + block, key_0, key_1, stream, step);
        for (int i = 0; i < 4; ++i) {
            long long at = 4 * block - skipped + i;
            if (at >= 0 && at < size) {
                bool kept = (word[i] >> 8) >= threshold;
                keep[at] = kept;
                y[at] = kept ? x[at] * scale : (Real)0;
            }
        }
    }
}

// Two words make two normal numbers. In double: a float does not hold a word.
extern "C" __global__ void gaussian_noise(
    const Real* x, Real* y, Real stddev, unsigned int key_0, unsigned int key_1, unsigned int stream,
    unsigned int step, long long first, long long skipped, long long size, long long count)
{
    for (long long block = blockIdx.x * (long long)blockDim.x + threadIdx.x; block < count;
         block += (long long)gridDim.x * blockDim.x) {
        unsigned int word[4];
        philox(word, first + block, key_0, key_1, stream, step);
        for (int i = 0; i < 4; i += 2) {
            double radius = stddev * sqrt(-2.0 * log((word[i] + 0.5) / 4294967296.0));
            double angle = 6.283185307179586 * ((word[i + 1] + 0.5) / 4294967296.0);
            long long at = 4 * block - skipped + i;
            if (at >= 0 && at < size)
                y[at] = x[at] + (Real)(radius * cos(angle));
            if (at + 1 >= 0 && at + 1 < size)
                y[at + 1] = x[at + 1] + (Real)(radius * sin(angle));
        }
    }
}
