// The timeline of a pass and the memory of its values, planned once.
//
// Steps between two barriers form a segment, in which every panel goes through all steps on one thread; barriers stand
// where the whole batch is needed: at the loss, and at layers that take statistics of it. A value that lives within one
// segment has its memory in the thread's arena, which stays in the cache from panel to panel; one that crosses a
// barrier lives in the panel's arena.
#pragma once

#include "graph.h"
#include "memory.h"

namespace qrkd::network {

/// Memory of a value, or of its absence.
struct Place {
  enum Where { kNowhere, kPanel, kWorker } where = kNowhere;
  std::size_t offset = 0;
};

/// What happens to one node at one time of a segment.
struct PlanStep {
  enum Kind { kLoad, kForward, kForwardStatistics, kBackward, kBackwardStatistics };
  PlanStep(Kind what, int which) : kind(what), node(which) {}

  Kind kind;
  int node;
  /// Backward: for every input, whether this is not the first part of its gradient, so that it has to be added.
  std::vector<bool> adds;
  /// Backward: the input is rectified and its mask is applied here; the node's own mask was applied by its reader.
  bool masksInput = false, masked = false;
};

struct Segment {
  std::vector<PlanStep> steps;
  /// The node whose statistics are combined after this segment, or -1.
  int combines = -1;
};

struct Plan {
  std::vector<Segment> forward, backward;
  std::vector<Place> activations, gradients, kept;  // by node
  std::size_t panelSize = 0, workerSize = 0;        // scalars of the arenas, all a multiple of a line
  std::size_t scratch = 0, sum = 0;  // offsets in the worker's arena: a layer's scratch, a gradient to be added
};

/// Plans training steps, or (without backward) inference.
template <class T>
Plan makePlan(const Graph<T>& graph, bool training);

}  // namespace qrkd::network
