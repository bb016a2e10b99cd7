#include "tools/commands/export_tar.h"

#include <algorithm>
#include <string>
#include <unordered_map>
#include <utility>

#include "core/image/sequential_order.h"
#include "core/tar/tar_header.h"
#include "core/tar/tar_writer.h"

namespace layoutfs::tools {
namespace {

constexpr std::size_t kTarPiece = std::size_t{1} << 20;
// GNU tar's default, which drops an incomplete record of a tape.
constexpr std::uint64_t kRecord = 20 * kTarBlock;

class TarExport {
 public:
  TarExport(const Image& image, const TarOutput& out, const Context& context)
      : image_(image), tree_(image.tree()), out_(out), context_(context) {
    for (Inode inode = 1; inode <= tree_.inode_count(); ++inode)
      if (const InodeView view = tree_.inode(inode); view.type == EntryType::file) total_ += view.stored;
  }

  Status run() {
    auto done = visit_sequentially(tree_, [this](const std::string& path, Inode inode) -> Status {
      auto added = add(path.empty() ? "." : "./" + path, inode);
      return added ? added : fail(std::move(added).error(), "/" + path);
    });
    if (!done) return done;
    // POSIX pax, "ustar Interchange Format": two blocks of zeros end the archive.
    const std::uint64_t end = written_ + 2 * kTarBlock;
    if (auto ended = write_zeros((end + kRecord - 1) / kRecord * kRecord - written_); !ended) return ended;
    return flush();
  }

 private:
  Status add(std::string path, Inode inode) {
    if (auto running = context_.check(); !running) return running;
    const InodeView view = tree_.inode(inode);
    TarEntry entry{.type = view.type,
                   .path = std::move(path),
                   .target = std::string(view.target),
                   .mode = view.mode,
                   .uid = view.uid,
                   .gid = view.gid,
                   .mtime = view.mtime,
                   .device_major = view.device_major,
                   .device_minor = view.device_minor};
    const bool is_linked = view.type != EntryType::directory && view.nlink > 1;
    const auto first = is_linked ? names_.find(inode) : names_.end();
    if (first != names_.end()) {
      entry.type = EntryType::hardlink;
      entry.target = first->second;
      return write_header(entry);
    }
    if (is_linked) names_.emplace(inode, entry.path);
    for (std::uint32_t i = 0; i < view.xattr_count; ++i) {
      const auto [name, value] = tree_.xattr(view.first_xattr + i);
      entry.xattrs.emplace_back(name, value);
    }
    if (view.type != EntryType::file) return write_header(entry);
    entry.size = view.size;
    // Without holes it is an ordinary file.
    entry.is_sparse = view.is_sparse && view.stored != view.size;
    if (entry.is_sparse) entry.extents.assign(view.extents.begin(), view.extents.end());
    if (auto written = write_header(entry); !written) return written;
    return write_content(inode, entry, view.stored);
  }

  Status write_header(const TarEntry& entry) {
    const auto header = tar_entry_header(entry);
    if (!header) return fail(Error(header.error()));
    return write(*header);
  }

  Status write_content(Inode inode, const TarEntry& entry, std::uint64_t stored) {
    image_.will_read(inode);
    if (!entry.is_sparse) {
      if (auto written = write_range(inode, 0, entry.size); !written) return written;
    }
    for (const Extent& extent : entry.extents)
      if (auto written = write_range(inode, extent.offset, extent.size); !written) return written;
    return write_zeros(tar_padding(stored));
  }

  Status write_range(Inode inode, std::uint64_t offset, std::uint64_t size) {
    const std::uint64_t end = offset + size;
    while (offset < end) {
      IoBuffers pieces;
      const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(kTarPiece, end - offset));
      if (auto read = image_.read(inode, pieces, wanted, offset, context_); !read) return read;
      if (pieces.size() != wanted) return fail(Errc::corrupt, "the content is shorter than its size");
      for (const ByteView piece : pieces.views())
        if (auto written = write(piece); !written) return written;
      offset += wanted;
      out_.progress(done_ += wanted, total_);
    }
    return {};
  }

  // Collects small pieces.
  Status write(ByteView bytes) {
    written_ += bytes.size();
    if (pending_.size() + bytes.size() > kTarPiece)
      if (auto flushed = flush(); !flushed) return flushed;
    if (bytes.size() >= kTarPiece / 2) {
      if (auto flushed = flush(); !flushed) return flushed;
      return out_.write(bytes);
    }
    pending_.insert(pending_.end(), bytes.begin(), bytes.end());
    return {};
  }
  Status write_zeros(std::uint64_t size) { return write(Bytes(static_cast<std::size_t>(size))); }
  Status flush() {
    if (pending_.empty()) return {};
    auto written = out_.write(pending_);
    pending_.clear();
    return written;
  }

  const Image& image_;
  const ImageTree& tree_;
  const TarOutput& out_;
  const Context& context_;
  std::unordered_map<Inode, std::string> names_;  // the first name of files with several
  Bytes pending_;
  std::uint64_t written_ = 0, done_ = 0, total_ = 0;
};

}  // namespace

Status write_tar(const Image& image, const TarOutput& out, const Context& context) {
  return TarExport(image, out, context).run();
}

}  // namespace layoutfs::tools
