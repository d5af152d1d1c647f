/* SPDX-License-Identifier: ISC */
/*
 * rng: the simulator's own random numbers, the same on every run of a seed. Each subject (orders,
 * network, crashes, ...) has a stream of its own, so that what one policy does differently does not
 * change what befalls the others.
 */
#ifndef TESTS_SIM_RNG_H
#define TESTS_SIM_RNG_H

#include <stdbool.h>
#include <stdint.h>

struct rng {
	uint64_t state;
};

/* One number of two, the same for the same two; neighbours are unrelated. */
uint64_t rng_mix(uint64_t a, uint64_t b);
/* Of a seed, the stream of that number. */
struct rng rng_stream(uint64_t seed, uint64_t stream);
uint64_t rng_next(struct rng *r);
/* In [0, 1). */
double rng_unit(struct rng *r);
bool rng_chance(struct rng *r, double share);
/* From low to high, both included. */
int64_t rng_between(struct rng *r, int64_t low, int64_t high);
/* From low to high, its logarithm uniform. */
int64_t rng_log_uniform(struct rng *r, int64_t low, int64_t high);
/* Exponential: the time to the next event of a Poisson process. */
int64_t rng_exponential(struct rng *r, double mean);
/* Lognormal with this median and this deviation of its logarithm. */
int64_t rng_lognormal(struct rng *r, int64_t median, double sigma);

#endif
