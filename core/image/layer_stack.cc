#include "core/image/layer_stack.h"

#include <string>

namespace layoutfs {

Digest digest_of(std::span<const Descriptor> layers) {
  std::string list = "layers\n";
  for (const Descriptor& layer : layers) list += layer.digest.str() + "\n";
  return Digest::of(as_bytes(list));
}

Status check_diff_id_count(std::size_t diff_ids, std::size_t layers) {
  if (diff_ids == layers) return {};
  return fail(Errc::corrupt, "the config has " + std::to_string(diff_ids) + " diff_ids for " +
                                 std::to_string(layers) + " layers");
}

Status check_diff_id(const LayerFacts& layer, const Digest& diff_id) {
  const Digest& found = layer.diff_ids.front();
  if (diff_id.algorithm() != found.algorithm() || layer.missing_blocks(diff_id)) return {};
  return fail(Errc::corrupt, "uncompressed digest is " + found.str() + ", the config says " + diff_id.str());
}

}  // namespace layoutfs
