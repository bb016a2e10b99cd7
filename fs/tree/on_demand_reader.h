// A reader of a layout that is open only while it is used.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>

#include "core/base/lock_order.h"
#include "layoutfs/layout_reader.h"

namespace layoutfs {

// Opens a layout when something is asked of it, and again after release(). If that fails, so does what was
// asked for. Thread-safe.
class OnDemandReader final : public LayoutReader {
 public:
  using Opener = std::function<Result<std::unique_ptr<LayoutReader>>()>;
  // `tried` is called each time that the layout was opened, or found to be broken, and may ask anything of
  // this reader or another.
  OnDemandReader(Opener open, std::function<void()> tried)
      : open_(std::move(open)), tried_(std::move(tried)) {}

  // The layout's own reader, to be given back soon: what it has open stays open as long.
  Result<std::shared_ptr<LayoutReader>> get() const;
  void release() noexcept;
  // Whether opening failed the last time, though there is something to open.
  bool is_broken() const noexcept { return is_broken_; }

  void use() const noexcept;
  // A number that is greater the later use() or get() was called, of all these readers.
  std::uint64_t last_use() const noexcept { return last_use_; }

  Result<BlobPtr> get_blob(const Digest& digest, const Context& context) const override;
  Result<std::optional<BlobStatus>> blob_status(const Digest& digest, const Context& context) const override;
  Result<std::string> blob_path(const Digest& digest, const Context& context) const override;
  Result<std::vector<Digest>> list_blobs(Algorithm algorithm, const Context& context) const override;
  std::int64_t listing_ns(Algorithm algorithm, const Context& context) const override;
  Result<std::shared_ptr<const References>> references(const Context& context) const override;
  Result<Descriptor> get_reference(std::string_view name, const Context& context) const override;
  Result<std::vector<std::string>> list_references(const Context& context) const override;
  Result<Bytes> marker(const Context& context) const override;

 private:
  const Opener open_;
  const std::function<void()> tried_;
  // Held while it is opened, so that it is opened once.
  mutable OrderedGuarded<std::shared_ptr<LayoutReader>, LockLevel::layout> reader_;
  mutable std::atomic<bool> is_broken_ = false;
  mutable std::atomic<std::uint64_t> last_use_ = 0;
};

}  // namespace layoutfs
