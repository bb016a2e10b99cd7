#include "core/oci/image_facts.h"

#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "core/oci/graph.h"
#include "layoutfs/documents.h"

namespace layoutfs {
namespace {

// Sums over the descriptors that `first` passes; with first_visits() each blob counts once.
Result<std::uint64_t> sum_of(const Provider& provider, const Descriptor& image, Missing missing,
                             const Handler& first, const Context& context) {
  std::uint64_t size = 0;
  std::unordered_set<Digest> counted;
  const Handler add = [&](const Descriptor& descriptor, const Context&) -> Result<Visit> {
    if (first && !counted.insert(descriptor.digest).second) return Visit();
    if (__builtin_add_overflow(size, descriptor.size, &size))
      return fail(Errc::invalid_image, image.digest.str() + ": the sum of sizes exceeds 2^64");
    return Visit();
  };
  const OnProblem on_problem = [&](const Descriptor&, Error problem) -> Status {
    if (missing == Missing::leaf && problem.code() == Errc::not_found) return {};
    return fail(std::move(problem));
  };
  std::vector<Handler> steps{add, children_handler(provider, on_problem)};
  if (first) steps.insert(steps.begin(), first);
  const auto walked = walk(std::span(&image, 1), handlers(std::move(steps)), context);
  if (!walked) return fail(Error(walked.error()));
  return size;
}

}  // namespace

Result<Descriptor> config_of(const Provider& provider, const Descriptor& image) {
  if (document_kind(image.media_type) != DocumentKind::manifest)
    return fail(Errc::invalid_argument,
                image.digest.str() + ": media type '" + image.media_type + "' is not that of a manifest");
  auto manifest = read_manifest(provider, image);
  if (!manifest) return fail(std::move(manifest).error());
  return std::move(manifest->config);
}

Result<std::vector<Digest>> diff_ids_of(const Provider& provider, const Descriptor& config) {
  auto read = read_config(provider, config);
  if (!read) return fail(std::move(read).error());
  return std::move(read->diff_ids);
}

Result<std::uint64_t> size_of_image(const Provider& provider, const Descriptor& image, Missing missing,
                                    const Context& context) {
  return sum_of(provider, image, missing, {}, context);
}

Result<std::uint64_t> size_of_blobs(const Provider& provider, const Descriptor& image, Missing missing,
                                    const Context& context) {
  return sum_of(provider, image, missing, first_visits(), context);
}

std::vector<Digest> chain_ids_of(std::span<const Digest> diff_ids) {
  std::vector<Digest> chain;
  chain.reserve(diff_ids.size());
  for (const Digest& diff_id : diff_ids)
    chain.push_back(chain.empty() ? diff_id : Digest::of(as_bytes(chain.back().str() + " " + diff_id.str())));
  return chain;
}

std::vector<std::size_t> history_of_layers(std::span<const HistoryEntry> history, std::size_t layer_count) {
  std::vector<std::size_t> positions;
  for (std::size_t i = 0; i < history.size(); ++i)
    if (!history[i].is_empty_layer) positions.push_back(i);
  if (positions.size() != layer_count) positions.clear();
  return positions;
}

}  // namespace layoutfs
