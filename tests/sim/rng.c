/* SPDX-License-Identifier: ISC */
#include "tests/sim/rng.h"

#include <math.h>

/* Of Steele, Lea and Flood. */
static uint64_t scramble(uint64_t x)
{
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

#define STEP UINT64_C(0x9e3779b97f4a7c15)

uint64_t rng_mix(uint64_t a, uint64_t b)
{
	return scramble(scramble(a + STEP) ^ (b + STEP));
}

struct rng rng_stream(uint64_t seed, uint64_t stream)
{
	return (struct rng){rng_mix(seed, stream)};
}

uint64_t rng_next(struct rng *r)
{
	r->state += STEP;
	return scramble(r->state);
}

double rng_unit(struct rng *r)
{
	return (double)(rng_next(r) >> 11) / 9007199254740992.0; /* 2 to the 53rd */
}

bool rng_chance(struct rng *r, double share)
{
	return rng_unit(r) < share;
}

int64_t rng_between(struct rng *r, int64_t low, int64_t high)
{
	return low + (int64_t)(rng_next(r) % (uint64_t)(high - low + 1));
}

int64_t rng_log_uniform(struct rng *r, int64_t low, int64_t high)
{
	return (int64_t)((double)low * exp(rng_unit(r) * log((double)high / (double)low)));
}

int64_t rng_exponential(struct rng *r, double mean)
{
	return (int64_t)(-log(1 - rng_unit(r)) * mean);
}

/* Of Box and Muller. */
static double normal(struct rng *r)
{
	const double u = 1 - rng_unit(r), v = rng_unit(r);

	return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

int64_t rng_lognormal(struct rng *r, int64_t median, double sigma)
{
	const double x = (double)median * exp(sigma * normal(r));

	return x < 9e15 ? (int64_t)x : INT64_C(9000000000000000);
}
