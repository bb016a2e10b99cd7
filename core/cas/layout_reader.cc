#include "layoutfs/layout_reader.h"

#include <iterator>
#include <utility>

#include "core/base/json.h"

namespace layoutfs {

Result<std::optional<std::uint64_t>> LayoutReader::blob_size(const Digest& digest,
                                                             const Context& context) const {
  const auto status = blob_status(digest, context);
  if (!status) return fail(Error(status.error()));
  if (!*status) return std::nullopt;
  if (!(*status)->is_dead_link) return (*status)->size;
  const auto blob = get_blob(digest, context);
  if (blob) return (*blob)->size();  // it was repaired in the meantime
  if (blob.error().code() == Errc::not_found) return std::nullopt;
  return fail(Error(blob.error()));
}

Result<bool> LayoutReader::exists(const Digest& digest, const Context& context) const {
  const auto size = blob_size(digest, context);
  if (!size) return fail(Error(size.error()));
  return size->has_value();
}

Result<std::vector<Digest>> LayoutReader::list_all_blobs(const Context& context) const {
  std::vector<Digest> all;
  for (const Algorithm algorithm : algorithms()) {
    auto some = list_blobs(algorithm, context);
    if (!some) return some;
    all.insert(all.end(), std::make_move_iterator(some->begin()), std::make_move_iterator(some->end()));
  }
  return all;
}

Result<Bytes> read_document(const Provider& provider, const Descriptor& descriptor, const Context& context) {
  const std::size_t limit = JsonLimits{}.bytes;
  const std::string name = descriptor.digest.str();
  auto blob = provider.get_blob(descriptor.digest, context);
  if (!blob) return fail(std::move(blob).error());
  const std::uint64_t size = (*blob)->size();
  if (size != descriptor.size)
    return fail(Errc::corrupt, name + ": blob has " + std::to_string(size) +
                                   " bytes, but its descriptor has " + std::to_string(descriptor.size));
  if (size > limit)
    return fail(Errc::unsupported, name + ": document has " + std::to_string(size) + " bytes, more than " +
                                       std::to_string(limit));
  for (int rereads = Blob::kMostRereads;; --rereads) {
    Bytes content(static_cast<std::size_t>(size));
    auto got = (*blob)->read_at(content, 0, context);
    if (!got) return fail(std::move(got).error());
    content.resize(*got);
    const auto digest = Digest::of(content, descriptor.digest.algorithm());
    if (digest == descriptor.digest) return content;
    if (rereads == 0 || !(*blob)->distrust(0, size))
      return fail(Errc::corrupt, name + ": content has digest " + digest.str());
  }
}

}  // namespace layoutfs
