// An engine that is open only while it is used.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>

#include "core/base/guarded.h"
#include "core/cas/engine.h"

namespace layoutfs {

// Opens a layout when something is asked of it, and again after release(). Where that fails, so does what was
// asked for. For reading: whatever would change something fails with EROFS. Thread-safe.
class OnDemandEngine final : public Engine {
 public:
  using Opener = std::function<Result<std::unique_ptr<Engine>>()>;
  // `tried` is called each time that the layout was opened, or found to be broken, and may ask anything of
  // this engine or another.
  OnDemandEngine(Opener open, std::function<void()> tried)
      : open_(std::move(open)), tried_(std::move(tried)) {}

  // The layout's own engine, to be given back soon: what it has open stays open as long.
  Result<std::shared_ptr<Engine>> get() const;
  void release() noexcept;
  // Whether opening failed the last time, though there is something to open.
  bool is_broken() const noexcept { return is_broken_; }

  void use() const noexcept;
  // A number that is greater the later use() or get() was called, of all these engines.
  std::uint64_t last_use() const noexcept { return last_use_; }

  Result<BlobPtr> get_blob(const Digest& digest) const override;
  Result<std::optional<BlobStatus>> blob_status(const Digest& digest) const override;
  Result<std::string> blob_path(const Digest& digest) const override;
  Result<std::vector<Digest>> list_blobs(Algorithm algorithm, const Context& context) const override;
  std::int64_t listing_ns(Algorithm algorithm) const override;
  Result<std::shared_ptr<const References>> references(const Context& context) const override;
  Result<Descriptor> get_reference(std::string_view name, const Context& context) const override;
  Result<std::vector<std::string>> list_references(const Context& context) const override;
  Status close() override;
  // Empty; get() has it.
  const Bytes& marker() const noexcept override { return no_marker_; }

  Result<PutResult> put_blob(ByteSource& content, const PutOptions& options) override;
  Result<std::unique_ptr<Upload>> start_upload(std::string_view id) override;
  Result<std::unique_ptr<Upload>> resume_upload(std::string_view id) override;
  Result<bool> delete_blob(const Digest& digest) override;
  Result<SweepResult> sweep_blob(const Digest& digest, const References& seen, std::int64_t limit_ns,
                                 const Context& context) override;
  Status put_reference(std::string_view name, const Descriptor& descriptor, PutMode mode,
                       const Context& context) override;
  Result<bool> delete_reference(std::string_view name, const Context& context) override;
  Status update_references(const ReferenceUpdate& update, const Context& context) override;
  Status clean(const Context& context) override;

 private:
  const Opener open_;
  const std::function<void()> tried_;
  const Bytes no_marker_;
  mutable Guarded<std::shared_ptr<Engine>> engine_;  // held while it is opened, so that it is opened once
  mutable std::atomic<bool> is_broken_ = false;
  mutable std::atomic<std::uint64_t> last_use_ = 0;
};

}  // namespace layoutfs
