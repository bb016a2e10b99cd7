// The size of such a file needs its metadata, so that is made when the name is looked up. It is stored in the
// cache directory, not in the node, since the kernel may refer to a node for a long time. All content is
// decoded when it is read.
#include "fs/tree/erofs_nodes.h"

#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "core/erofs/erofs_reader.h"
#include "fs/tree/layout_nodes.h"
#include "layoutfs/log.h"

namespace layoutfs {
namespace {

Result<ErofsReader> open_reader(const LayoutContext& layout, ImagePtr image, const Descriptor& manifest,
                                const Context& context) {
  auto erofs =
      layout.mount.erofs.open(layout.library->resources()->cache(), image->tree(), manifest.digest, context);
  if (!erofs) return fail(std::move(erofs).error());
  return ErofsReader(std::move(image), **erofs);
}

class ErofsFile final : public VirtualNode {
 public:
  ErofsFile(LayoutPtr layout, const std::string& place, Descriptor manifest, std::uint64_t size,
            std::int64_t mtime_ns)
      : VirtualNode(place),
        layout_(std::move(layout)),
        manifest_(std::move(manifest)),
        size_(size),
        mtime_ns_(mtime_ns) {}
  Answer<Properties> properties() override { return Properties{S_IFREG | 0444, size_, mtime_ns_}; }
  Answer<void> read(IoBuffers& out, std::size_t size, std::uint64_t offset, const Context& context) override;

 private:
  const LayoutPtr layout_;
  const Descriptor manifest_;
  const std::uint64_t size_;
  const std::int64_t mtime_ns_;
};

Answer<void> ErofsFile::read(IoBuffers& out, std::size_t size, std::uint64_t offset, const Context& context) {
  const auto done = [&]() -> Status {
    auto image = layout_->library->image(manifest_, context);
    if (!image) return fail(std::move(image).error());
    const auto reader = open_reader(*layout_, std::move(*image), manifest_, context);
    return reader ? reader->read(out, size, offset, context) : fail(Error(reader.error()));
  }();
  if (done) return {};
  if (done.error().code() == Errc::cancelled) return std::unexpected(EINTR);
  log(LogLevel::error, identity() + " at byte " + std::to_string(offset) + ": " + done.error().message());
  return std::unexpected(EIO);
}

}  // namespace

Answer<Child> erofs_child(const LayoutPtr& layout, const std::string& place, const Descriptor& manifest,
                          const Context& context) {
  auto image = layout->library->image(manifest, context);
  const bool is_cancelled = !image && image.error().code() == Errc::cancelled;
  if (is_cancelled) return std::unexpected(EINTR);
  const SlotRoot slot = layout->mount.slots.slot_of(layout, ImageSlots::Kind::image, manifest);
  layout->mount.slots.note_failure(slot.slot, image ? "" : image.error().message());
  if (!image) return std::unexpected(EIO);
  const auto reader = open_reader(*layout, std::move(*image), manifest, context);
  if (reader)
    return std::make_shared<ErofsFile>(layout, place, manifest, reader->size(),
                                       layout->catalog()->current()->mtime_ns);
  if (reader.error().code() == Errc::unsupported) return std::unexpected(ENOENT);
  return failed(reader.error());
}

}  // namespace layoutfs
