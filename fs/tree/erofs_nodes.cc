// The size of such a file needs its metadata, so that is made when the name is looked up. It is stored in the
// cache directory, not in the node, since the kernel may refer to a node for a long time. All content is
// decoded when it is read.
#include "fs/tree/erofs_nodes.h"

#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "core/erofs/erofs_reader.h"
#include "fs/tree/layout_nodes.h"

namespace layoutfs {
namespace {

using Kind = ImageSlots::Kind;

Result<ImagePtr> open_image(const LayoutContext& layout, Kind kind, const Descriptor& descriptor,
                            const Context& context) {
  return kind == Kind::image ? layout.library->image(descriptor, context)
                             : layout.library->layer_tree(descriptor, context);
}

Result<ErofsReader> open_reader(const LayoutContext& layout, Kind kind, ImagePtr image,
                                const Descriptor& descriptor, const Context& context) {
  const auto content = kind == Kind::image ? ErofsContent::image : ErofsContent::layer;
  auto erofs = layout.mount.erofs.open(layout.library->resources()->cache(), image->tree(), descriptor.digest,
                                       content, context);
  if (!erofs) return fail(std::move(erofs).error());
  return ErofsReader(std::move(image), **erofs);
}

class ErofsFile final : public SizedFile {
 public:
  ErofsFile(LayoutPtr layout, const std::string& place, Kind kind, Descriptor descriptor, std::uint64_t size,
            std::int64_t mtime_ns)
      : SizedFile(place, size, mtime_ns),
        layout_(std::move(layout)),
        kind_(kind),
        descriptor_(std::move(descriptor)) {}
  Answer<void> read(IoBuffers& out, std::size_t size, std::uint64_t offset, const Context& context) override;

 private:
  const LayoutPtr layout_;
  const Kind kind_;
  const Descriptor descriptor_;
};

Answer<void> ErofsFile::read(IoBuffers& out, std::size_t size, std::uint64_t offset, const Context& context) {
  const auto done = [&]() -> Status {
    auto image = open_image(*layout_, kind_, descriptor_, context);
    if (!image) return fail(std::move(image).error());
    const auto reader = open_reader(*layout_, kind_, std::move(*image), descriptor_, context);
    return reader ? reader->read(out, size, offset, context) : fail(Error(reader.error()));
  }();
  if (done) return {};
  if (done.error().code() == Errc::cancelled) return std::unexpected(EINTR);
  layout_->failures.report(identity() + " at byte " + std::to_string(offset) + ": " + done.error().message());
  return std::unexpected(EIO);
}

}  // namespace

Answer<Child> erofs_child(const LayoutPtr& layout, const std::string& place, Kind kind,
                          const Descriptor& descriptor, const Context& context) {
  auto image = open_image(*layout, kind, descriptor, context);
  if (!image && image.error().code() == Errc::cancelled) return std::unexpected(EINTR);
  const SlotRoot slot = layout->mount.slots.slot_of(layout, kind, descriptor);
  layout->mount.slots.note_failure(slot.slot, image ? "" : image.error().message());
  if (!image) return std::unexpected(EIO);
  const auto reader = open_reader(*layout, kind, std::move(*image), descriptor, context);
  if (reader)
    return std::make_shared<ErofsFile>(layout, place, kind, descriptor, reader->size(),
                                       layout->catalog()->current()->mtime_ns);
  if (reader.error().code() == Errc::unsupported) return std::unexpected(ENOENT);
  return failed(reader.error());
}

}  // namespace layoutfs
