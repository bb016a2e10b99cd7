// The content of one blob of a repository, in ranges.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/remote/range_source.h"
#include "core/remote/registry_session.h"
#include "layoutfs/digest.h"

namespace layoutfs {

// Reads ranges by GET. A range that the registry, or the host to which it redirects, refuses is asked for up
// to the end of the blob, then as the whole blob, which is returned then. After an interruption the rest is
// asked for. Not verified.
class RepositoryBlob final : public RangeSource {
 public:
  // `size` in bytes, as a descriptor states it.
  RepositoryBlob(std::shared_ptr<RegistrySession> session, Digest digest, std::uint64_t size)
      : session_(std::move(session)), digest_(std::move(digest)), size_(size) {}

  // Also RegistryCode::blob_unknown. Errc::size_invalid if the registry states another size.
  Result<OpenedRange> open(std::uint64_t offset, std::uint64_t size, const Context& context) const override;

 private:
  const std::shared_ptr<RegistrySession> session_;
  const Digest digest_;
  const std::uint64_t size_;
};

}  // namespace layoutfs
