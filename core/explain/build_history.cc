#include "core/explain/build_history.h"

#include "core/oci/image_facts.h"
#include "core/oci/media_types.h"

namespace layoutfs {

Result<BuildHistory> read_build_history(const LayoutGraph& graph, const Descriptor& manifest,
                                        const Context& context) {
  const auto document = graph.manifest(manifest, context);
  if (!document) return fail(Error(document.error()));
  BuildHistory history;
  for (const Descriptor& layer : (*document)->layers) history.layers.push_back({layer, ""});
  if (!is_config_type((*document)->config.media_type)) return history;
  const auto config = graph.config((*document)->config, context);
  if (!config) return fail(Error(config.error()));
  for (const HistoryEntry& entry : (*config)->history) history.steps.push_back({entry, std::nullopt});
  const auto positions = history_of_layers((*config)->history, history.layers.size());
  for (std::size_t layer = 0; layer < positions.size(); ++layer) {
    BuildHistory::Step& step = history.steps[positions[layer]];
    step.layer = layer;
    history.layers[layer].created_by = step.entry.created_by;
  }
  return history;
}

}  // namespace layoutfs
