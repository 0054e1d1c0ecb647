// The few lines of a test harness that these programs need: named checks, and a failing exit status.
#pragma once

#include <cmath>
#include <cstdio>
#include <random>
#include <vector>

inline int failures = 0;

inline void check(bool good, const char* format, ...) __attribute__((format(printf, 2, 3)));

#include <cstdarg>

inline void check(bool good, const char* format, ...) {
  if (good) return;
  ++failures;
  std::va_list arguments;
  va_start(arguments, format);
  std::printf("FAILED: ");
  std::vprintf(format, arguments);
  std::printf("\n");
  va_end(arguments);
}

inline int finish(const char* what) {
  std::printf("%s: %s\n", what, failures == 0 ? "all good" : "FAILED");
  return failures == 0 ? 0 : 1;
}

/// Normal deviates, reproducible.
inline std::vector<double> normals(std::size_t count, unsigned seed, double scale = 1) {
  std::mt19937 generator(seed);
  std::normal_distribution<double> normal(0, scale);
  std::vector<double> values(count);
  for (auto& v : values) v = normal(generator);
  return values;
}
