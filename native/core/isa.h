// Which instruction set runs: chosen once, by what the processor and the operating system support.
#pragma once

#include <string>
#include <vector>

#include "kernels/table.h"

namespace qrkd {

/// Names of the instruction sets that this machine can run, weakest first; always contains "scalar".
std::vector<std::string> supportedInstructionSets();

/// Names of all instruction sets that this build knows.
std::vector<std::string> knownInstructionSets();

/// Forces one; throws std::invalid_argument if it is not in supportedInstructionSets().
void selectInstructionSet(const std::string& name);

/// Forces one that need not be listed: tests of emulated ones.
void selectInstructionSet(const InstructionSet& set);

/// The one in use: the strongest supported unless another was selected.
const InstructionSet& instructionSet();

template <class T>
const KernelTable<T>& kernels();

/// The inner loops of network layers.
template <class T>
const NetworkTable<T>& networkKernels();

}  // namespace qrkd
