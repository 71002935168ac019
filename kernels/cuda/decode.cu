// One tick of the decoder (engine.nets.decoder) for a batch of sessions, in one launch.
//
// Sessions share nothing but weights, so a block takes TOGETHER of them through the whole tick and
// nobody waits for another block. Each weight is read once a block and serves all its sessions. A
// style's matrices are never made: its shares scale what goes into the experts' own, which is the
// same sum and reads 1.6 MB for everybody in place of 160 kB for each (decoding.py packs both).
// Vectors live in shared memory, one float4 a value: its components are the block's sessions.
#include "device.h"

constexpr int TOGETHER = 4, THREADS = 256;
constexpr int WIDTH = 96, HIDDEN = 192, HEADS = 4, DEPTH = 24, LAYERS = 2, WINDOW = 32, EXPERTS = 8;
constexpr int FACE = 96, HEAD = 64, PPG = 120, PROSODY = 12, EVENTS = 4, HELD = 8, MOVED = 16;
constexpr int STRONG = 29, WEAK = 23, POSE = 6, SHAPES = STRONG + WEAK;
constexpr int HEARD = PPG + PROSODY;
constexpr float SLEW = 0.3f;

// Where a session's rows keep what; decoding.py has the same lists.
enum Input { NOISE = HEARD, INPUTS = NOISE + EVENTS + HELD + 8 };
enum State { LIPS = 0, EYES = 29, PLACE = 52, FACE_H = 58, FACE_C = 154, HEAD_H = 250, KEPT = 314, STATES = 324 };
enum Style {
    SHARE = 0, UP_BIAS = 24, DOWN_BIAS = 408, QUERY = 600, REST = 792, TO_FACE = 852, TO_HEAD = 1236,
    GAIN = 1428, ODDS = 1460, STYLES = 1464
};
enum Output { TURNED = SHAPES, OUTPUTS = TURNED + POSE };

// A matrix [2 pairs, 4 quads]: for every two inputs and four outputs 8 halves in one uint4.
template <int At, int Pairs, int Quads> struct Matrix {
    static constexpr int AT = At, PAIRS = Pairs, QUADS = Quads, END = At + Pairs * Quads;
};
typedef Matrix<0, HEARD / 2, WIDTH / 4> Embed;
struct Layer {  // from the layer's first weight
    typedef Matrix<0, WIDTH / 2, 3 * WIDTH / 4> Attend;
    typedef Matrix<Attend::END, WIDTH / 2, WIDTH / 4> Merge;
    typedef Matrix<Merge::END, EXPERTS * WIDTH / 2, HIDDEN / 4> Up;
    typedef Matrix<Up::END, EXPERTS * HIDDEN / 2, WIDTH / 4> Down;
    static constexpr int SIZE = Down::END;
};
typedef Matrix<Embed::END + LAYERS * Layer::SIZE, EXPERTS * WIDTH / 2, 8> OutSeen;
typedef Matrix<OutSeen::END, EXPERTS * PPG / 2, 8> OutHeard;
typedef Matrix<OutHeard::END, (FACE + PROSODY) / 2, 1> Event;
typedef Matrix<Event::END, PPG / 2, 4> FacePPG;
typedef Matrix<FacePPG::END, 87, FACE> Gates;  // a unit's i, f, g, o are the four outputs of a quad
typedef Matrix<Gates::END, (FACE + MOVED) / 2, 6> ToEyes;
typedef Matrix<ToEyes::END, 49, HEAD> Turn;    // r and z of input and state together, n of each
typedef Matrix<Turn::END, (HEAD + MOVED) / 2, 2> ToPose;

enum Term {
    EMBED_BIAS = 0, LAYER = 96,  // then per layer, LAYER_TERMS each:
    NORM1 = 0, NORM1_BIAS = 96, ATTEND_BIAS = 192, MERGE_BIAS = 480, NORM2 = 576, NORM2_BIAS = 672,
    NEAR = 768, LAYER_TERMS = 896,
    NORM = LAYER + LAYERS * LAYER_TERMS, NORM_BIAS = NORM + 96, EVENT_BIAS = NORM_BIAS + 96,
    FACE_PPG_BIAS = EVENT_BIAS + 4, GATES_BIAS = FACE_PPG_BIAS + 16, EYES_BIAS = GATES_BIAS + 384,
    TURN_BIAS = EYES_BIAS + 24, POSE_BIAS = TURN_BIAS + 256, RENEWS = POSE_BIAS + 8,
    LEAST = RENEWS + 32, LIDS = LEAST + 4, SCALE = LIDS + 24, SLOPE = SCALE + 8, ORDER = SLOPE + 8,
    TERMS = ORDER + 52
};

__device__ __forceinline__ float4 four(float a) { return make_float4(a, a, a, a); }
__device__ __forceinline__ float4 operator+(float4 a, float4 b) {
    return make_float4(a.x + b.x, a.y + b.y, a.z + b.z, a.w + b.w);
}
__device__ __forceinline__ float4 operator-(float4 a, float4 b) {
    return make_float4(a.x - b.x, a.y - b.y, a.z - b.z, a.w - b.w);
}
__device__ __forceinline__ float4 operator*(float4 a, float4 b) {
    return make_float4(a.x * b.x, a.y * b.y, a.z * b.z, a.w * b.w);
}
__device__ __forceinline__ float4 more(float w, float4 z, float4 sum) {
    return make_float4(fmaf(w, z.x, sum.x), fmaf(w, z.y, sum.y), fmaf(w, z.z, sum.z), fmaf(w, z.w, sum.w));
}
template <class F> __device__ __forceinline__ float4 each(float4 a, F f) {
    return make_float4(f(a.x), f(a.y), f(a.z), f(a.w));
}
__device__ __forceinline__ float4 sigmoid(float4 a) {
    return each(a, [](float x) { return 1.0f / (1.0f + expf(-x)); });
}
__device__ __forceinline__ float4 tanh4(float4 a) { return each(a, [](float x) { return tanhf(x); }); }
__device__ __forceinline__ float4 within(float4 a, float least, float most) {
    return each(a, [=](float x) { return fminf(fmaxf(x, least), most); });
}
__device__ __forceinline__ float4 slewed(float4 wanted, float4 before, float most) {
    return before + within((wanted - before) * four(1.0f / most), -1.0f, 1.0f) * four(most);
}

// The sessions of a block, and a column of their rows; those beyond the batch read zeros.
struct Together {
    int first, batch;
    __device__ __forceinline__ float one(const float* rows, int columns, int at, int t) const {
        return first + t < batch ? rows[(first + t) * columns + at] : 0.0f;
    }
    __device__ __forceinline__ float4 column(const float* rows, int columns, int at) const {
        return make_float4(one(rows, columns, at, 0), one(rows, columns, at, 1),
                           one(rows, columns, at, 2), one(rows, columns, at, 3));
    }
};

__device__ __forceinline__ float2 two(u32 word) {
    return make_float2(__half2float(__ushort_as_half((unsigned short)(word & 0xFFFF))),
                       __half2float(__ushort_as_half((unsigned short)(word >> 16))));
}

// y[o] = sum of z[k] w[k, o], added to what y holds where `Add`. All threads; z is overwritten.
template <class M, bool Add = false>
__device__ __forceinline__ void product(const uint4* __restrict__ weights, float4* z, float4* y) {
    constexpr int QUADS = M::QUADS, PARTS = THREADS / QUADS;
    const int quad = threadIdx.x % QUADS, part = threadIdx.x / QUADS;
    float4 a = four(0), b = four(0), c = four(0), d = four(0);
    if (part < PARTS) {
        const uint4* __restrict__ from = weights + M::AT + quad;
#pragma unroll 4
        for (int k = part; k < M::PAIRS; k += PARTS) {
            const uint4 w = __ldg(from + k * QUADS);
            const float4 z0 = z[2 * k], z1 = z[2 * k + 1];
            const float2 ab = two(w.x), cd = two(w.y), ab1 = two(w.z), cd1 = two(w.w);
            a = more(ab1.x, z1, more(ab.x, z0, a)), b = more(ab1.y, z1, more(ab.y, z0, b));
            c = more(cd1.x, z1, more(cd.x, z0, c)), d = more(cd1.y, z1, more(cd.y, z0, d));
        }
    }
    __syncthreads();  // z has been read: its place takes the parts of the sums
    if (part < PARTS) {
        float4* mine = z + (part * QUADS + quad) * 4;
        mine[0] = a, mine[1] = b, mine[2] = c, mine[3] = d;
    }
    __syncthreads();
    for (int o = threadIdx.x; o < 4 * QUADS; o += THREADS) {
        float4 sum = Add ? y[o] : four(0);
        for (int p = 0; p < PARTS; ++p) sum = sum + z[p * 4 * QUADS + o];
        y[o] = sum;
    }
    __syncthreads();
}

// n = layer norm of x [WIDTH]; a warp a session.
__device__ __forceinline__ void norm(const float4* x, const float* scale, const float* bias, float4* n) {
    const int session = threadIdx.x / 32, lane = threadIdx.x % 32;
    if (session < TOGETHER) {
        float v[3], sum = 0, square = 0;
        for (int m = 0; m < 3; ++m) v[m] = ((const float*)&x[lane + 32 * m])[session], sum += v[m];
        for (int o = 16; o; o >>= 1) sum += __shfl_xor_sync(~0u, sum, o);
        for (int m = 0; m < 3; ++m) v[m] -= sum / WIDTH, square += v[m] * v[m];
        for (int o = 16; o; o >>= 1) square += __shfl_xor_sync(~0u, square, o);
        const float by = 1.0f / sqrtf(square / WIDTH + 1e-5f);
        for (int m = 0; m < 3; ++m) {
            const int at = lane + 32 * m;
            ((float*)&n[at])[session] = v[m] * by * scale[at] + bias[at];
        }
    }
    __syncthreads();
}

// z = what goes into the experts: each expert's share of x.
__device__ __forceinline__ void shared_out(const float4* share, const float4* x, int count, float4* z) {
    for (int i = threadIdx.x; i < EXPERTS * count; i += THREADS) z[i] = share[i / count] * x[i % count];
    __syncthreads();
}

// z [WIDTH] = attention of y's query over the ring, which takes y's key and value in. A warp for
// each session and head, a lane for each remembered tick.
__device__ __forceinline__ void attend(const Together& us, int layer, const float* near, const i32* seen,
                                       half* ring, const float4* y, float4* z) {
    for (int i = threadIdx.x; i < TOGETHER * 2 * WIDTH / 2; i += THREADS) {
        const int t = i / WIDTH, at = i % WIDTH * 2, b = us.first + t;  // key, then value
        if (b < us.batch) {
            const float2 pair = make_float2(((const float*)&y[WIDTH + at])[t], ((const float*)&y[WIDTH + at + 1])[t]);
            half* row = ring + ((((size_t)b * LAYERS + layer) * 2 + at / WIDTH) * WINDOW + seen[b] % WINDOW) * WIDTH;
            *(half2*)(row + at % WIDTH) = __float22half2_rn(pair);
        }
    }
    __syncthreads();
    const int lane = threadIdx.x % 32;
    for (int g = threadIdx.x / 32; g < TOGETHER * HEADS; g += THREADS / 32) {
        const int t = g % TOGETHER, head = g / TOGETHER, b = us.first + t;
        if (b >= us.batch) {
            if (lane < DEPTH) ((float*)&z[head * DEPTH + lane])[t] = 0;
            continue;
        }
        const int slot = seen[b] % WINDOW, age = (slot - lane) & (WINDOW - 1);
        const half* keys = ring + (((size_t)b * LAYERS + layer) * 2 * WINDOW) * WIDTH + head * DEPTH;
        const half* values = keys + WINDOW * WIDTH;
        const uint4* mine = (const uint4*)(keys + lane * WIDTH);
        float score = 0;
        for (int n = 0; n < DEPTH / 8; ++n) {
            const uint4 q = mine[n];
            const u32 words[4] = {q.x, q.y, q.z, q.w};
            for (int m = 0; m < 4; ++m) {
                const float2 k = two(words[m]);
                const float4* from = y + head * DEPTH + 8 * n + 2 * m;
                score = fmaf(k.x, ((const float*)from)[t], score);
                score = fmaf(k.y, ((const float*)(from + 1))[t], score);
            }
        }
        // Ticks from before the session began, or was interrupted, hold anything.
        score = age <= seen[b] ? score / sqrtf(float(DEPTH)) + near[head * WINDOW + WINDOW - 1 - age] : -1e30f;
        float most = score;
        for (int o = 16; o; o >>= 1) most = fmaxf(most, __shfl_xor_sync(~0u, most, o));
        float part = expf(score - most), sum = part;
        for (int o = 16; o; o >>= 1) sum += __shfl_xor_sync(~0u, sum, o);
        part /= sum;
        float mixed = 0;
        for (int n = 0; n < WINDOW; ++n) {
            const float p = __shfl_sync(~0u, part, n);
            if (lane < DEPTH && ((slot - n) & (WINDOW - 1)) <= seen[b])
                mixed = fmaf(p, __half2float(values[n * WIDTH + lane]), mixed);
        }
        if (lane < DEPTH) ((float*)&z[head * DEPTH + lane])[t] = mixed;
    }
    __syncthreads();
}

__device__ __forceinline__ void layer(const Together& us, int number, const uint4* weights, const float* terms,
                                      const float* style, const i32* seen, half* ring, const float4* share,
                                      float4* x, float4* n, float4* z, float4* y) {
    norm(x, terms + NORM1, terms + NORM1_BIAS, n);
    for (int i = threadIdx.x; i < WIDTH; i += THREADS) z[i] = n[i];
    __syncthreads();
    product<Layer::Attend>(weights, z, y);
    for (int i = threadIdx.x; i < 3 * WIDTH; i += THREADS) {
        y[i] = y[i] + four(terms[ATTEND_BIAS + i]);
        if (i < WIDTH) y[i] = y[i] + us.column(style, STYLES, QUERY + number * WIDTH + i);
    }
    __syncthreads();
    attend(us, number, terms + NEAR, seen, ring, y, z);
    product<Layer::Merge>(weights, z, y);
    for (int i = threadIdx.x; i < WIDTH; i += THREADS) x[i] = x[i] + y[i] + four(terms[MERGE_BIAS + i]);
    __syncthreads();
    norm(x, terms + NORM2, terms + NORM2_BIAS, n);
    shared_out(share, n, WIDTH, z);
    product<Layer::Up>(weights, z, y);
    for (int i = threadIdx.x; i < HIDDEN; i += THREADS)
        y[i] = each(y[i] + us.column(style, STYLES, UP_BIAS + number * HIDDEN + i), [](float a) { return fmaxf(a, 0.0f); });
    __syncthreads();
    shared_out(share, y, HIDDEN, z);
    product<Layer::Down>(weights, z, y);
    for (int i = threadIdx.x; i < WIDTH; i += THREADS)
        x[i] = x[i] + y[i] + us.column(style, STYLES, DOWN_BIAS + number * WIDTH + i);
    __syncthreads();
}

// Blink, glance, raise and shift, where they lead, and what noise does: z [EVENTS + 2 MOVED] holds
// the events and how eyes and head are moved.
__device__ __forceinline__ void happen(const Together& us, const uint4* weights, const float* terms, const float* style,
                                       const float4* in, float4* state, float4* z, float4* y, float4* happened) {
    for (int i = threadIdx.x; i < FACE + PROSODY; i += THREADS) z[i] = i < FACE ? state[FACE_H + i] : in[PPG + i - FACE];
    __syncthreads();
    product<Event>(weights, z, y);
    const int i = threadIdx.x;
    if (i < EVENTS) {
        const float4 odds = sigmoid(y[i] + four(terms[EVENT_BIAS + i]) + us.column(style, STYLES, ODDS + i));
        const float4 chance = within(odds, terms[LEAST + i], 1.0f), u = in[NOISE + i];
        happened[i] = make_float4(u.x < chance.x, u.y < chance.y, u.z < chance.z, u.w < chance.w);
    }
    __syncthreads();
    if (i < HELD) {
        float4 fresh = four(0);
        for (int e = 0; e < EVENTS; ++e) fresh = more(terms[RENEWS + e * HELD + i], happened[e], fresh);
        state[KEPT + i] = fresh * in[NOISE + EVENTS + i] + (four(1) - fresh) * state[KEPT + i];
    }
    __syncthreads();
    if (i < 2 * MOVED) {
        const int from = i % MOVED;
        const float4 both = from < HELD ? state[KEPT + from] : in[NOISE + EVENTS + from];
        happened[EVENTS + i] = both * us.column(style, STYLES, GAIN + i);
    }
    __syncthreads();
}

// The weak branch: an LSTM on its own past. state[EYES], [FACE_H] and [FACE_C] move on.
__device__ __forceinline__ void look(const Together& us, const uint4* weights, const float* terms, const float* style,
                                     const float4* in, const float4* happened, float4* state, float4* z, float4* y) {
    for (int i = threadIdx.x; i < PPG; i += THREADS) z[i] = in[i];
    __syncthreads();
    product<FacePPG>(weights, z, y);
    for (int i = threadIdx.x; i < 174; i += THREADS) {
        float4 value = four(0);
        if (i < 23) value = state[EYES + i];
        else if (i < 29) value = state[PLACE + i - 23] * four(terms[SCALE + i - 23]);
        else if (i < 45) value = y[i - 29] + four(terms[FACE_PPG_BIAS + i - 29]);
        else if (i < 57) value = in[PPG + i - 45];
        else if (i < 77) value = happened[i - 57];  // events, then how the eyes are moved
        else if (i < 173) value = state[FACE_H + i - 77];
        z[i] = value;
    }
    __syncthreads();
    product<Gates>(weights, z, y);
    for (int u = threadIdx.x; u < FACE; u += THREADS) {
        float4 gate[4];
        for (int g = 0; g < 4; ++g)
            gate[g] = y[4 * u + g] + four(terms[GATES_BIAS + 4 * u + g]) + us.column(style, STYLES, TO_FACE + g * FACE + u);
        const float4 cell = sigmoid(gate[1] + four(1)) * state[FACE_C + u] + sigmoid(gate[0]) * tanh4(gate[2]);
        state[FACE_C + u] = cell;
        z[u] = state[FACE_H + u] = sigmoid(gate[3]) * tanh4(cell);
    }
    for (int i = threadIdx.x; i < MOVED; i += THREADS) z[FACE + i] = happened[EVENTS + i];
    __syncthreads();
    product<ToEyes>(weights, z, y);
    for (int i = threadIdx.x; i < WEAK; i += THREADS) {
        const float4 rest = us.column(style, STYLES, REST + STRONG + i), before = state[EYES + i];
        const float4 eyes = within(rest + y[i] + four(terms[EYES_BIAS + i]), 0.0f, 1.0f);
        state[EYES + i] = terms[LIDS + i] != 0 ? eyes : slewed(eyes, before, SLEW);  // lids are free
    }
    __syncthreads();
}

// The head branch: a GRU on the pose. state[PLACE] and [HEAD_H] move on.
__device__ __forceinline__ void turn(const Together& us, const uint4* weights, const float* terms, const float* style,
                                     const float4* in, const float4* happened, float4* state, float4* z, float4* y) {
    for (int i = threadIdx.x; i < 98; i += THREADS) {
        float4 value;
        if (i < 6) value = state[PLACE + i] * four(terms[SCALE + i]);
        else if (i < 18) value = in[PPG + i - 6];
        else if (i < 34) value = happened[EVENTS + MOVED + i - 18];
        else value = state[HEAD_H + i - 34];
        z[i] = value;
    }
    __syncthreads();
    product<Turn>(weights, z, y);
    for (int u = threadIdx.x; u < HEAD; u += THREADS) {
        float4 gate[4];
        for (int g = 0; g < 4; ++g) gate[g] = y[4 * u + g] + four(terms[TURN_BIAS + 4 * u + g]);
        for (int g = 0; g < 3; ++g) gate[g] = gate[g] + us.column(style, STYLES, TO_HEAD + g * HEAD + u);
        const float4 keep = sigmoid(gate[1]), made = tanh4(gate[2] + sigmoid(gate[0]) * gate[3]);
        z[u] = state[HEAD_H + u] = (four(1) - keep) * made + keep * state[HEAD_H + u];
    }
    for (int i = threadIdx.x; i < MOVED; i += THREADS) z[HEAD + i] = happened[EVENTS + MOVED + i];
    __syncthreads();
    product<ToPose>(weights, z, y);
    for (int i = threadIdx.x; i < POSE; i += THREADS) {
        const float4 wanted = us.column(style, STYLES, REST + SHAPES + i) + y[i] + four(terms[POSE_BIAS + i]);
        state[PLACE + i] = slewed(wanted * four(1.0f / terms[SCALE + i]), state[PLACE + i], terms[SLOPE + i]);
    }
    __syncthreads();
}

// input [B, INPUTS], style [B, STYLES], state [B, STATES], output [B, OUTPUTS]; ring [B, LAYERS, key
// and value, WINDOW, WIDTH]; seen [B] ticks since the session began or was interrupted. State, ring
// and seen move on in place.
extern "C" __global__ void __launch_bounds__(THREADS)
decode_tick(const uint4* __restrict__ weights, const float* __restrict__ terms, const float* __restrict__ style,
            const float* __restrict__ input, float* state, half* ring, i32* seen, float* output, i32 batch) {
    __shared__ float4 z[EXPERTS * HIDDEN], y[4 * FACE], in[INPUTS], now[STATES], x[WIDTH], n[WIDTH],
        share[(LAYERS + 1) * EXPERTS], happened[EVENTS + 2 * MOVED];
    const Together us = {(int)blockIdx.x * TOGETHER, batch};
    for (int i = threadIdx.x; i < INPUTS; i += THREADS) {
        in[i] = us.column(input, INPUTS, i);
        if (i < HEARD) z[i] = in[i];
    }
    for (int i = threadIdx.x; i < STATES; i += THREADS) now[i] = us.column(state, STATES, i);
    for (int i = threadIdx.x; i < (LAYERS + 1) * EXPERTS; i += THREADS) share[i] = us.column(style, STYLES, SHARE + i);
    __syncthreads();

    product<Embed>(weights, z, y);
    for (int i = threadIdx.x; i < WIDTH; i += THREADS) x[i] = y[i] + four(terms[EMBED_BIAS + i]);
    __syncthreads();
#pragma unroll 1
    for (int l = 0; l < LAYERS; ++l)
        layer(us, l, weights + Embed::END + l * Layer::SIZE, terms + LAYER + l * LAYER_TERMS, style, seen, ring,
              share + l * EXPERTS, x, n, z, y);
    norm(x, terms + NORM, terms + NORM_BIAS, n);
    shared_out(share + 2 * EXPERTS, n, WIDTH, z);
    product<OutSeen>(weights, z, y);
    shared_out(share + 2 * EXPERTS, in, PPG, z);
    product<OutHeard, true>(weights, z, y);
    for (int i = threadIdx.x; i < STRONG; i += THREADS) {
        const float4 lips = within(y[i] + us.column(style, STYLES, REST + i), 0.0f, 1.0f);
        now[LIPS + i] = slewed(lips, now[LIPS + i], SLEW);
    }
    __syncthreads();

    happen(us, weights, terms, style, in, now, z, y, happened);
    // Both branches see the pose as it was: the head moves on last.
    look(us, weights, terms, style, in, happened, now, z, y);
    turn(us, weights, terms, style, in, happened, now, z, y);

    for (int i = threadIdx.x; i < TOGETHER * STATES; i += THREADS) {
        const int t = i / STATES, at = i % STATES;
        if (us.first + t < batch) state[(us.first + t) * STATES + at] = ((const float*)&now[at])[t];
    }
    for (int i = threadIdx.x; i < TOGETHER * OUTPUTS; i += THREADS) {
        const int t = i / OUTPUTS, at = i % OUTPUTS;
        const int from = at < SHAPES ? (int)terms[ORDER + at] : PLACE + at - SHAPES;
        if (us.first + t < batch) output[(us.first + t) * OUTPUTS + at] = ((const float*)&now[from])[t];
    }
    if (threadIdx.x < TOGETHER && us.first + (int)threadIdx.x < batch) seen[us.first + threadIdx.x] += 1;
}
