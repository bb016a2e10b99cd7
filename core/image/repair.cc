#include "core/image/repair.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "core/cas/intact_blob.h"
#include "core/oci/graph.h"

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

bool BlobRepair::was_lost(const Descriptor& absent) const {
  for (const RepairSource& source : sources_) {
    auto node = read_graph_node(*source.blobs, absent);
    if (!node) continue;
    std::vector<Descriptor> parts;
    const auto* manifest = std::get_if<Manifest>(&*node);
    // Images share layers, and artifacts the empty config.
    if (manifest != nullptr && is_config_type(manifest->config.media_type))
      parts = {manifest->config};
    else
      parts = manifest != nullptr ? manifest->layers : children_of(std::move(*node));
    return std::ranges::any_of(
        parts, [&](const Descriptor& part) { return layout_.exists(part.digest).value_or(false); });
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
