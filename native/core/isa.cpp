#include "isa.h"

#include <atomic>
#include <stdexcept>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace qrkd {
namespace {

#if defined(__x86_64__)
unsigned long long enabledState() {
  unsigned low, high;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (static_cast<unsigned long long>(high) << 32) | low;
}

// Both the processor (CPUID) and the operating system, which must save the wider registers (XGETBV).
bool supports(bool wide) {
  unsigned a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return false;
  const bool fma = c & (1u << 12), osxsave = c & (1u << 27), avx = c & (1u << 28);
  if (!fma || !osxsave || !avx) return false;
  const unsigned long long wanted = wide ? 0xe6 : 0x06;  // XMM, YMM, and opmask with both halves of ZMM
  if ((enabledState() & wanted) != wanted) return false;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
  const bool avx2 = b & (1u << 5), avx512f = b & (1u << 16);
  return avx2 && (!wide || avx512f);
}
#endif

std::vector<const InstructionSet*> detect() {
  std::vector<const InstructionSet*> found = {&scalar::instructionSet()};
#if defined(__x86_64__)
  if (supports(false)) found.push_back(&avx2::instructionSet());
  if (supports(true)) found.push_back(&avx512::instructionSet());
#elif defined(__aarch64__)
  found.push_back(&neon::instructionSet());  // part of every AArch64 processor
#endif
  return found;
}

const std::vector<const InstructionSet*>& available() {
  static const std::vector<const InstructionSet*> sets = detect();
  return sets;
}

std::atomic<const InstructionSet*> active{nullptr};

}  // namespace

std::vector<std::string> supportedInstructionSets() {
  std::vector<std::string> names;
  for (const auto* set : available()) names.emplace_back(set->name);
  return names;
}

std::vector<std::string> knownInstructionSets() {
#if defined(__x86_64__)
  return {"scalar", "avx2", "avx512"};
#elif defined(__aarch64__)
  return {"scalar", "neon"};
#else
  return {"scalar"};
#endif
}

void selectInstructionSet(const std::string& name) {
  for (const auto* set : available()) {
    if (name == set->name) {
      active.store(set);
      return;
    }
  }
  throw std::invalid_argument("instruction set '" + name + "' is not supported here");
}

void selectInstructionSet(const InstructionSet& set) { active.store(&set); }

const InstructionSet& instructionSet() {
  const InstructionSet* set = active.load(std::memory_order_relaxed);
  return set != nullptr ? *set : *available().back();
}

template <>
const KernelTable<float>& kernels<float>() {
  return instructionSet().float32;
}
template <>
const KernelTable<double>& kernels<double>() {
  return instructionSet().float64;
}
template <>
const NetworkTable<float>& networkKernels<float>() {
  return instructionSet().network32;
}
template <>
const NetworkTable<double>& networkKernels<double>() {
  return instructionSet().network64;
}

}  // namespace qrkd
