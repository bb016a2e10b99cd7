#include "core/oci/present_blob.h"

#include <string>

#include "core/base/json.h"
#include "core/cas/intact_blob.h"
#include "core/oci/media_types.h"
#include "layoutfs/documents.h"

namespace layoutfs {

bool is_verified_always(std::uint64_t size, std::string_view media_type) {
  constexpr std::uint64_t kSmall = std::uint64_t{1} << 20;
  return size <= kSmall || (size <= JsonLimits().bytes && !is_layer_type(media_type));
}

Result<bool> is_usable(const BlobPtr& blob, const Digest& digest, const PresentBlobOptions& options) {
  const std::uint64_t size = blob->size();
  if (options.size && *options.size != size) return false;
  if (!options.verifies_all && !is_verified_always(size, options.media_type)) return true;
  return is_intact(blob, digest, size, options.context);
}

Result<std::optional<std::uint64_t>> usable_blob_size(const LayoutReader& reader, const Digest& digest,
                                                      const PresentBlobOptions& options) {
  auto size = reader.blob_size(digest);
  if (!size || !*size) return size;
  if (options.size && *options.size != **size) return std::nullopt;
  if (!options.verifies_all && !is_verified_always(**size, options.media_type)) return size;
  const auto blob = reader.get_blob(digest);
  if (!blob && blob.error().code() == Errc::not_found) return std::nullopt;
  if (!blob) return fail(Error(blob.error()));
  const auto usable = is_usable(*blob, digest, options);
  if (!usable) return fail(Error(usable.error()));
  return *usable ? std::optional((*blob)->size()) : std::nullopt;
}

Status check_present(const LayoutReader& reader, const Descriptor& descriptor) {
  const auto size = reader.blob_size(descriptor.digest);
  if (!size) return fail(Error(size.error()));
  const std::string name = "blob " + descriptor.digest.str();
  if (!*size) return fail(Errc::not_found, name + " is missing");
  if (**size == descriptor.size) return {};
  return fail(Errc::corrupt, name + ": has " + std::to_string(**size) + " bytes, but its descriptor has " +
                                 std::to_string(descriptor.size));
}

}  // namespace layoutfs
