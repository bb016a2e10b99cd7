// Readers of blobs, and uploads, that registries return.
#include <algorithm>

#include "layoutfs/registry.h"

namespace layoutfs {

BlobReader::BlobReader(Descriptor descriptor, BlobPtr blob, std::uint64_t begin, std::uint64_t end)
    : descriptor_(std::move(descriptor)),
      blob_(std::move(blob)),
      begin_(begin),
      end_(end),
      source_(blob_, begin),
      left_(end - begin) {}

Result<std::size_t> BlobReader::read(std::span<std::byte> out) {
  auto got = source_.read(out.first(static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), left_))));
  if (got) left_ -= *got;
  return got;
}

Result<std::size_t> BlobReader::read_at(std::span<std::byte> out, std::uint64_t offset) const {
  if (offset >= size()) return 0;
  const auto wanted = std::min<std::uint64_t>(out.size(), size() - offset);
  return blob_->read_at(out.first(static_cast<std::size_t>(wanted)), begin_ + offset);
}

namespace {

class UploadWriter final : public BlobWriter {
 public:
  UploadWriter(std::shared_ptr<Engine> engine, std::unique_ptr<Upload> upload, std::size_t chunk_size)
      : engine_(std::move(engine)),
        upload_(std::move(upload)),
        chunk_size_(chunk_size == 0 ? kDefaultChunkSize : chunk_size) {}

  Status write(ByteView piece) override { return upload_->append(piece); }
  std::uint64_t size() const noexcept override { return upload_->size(); }
  std::size_t chunk_size() const noexcept override { return chunk_size_; }
  const std::string& id() const noexcept override { return upload_->id(); }
  Result<Digest> digest(const Context& context) override { return upload_->digest(context); }
  Status close() override { return upload_->close(); }
  Result<Descriptor> commit(const Digest& digest, const Context& context) override {
    auto put = upload_->commit(digest, context);
    if (!put) return fail(std::move(put).error());
    return Descriptor{.media_type = "application/octet-stream", .digest = put->digest, .size = put->size};
  }
  Status cancel() override { return upload_->cancel(); }

 private:
  std::shared_ptr<Engine> engine_;  // outlives the upload
  std::unique_ptr<Upload> upload_;
  std::size_t chunk_size_;
};

}  // namespace

std::unique_ptr<BlobWriter> write_upload(std::shared_ptr<Engine> engine, std::unique_ptr<Upload> upload,
                                         std::size_t chunk_size) {
  return std::make_unique<UploadWriter>(std::move(engine), std::move(upload), chunk_size);
}

}  // namespace layoutfs
