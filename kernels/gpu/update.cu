// Update rules: a thread reads a weight, its gradient and its slots once, and writes weight and slots once.

extern "C" __global__ void sgd(Real* w, const Real* g, Real learning_rate, long long count)
{
    for (long long at = blockIdx.x * (long long)blockDim.x + threadIdx.x; at < count;
         at += (long long)gridDim.x * blockDim.x)
        w[at] -= learning_rate * g[at];
}

extern "C" __global__ void momentum(
    Real* w, const Real* g, Real* m, Real learning_rate, Real mu, long long nesterov, long long count)
{
    for (long long at = blockIdx.x * (long long)blockDim.x + threadIdx.x; at < count;
         at += (long long)gridDim.x * blockDim.x) {
        Real step = learning_rate * g[at];
        Real moved = mu * m[at] - step;
        m[at] = moved;
        w[at] += nesterov ? mu * moved - step : moved;
    }
}

// Without `moving` there is no slot m, without `centered` no slot a: the pointers are not to be used.
extern "C" __global__ void rmsprop(
    Real* w, const Real* g, Real* v, Real* m, Real* a, long long moving, long long centered, Real learning_rate,
    Real old_weight, Real new_weight, Real mu, Real inside, Real outside, long long count)
{
    for (long long at = blockIdx.x * (long long)blockDim.x + threadIdx.x; at < count;
         at += (long long)gridDim.x * blockDim.x) {
        Real gradient = g[at];
        Real square = old_weight * v[at] + new_weight * gradient * gradient;
        v[at] = square;
        if (centered) {
            Real mean = old_weight * a[at] + new_weight * gradient;
            a[at] = mean;
            square -= mean * mean;
            square = square < 0 ? (Real)0 : square;  // false for NaN, which stays
        }
        Real step = learning_rate * gradient / (sqrt(square + inside) + outside);
        if (moving) {
            step += mu * m[at];
            m[at] = step;
        }
        w[at] -= step;
    }
}

// Without `hatted` there is no slot v_hat: the pointer is not to be used.
extern "C" __global__ void adam(
    Real* w, const Real* g, Real* m, Real* v, Real* v_hat, long long hatted, Real alpha, Real new_1, Real new_2,
    Real epsilon, long long count)
{
    for (long long at = blockIdx.x * (long long)blockDim.x + threadIdx.x; at < count;
         at += (long long)gridDim.x * blockDim.x) {
        Real gradient = g[at], mean = m[at], square = v[at];
        mean += new_1 * (gradient - mean);
        square += new_2 * (gradient * gradient - square);
        m[at] = mean;
        v[at] = square;
        if (hatted) {
            square = v_hat[at] > square ? v_hat[at] : square;  // false for NaN, which is handed on
            v_hat[at] = square;
        }
        w[at] -= alpha * mean / (sqrt(square) + epsilon);
    }
}

extern "C" __global__ void nadam(
    Real* w, const Real* g, Real* m, Real* v, Real alpha_m, Real alpha_g, Real new_1, Real new_2, Real bias,
    Real epsilon, long long count)
{
    for (long long at = blockIdx.x * (long long)blockDim.x + threadIdx.x; at < count;
         at += (long long)gridDim.x * blockDim.x) {
        Real gradient = g[at], mean = m[at], square = v[at];
        mean += new_1 * (gradient - mean);
        square += new_2 * (gradient * gradient - square);
        m[at] = mean;
        v[at] = square;
        w[at] -= (alpha_m * mean + alpha_g * gradient) / (sqrt(square / bias) + epsilon);
    }
}

extern "C" __global__ void adagrad(
    Real* w, const Real* g, Real* a, Real learning_rate, Real inside, Real outside, long long count)
{
    for (long long at = blockIdx.x * (long long)blockDim.x + threadIdx.x; at < count;
         at += (long long)gridDim.x * blockDim.x) {
        Real total = a[at] + g[at] * g[at];
        a[at] = total;
        w[at] -= learning_rate * g[at] / (sqrt(total + inside) + outside);
    }
}

extern "C" __global__ void adadelta(
    Real* w, const Real* g, Real* a, Real* d, Real learning_rate, Real old_weight, Real new_weight, Real epsilon, long long count)
{
    for (long long at = blockIdx.x * (long long)blockDim.x + threadIdx.x; at < count;
         at += (long long)gridDim.x * blockDim.x) {
        Real square = old_weight * a[at] + new_weight * g[at] * g[at];
        a[at] = square;
        Real step = g[at] * sqrt(d[at] + epsilon) / sqrt(square + epsilon);
        d[at] = old_weight * d[at] + new_weight * step * step;
        w[at] -= learning_rate * step;
    }
}

extern "C" __global__ void decay(Real* w, Real rate, long long count)
{
    for (long long at = blockIdx.x * (long long)blockDim.x + threadIdx.x; at < count;
         at += (long long)gridDim.x * blockDim.x)
        w[at] -= rate * w[at];
}
