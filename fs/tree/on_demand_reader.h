// A layout reader that is open only while it is used.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>

#include "core/base/lock_order.h"
#include "layoutfs/layout_reader.h"

namespace layoutfs {

// Opens the layout on the first call, and again after release(). If that fails, calls return its error.
// Thread-safe.
class OnDemandReader final : public LayoutReader {
 public:
  using Opener = std::function<Result<std::unique_ptr<LayoutReader>>()>;
  // `tried` is called after each attempt to open the layout, and may call this reader or another.
  OnDemandReader(Opener open, std::function<void()> tried)
      : open_(std::move(open)), tried_(std::move(tried)) {}

  // Returns the layout's own reader. Release it soon, because it keeps its files open.
  Result<std::shared_ptr<LayoutReader>> get() const;
  void release() noexcept;
  // Returns whether the last attempt failed although the layout exists.
  bool is_broken() const noexcept { return is_broken_; }

  void use() const noexcept;
  // Returns a number that increases with each use() or get() of any of these readers.
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
  // Held during opening, so that the layout is opened once.
  mutable OrderedGuarded<std::shared_ptr<LayoutReader>, LockLevel::layout> reader_;
  mutable std::atomic<bool> is_broken_ = false;
  mutable std::atomic<std::uint64_t> last_use_ = 0;
};

}  // namespace layoutfs
