#include "core/check/repair.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "core/cas/intact_blob.h"

namespace layoutfs {

Result<bool> BlobRepair::repair(const Digest& digest, const Context& context) {
  {
    auto attempts = attempts_.lock();
    if (const auto known = attempts->find(digest); known != attempts->end())
      return !known->second.from.empty();
  }
  auto made = attempt(digest, context);
  if (!made) return fail(std::move(made).error());
  const bool is_repaired = !made->from.empty();
  attempts_.lock()->insert_or_assign(digest, std::move(*made));
  return is_repaired;
}

Result<BlobRepair::Attempt> BlobRepair::attempt(const Digest& digest, const Context& context) {
  Attempt attempt;
  for (const RepairSource& source : sources_) {
    if (auto go_on = context.check(); !go_on) return fail(std::move(go_on).error());
    auto reason = take(source, digest, context);
    if (!reason) return fail(std::move(reason).error());
    if (!*reason) return Attempt{.from = source.name, .reasons = {}};
    attempt.reasons += (attempt.reasons.empty() ? "" : ", ") + source.name + ": " + **reason;
  }
  return attempt;
}

Result<std::optional<std::string>> BlobRepair::take(const RepairSource& source, const Digest& digest,
                                                    const Context& context) {
  const auto blob = source.blobs->get_blob(digest);
  if (!blob && blob.error().code() == Errc::not_found) return "has no such blob";
  if (!blob) return blob.error().message();
  auto put = layout_.copy_blob(*blob, {.digest = digest, .context = context});
  if (put) return std::nullopt;
  switch (put.error().code()) {
    case Errc::digest_invalid:
    case Errc::size_invalid:
    case Errc::corrupt:
      return "its blob is damaged too";
    case Errc::invalid_image:  // something is in the place of the blob that is no file
    case Errc::not_found:
      return put.error().message();
    case Errc::cancelled:
      return fail(std::move(put).error());
    default:
      break;
  }
  // Which of the two layouts has failed? Only this one must be able to go on.
  const auto is_whole = is_intact(*blob, digest, (*blob)->size(), context);
  if (is_whole && *is_whole) return fail(std::move(put).error());
  return is_whole ? "its blob is damaged too" : is_whole.error().message();
}

bool BlobRepair::has_any_of(const std::vector<Descriptor>& blobs) const {
  return std::ranges::any_of(
      blobs, [this](const Descriptor& blob) { return layout_.exists(blob.digest).value_or(false); });
}

bool BlobRepair::was_lost(const AbsentChild& absent) const {
  const std::uint64_t size = layout_.blob_size(absent.index).value_or(std::nullopt).value_or(0);
  const auto index = read_index(layout_, {.media_type = {}, .digest = absent.index, .size = size});
  if (index && !has_any_of(index->manifests)) return true;
  for (const RepairSource& source : sources_) {
    auto node = read_graph_node(*source.blobs, absent.child);
    if (!node) continue;
    const auto* manifest = std::get_if<Manifest>(&*node);
    if (manifest == nullptr) return has_any_of(children_of(std::move(*node)));
    // Images share layers, and artifacts the empty config.
    return is_config_type(manifest->config.media_type) ? has_any_of({manifest->config})
                                                       : has_any_of(manifest->layers);
  }
  return false;
}

std::vector<RepairedBlob> BlobRepair::repaired() const {
  std::vector<RepairedBlob> all;
  auto attempts = attempts_.lock();
  for (const auto& [digest, attempt] : *attempts)
    if (!attempt.from.empty()) all.push_back({digest, attempt.from});
  return all;
}

std::string BlobRepair::failure(const Digest& digest) const {
  auto attempts = attempts_.lock();
  const auto found = attempts->find(digest);
  return found == attempts->end() ? "" : found->second.reasons;
}

}  // namespace layoutfs
