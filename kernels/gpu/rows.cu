// What is done to the rows of a matrix after a product, and their sum.

// Copies the product (groups,rows,run) to y (rows, groups run), adding b and cutting off below 0 as the flags say. The
// product may be y itself if there is one group.
extern "C" __global__ void finish(
    const Real* product, const Real* b, Real* y, long long biased, long long rectified, long long groups,
    long long rows, long long run, long long count)
{
    long long k = groups * run;
    for (long long at = blockIdx.x * (long long)blockDim.x + threadIdx.x; at < count;
         at += (long long)gridDim.x * blockDim.x) {
        long long channel = at % k;
        long long from = groups == 1 ? at : (channel / run * rows + at / k) * run + channel % run;
        Real value = product[from];
        if (biased)
            value += b[channel];
        y[at] = rectified && value <= 0 ? (Real)0 : value;  // the comparison is false for NaN, which stays
    }
}

// Adds up runs of the rows of x (rows,k), a thread a run of a column, to total (runs,k).
extern "C" __global__ void sum_rows(
    const Real* x, Real* total, long long rows, long long k, long long run, long long count)
{
    for (long long at = blockIdx.x * (long long)blockDim.x + threadIdx.x; at < count;
         at += (long long)gridDim.x * blockDim.x) {
        long long first = at / k * run;
        long long last = first + run < rows ? first + run : rows;
        double sum = 0;
        for (long long row = first; row < last; ++row)
            sum += x[row * k + at % k];
        total[at] = (Real)sum;
    }
}
