// What every engine's blobs can do.
#include "core/cas/engine.h"

#include "core/cas/blob_batch.h"

#include <algorithm>
#include <iterator>

namespace layoutfs {
namespace {

constexpr std::size_t kReadAhead = std::size_t{128} << 10;

}  // namespace

BlobSource::BlobSource(BlobPtr blob, std::uint64_t offset) : blob_(std::move(blob)), offset_(offset) {}

Status BlobSource::fill() {
  position_ = 0;
  buffer_.resize(kReadAhead);
  auto size = blob_->read_at(buffer_, offset_);
  buffer_.resize(size ? *size : 0);
  if (!size) return fail(std::move(size).error());
  offset_ += *size;
  return {};
}

Result<std::size_t> BlobSource::read(std::span<std::byte> out) {
  if (out.empty()) return 0;
  if (position_ == buffer_.size()) {
    if (out.size() >= kReadAhead) {
      auto size = blob_->read_at(out, offset_);
      if (size) offset_ += *size;
      return size;
    }
    if (auto status = fill(); !status) return fail(std::move(status).error());
  }
  const std::size_t size = std::min(out.size(), buffer_.size() - position_);
  std::copy_n(buffer_.begin() + static_cast<std::ptrdiff_t>(position_), size, out.begin());
  position_ += size;
  return size;
}

Result<PutResult> Engine::copy_blob(const BlobPtr& blob, const PutOptions& options) {
  BlobSource content(blob);
  return put_blob(content, options);
}

Result<std::optional<std::uint64_t>> Engine::blob_size(const Digest& digest) const {
  const auto status = blob_status(digest);
  if (!status) return fail(Error(status.error()));
  if (!*status) return std::nullopt;
  if (!(*status)->is_dead_link) return (*status)->size;
  const auto blob = get_blob(digest);
  if (blob) return (*blob)->size();  // it was mended meanwhile
  if (blob.error().code() == Errc::not_found) return std::nullopt;
  return fail(Error(blob.error()));
}

Result<bool> Engine::exists(const Digest& digest) const {
  const auto size = blob_size(digest);
  if (!size) return fail(Error(size.error()));
  return size->has_value();
}

Result<std::vector<Digest>> Engine::list_all_blobs(const Context& context) const {
  std::vector<Digest> all;
  for (const Algorithm algorithm : algorithms()) {
    auto some = list_blobs(algorithm, context);
    if (!some) return some;
    all.insert(all.end(), std::make_move_iterator(some->begin()), std::make_move_iterator(some->end()));
  }
  return all;
}

bool Engine::can_clone(const Blob&) const { return false; }

std::unique_ptr<BlobBatch> Engine::start_batch() { return std::make_unique<DirectBatch>(*this); }

Result<PutResult> Engine::put_blob_json(JsonValue value, const PutOptions& options) {
  const std::string text = canonical_json(value);
  MemorySource content(as_bytes(text));
  return put_blob(content, options);
}

Result<Bytes> read_document(const Provider& provider, const Descriptor& descriptor) {
  const std::size_t limit = JsonLimits{}.bytes;
  const std::string name = descriptor.digest.str();
  auto blob = provider.get_blob(descriptor.digest);
  if (!blob) return fail(std::move(blob).error());
  const std::uint64_t size = (*blob)->size();
  if (size != descriptor.size)
    return fail(Errc::corrupt, name + ": blob has " + std::to_string(size) + " bytes, its descriptor says " +
                                   std::to_string(descriptor.size));
  if (size > limit)
    return fail(Errc::unsupported, name + ": a document of " + std::to_string(size) + " bytes, more than " +
                                       std::to_string(limit));
  Bytes content(static_cast<std::size_t>(size));
  auto got = (*blob)->read_at(content, 0);
  if (!got) return fail(std::move(got).error());
  content.resize(*got);
  const auto digest = Digest::of(content, descriptor.digest.algorithm());
  if (digest != descriptor.digest) return fail(Errc::corrupt, name + ": content has digest " + digest.str());
  return content;
}

}  // namespace layoutfs
