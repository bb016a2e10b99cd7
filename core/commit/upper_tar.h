// The tar of a layer from the upper directory of an overlay (image-spec layer.md).
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "core/commit/upper_layer.h"
#include "layoutfs/bytes.h"
#include "layoutfs/context.h"

namespace layoutfs {

// Writes a tar of the changes: the headers of core/tar/tar_writer.h, each directory before its content, an
// opaque mark directly after its directory. The first name of a file has its content, the others are hard
// links. Whiteouts have no attributes. Equal changes give equal bytes, except for the existence of holes in
// files (sparse_content.h). Reads files in order, relative to handles of their directories.
class UpperTar final : public ByteSource {
 public:
  // `upper` must outlive it.
  UpperTar(const UpperLayer& upper, Context context);
  ~UpperTar() override;

  // Fills `out`, except at the end. Errors name the file: Errc::failed_precondition if it was changed after
  // the directory was read; Errc::io; Errc::cancelled; those of tar_entry_header().
  Result<std::size_t> read(std::span<std::byte> out) override;
  // Returns how much of upper.content_size() was read, in bytes.
  std::uint64_t content_read() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace layoutfs
