// c = a b for each of a batch: a block has a tile of 16 x 16 entries, and takes 64 columns of a and rows of b at a time.
extern "C" __global__ void matmul(const T* a_all, const T* b_all, T* c_all, long long count, long long rows,
    long long inner, long long columns, long long a_step, long long a_row, long long a_column, long long b_step,
    long long b_row, long long b_column)
{
    __shared__ A left[16][65], right[64][17];
    const int x = threadIdx.x % 16, y = threadIdx.x / 16;
    for (long long number = blockIdx.z; number < count; number += gridDim.z) {
        for (long long top = 16LL * blockIdx.y; top < rows; top += 16LL * gridDim.y) {
            const long long row = top + y, column = 16LL * blockIdx.x + x;
            const T* a = a_all + number * a_step + row * a_row;
            const T* b = b_all + number * b_step + column * b_column;
            A sum = 0;
            for (long long start = 0; start < inner; start += 64) {
                for (int k = x; k < 64; k += 16)
                    left[y][k] = row < rows && start + k < inner ? A(a[(start + k) * a_column]) : A(0);
                for (int k = y; k < 64; k += 16)
                    right[k][x] = column < columns && start + k < inner ? A(b[(start + k) * b_row]) : A(0);
                __syncthreads();
                for (int k = 0; k < 64; ++k) sum += left[y][k] * right[k][x];
                __syncthreads();
            }
            if (row < rows && column < columns) c_all[(number * rows + row) * columns + column] = T(sum);
        }
    }
}
