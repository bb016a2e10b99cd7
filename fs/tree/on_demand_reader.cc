#include "fs/tree/on_demand_reader.h"

#include "core/cas/layout_dir.h"

namespace layoutfs {
namespace {

// Calls the reader, or returns the error of opening it.
template <class Ask>
auto asked(const Result<std::shared_ptr<LayoutReader>>& reader, Ask&& ask) -> decltype(ask(**reader)) {
  if (!reader) return fail(Error(reader.error()));
  return ask(**reader);
}

}  // namespace

void OnDemandReader::use() const noexcept {
  static std::atomic<std::uint64_t> uses = 0;
  last_use_.store(++uses, std::memory_order_relaxed);
}

Result<std::shared_ptr<LayoutReader>> OnDemandReader::get() const {
  use();
  Result<std::shared_ptr<LayoutReader>> reader;
  if (auto open = reader_.lock(); true) {
    if (*open) return *open;
    reader = open_();
    if (reader) *open = *reader;
    is_broken_ = !reader && reader.error().code() != Errc::not_found;
  }
  if (reader || is_broken_) tried_();
  return reader;
}

void OnDemandReader::release() noexcept {
  std::shared_ptr<LayoutReader> reader;  // closed after the lock is released
  reader_.lock()->swap(reader);
}

Result<BlobPtr> OnDemandReader::get_blob(const Digest& digest, const Context& context) const {
  return asked(get(), [&](const LayoutReader& reader) { return reader.get_blob(digest, context); });
}

Result<std::optional<BlobStatus>> OnDemandReader::blob_status(const Digest& digest,
                                                              const Context& context) const {
  return asked(get(), [&](const LayoutReader& reader) { return reader.blob_status(digest, context); });
}

Result<std::string> OnDemandReader::blob_path(const Digest& digest, const Context& context) const {
  return asked(get(), [&](const LayoutReader& reader) { return reader.blob_path(digest, context); });
}

Result<std::vector<Digest>> OnDemandReader::list_blobs(Algorithm algorithm, const Context& context) const {
  return asked(get(), [&](const LayoutReader& reader) { return reader.list_blobs(algorithm, context); });
}

std::int64_t OnDemandReader::listing_ns(Algorithm algorithm, const Context& context) const {
  const auto reader = get();
  return reader ? (*reader)->listing_ns(algorithm, context) : now_ns();
}

Result<std::shared_ptr<const References>> OnDemandReader::references(const Context& context) const {
  return asked(get(), [&](const LayoutReader& reader) { return reader.references(context); });
}

Result<Descriptor> OnDemandReader::get_reference(std::string_view name, const Context& context) const {
  return asked(get(), [&](const LayoutReader& reader) { return reader.get_reference(name, context); });
}

Result<std::vector<std::string>> OnDemandReader::list_references(const Context& context) const {
  return asked(get(), [&](const LayoutReader& reader) { return reader.list_references(context); });
}

Result<Bytes> OnDemandReader::marker(const Context& context) const {
  return asked(get(), [&](const LayoutReader& reader) { return reader.marker(context); });
}

}  // namespace layoutfs
