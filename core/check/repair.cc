// Replaces lost blobs of a layout by those of other layouts.
#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <variant>

#include "core/base/guarded.h"
#include "core/cas/intact_blob.h"
#include "core/oci/graph.h"
#include "layoutfs/documents.h"
#include "layoutfs/fsck.h"

namespace layoutfs {

struct BlobRepair::State {
  struct Attempt {
    std::string from;     // the source; empty if none had an intact blob
    std::string reasons;  // of the sources without an intact blob
  };

  bool has_any_of(const std::vector<Descriptor>& blobs) const;
  Result<Attempt> attempt(const Digest& digest, const Context& context);
  // Returns nullopt if the layout has the blob now, or the reason if this source cannot provide it.
  Result<std::optional<std::string>> take(const RepairSource& source, const Digest& digest,
                                          const Context& context);

  Engine& layout;
  const std::vector<RepairSource> sources;
  mutable Guarded<std::map<Digest, Attempt>> attempts;
};

BlobRepair::BlobRepair(Engine& layout, std::vector<RepairSource> sources)
    : state_(new State{.layout = layout, .sources = std::move(sources), .attempts = {}}) {}
BlobRepair::~BlobRepair() = default;

Result<bool> BlobRepair::repair(const Digest& digest, const Context& context) {
  {
    auto attempts = state_->attempts.lock();
    if (const auto known = attempts->find(digest); known != attempts->end())
      return !known->second.from.empty();
  }
  auto made = state_->attempt(digest, context);
  if (!made) return fail(std::move(made).error());
  const bool is_repaired = !made->from.empty();
  state_->attempts.lock()->insert_or_assign(digest, std::move(*made));
  return is_repaired;
}

Result<BlobRepair::State::Attempt> BlobRepair::State::attempt(const Digest& digest, const Context& context) {
  Attempt attempt;
  for (const RepairSource& source : sources) {
    if (auto go_on = context.check(); !go_on) return fail(std::move(go_on).error());
    auto reason = take(source, digest, context);
    if (!reason) return fail(std::move(reason).error());
    if (!*reason) return Attempt{.from = source.name, .reasons = {}};
    attempt.reasons += (attempt.reasons.empty() ? "" : ", ") + source.name + ": " + **reason;
  }
  return attempt;
}

Result<std::optional<std::string>> BlobRepair::State::take(const RepairSource& source, const Digest& digest,
                                                           const Context& context) {
  const auto blob = source.blobs->get_blob(digest);
  if (!blob && blob.error().code() == Errc::not_found) return "has no such blob";
  if (!blob) return blob.error().message();
  auto put = layout.copy_blob(*blob, {.digest = digest, .context = context});
  if (put) return std::nullopt;
  switch (put.error().code()) {
    case Errc::digest_invalid:
    case Errc::size_invalid:
    case Errc::corrupt:
      return "its copy is damaged, too";
    case Errc::invalid_image:  // another type of file has the name of the blob
    case Errc::not_found:
      return put.error().message();
    case Errc::cancelled:
      return fail(std::move(put).error());
    default:
      break;
  }
  // Determine which of the two layouts has failed: errors of the source are not fatal.
  const auto is_whole = is_intact(*blob, digest, (*blob)->size(), context);
  if (is_whole && *is_whole) return fail(std::move(put).error());
  return is_whole ? "its copy is damaged, too" : is_whole.error().message();
}

bool BlobRepair::State::has_any_of(const std::vector<Descriptor>& blobs) const {
  return std::ranges::any_of(
      blobs, [this](const Descriptor& blob) { return layout.exists(blob.digest).value_or(false); });
}

bool BlobRepair::was_lost(const AbsentChild& absent) const {
  const std::uint64_t size = state_->layout.blob_size(absent.index).value_or(std::nullopt).value_or(0);
  const auto index = read_index(state_->layout, {.media_type = {}, .digest = absent.index, .size = size});
  if (index && !state_->has_any_of(index->manifests)) return true;
  for (const RepairSource& source : state_->sources) {
    auto node = read_graph_node(*source.blobs, absent.child);
    if (!node) continue;
    const auto* manifest = std::get_if<Manifest>(&*node);
    if (manifest == nullptr) return state_->has_any_of(children_of(std::move(*node)));
    // Images share layers, and artifacts share the empty config.
    return is_config_type(manifest->config.media_type) ? state_->has_any_of({manifest->config})
                                                       : state_->has_any_of(manifest->layers);
  }
  return false;
}

std::vector<RepairedBlob> BlobRepair::repaired() const {
  std::vector<RepairedBlob> all;
  auto attempts = state_->attempts.lock();
  for (const auto& [digest, attempt] : *attempts)
    if (!attempt.from.empty()) all.push_back({digest, attempt.from});
  return all;
}

std::string BlobRepair::failure(const Digest& digest) const {
  auto attempts = state_->attempts.lock();
  const auto found = attempts->find(digest);
  return found == attempts->end() ? "" : found->second.reasons;
}

}  // namespace layoutfs
