#include "core/transfer/blob_options.h"

#include <string>
#include <utility>

#include "core/base/json.h"
#include "core/cas/incoming.h"
#include "layoutfs/documents.h"
#include "layoutfs/registry_code.h"

namespace layoutfs {

Status check_put_options(const BlobInfo& info, const PutBlobOptions& options) {
  if (!options.is_config) return {};
  if (options.is_empty_layer)
    return fail(Errc::invalid_argument, "is_empty_layer: a config (is_config) is not a layer");
  if (options.layer_index)
    return fail(Errc::invalid_argument, "layer_index: a config (is_config) is not a layer");
  if (info.size && *info.size > JsonLimits().bytes)
    return fail(Errc::unsupported, info.digest.str() + ": a config (is_config) of " +
                                       std::to_string(*info.size) + " bytes exceeds the limit of documents");
  return {};
}

Error of_layer(Error error, const std::optional<std::size_t>& layer_index) {
  if (!layer_index || error.code() == Errc::cancelled) return error;
  return std::move(error).with("layer " + std::to_string(*layer_index));
}

Result<BlobInfo> EmptyLayers::add(ByteSource& content, const BlobInfo& info, const Context& context) {
  const PutOptions wanted{.digest = info.digest, .size = info.size, .context = context};
  auto hashed = hash_content(content, algorithm_of(wanted), context);
  if (!hashed) return fail(std::move(hashed).error());
  if (auto checked = check_wanted(*hashed, wanted); !checked) return fail(std::move(checked).error());
  BlobInfo found = info;
  found.digest = std::move(hashed->digest);
  found.size = hashed->size;
  return add(found);
}

Result<std::optional<BlobInfo>> EmptyLayers::found_or_added(Result<std::optional<BlobInfo>> found,
                                                            const BlobInfo& info,
                                                            const TryReusingBlobOptions& options) {
  if (!found) return fail(of_layer(std::move(found).error(), options.layer_index));
  if (!*found && options.is_empty_layer && info.size) return std::optional(add(info));
  return found;
}

BlobInfo EmptyLayers::add(const BlobInfo& info) {
  digests_.lock()->insert(info.digest);
  return info;
}

Status EmptyLayers::check(ByteView manifest,
                          const std::function<Result<bool>(const Digest&)>& is_stored) const {
  const std::set<Digest> digests = *digests_.lock();
  if (digests.empty()) return {};
  const auto parsed = Manifest::parse(manifest);
  if (!parsed) return {};
  for (std::size_t i = 0; i < parsed->layers.size(); ++i) {
    const Digest& digest = parsed->layers[i].digest;
    if (!digests.contains(digest)) continue;
    const auto stored = is_stored(digest);
    if (!stored) return fail(Error(stored.error()));
    if (!*stored)
      return fail(RegistryCode::manifest_blob_unknown, "layer " + std::to_string(i) + " (" + digest.str() +
                                                           "): empty layers (is_empty_layer) are not stored");
  }
  return {};
}

}  // namespace layoutfs
