// The build steps of an image, which the history of its config lists, and the layers that they made.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "core/oci/layout_graph.h"
#include "layoutfs/context.h"
#include "layoutfs/descriptor.h"
#include "layoutfs/documents.h"
#include "layoutfs/error.h"

namespace layoutfs {

struct BuildHistory {
  struct Layer {
    Descriptor descriptor;
    std::string created_by;  // the command of its step; empty if it is unknown
  };
  struct Step {
    HistoryEntry entry;
    std::optional<std::size_t> layer;  // its position; nullopt if the step made none, or if it is unknown
  };
  std::vector<Layer> layers;  // from the base to the top
  // From the first to the last. An image has none if its config is not an image config. If the number of
  // steps with a layer is not that of the layers, it is unknown which belong together.
  std::vector<Step> steps;
};

// Returns the history of the image of a manifest. Errors are those of LayoutGraph::manifest() and config().
Result<BuildHistory> read_build_history(const LayoutGraph& graph, const Descriptor& manifest,
                                        const Context& context = {});

}  // namespace layoutfs
