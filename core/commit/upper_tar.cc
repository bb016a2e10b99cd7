#include "core/commit/upper_tar.h"

#include <fcntl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/check.h"
#include "core/base/is_at_or_below.h"
#include "core/commit/sparse_content.h"
#include "core/commit/upper_xattrs.h"
#include "core/image/whiteout_names.h"
#include "core/tar/tar_header.h"
#include "core/tar/tar_writer.h"

namespace layoutfs {
namespace {

constexpr std::string_view kRootName = ".";

std::unexpected<Error> changed() {
  return fail(Error(Errc::failed_precondition, "changed while it was read")
                  .with_hint("unmount the overlay, and end everything that writes to the directory"));
}

bool is_same_file(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino && a.st_size == b.st_size &&
         a.st_mtim.tv_sec == b.st_mtim.tv_sec && a.st_mtim.tv_nsec == b.st_mtim.tv_nsec &&
         a.st_ctim.tv_sec == b.st_ctim.tv_sec && a.st_ctim.tv_nsec == b.st_ctim.tv_nsec;
}

EntryType type_of(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFDIR:
      return EntryType::directory;
    case S_IFLNK:
      return EntryType::symlink;
    case S_IFCHR:
      return EntryType::character;
    case S_IFBLK:
      return EntryType::block;
    case S_IFIFO:
      return EntryType::fifo;
    default:
      return EntryType::file;
  }
}

struct NameInDirectory {
  std::string_view parent, name;
};
NameInDirectory split_name(std::string_view path) {
  const auto slash = path.rfind('/');
  if (slash == std::string_view::npos) return {"", path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

// The handles of the directories from the root to the last one that was asked for.
class OpenDirectories {
 public:
  explicit OpenDirectories(int root) : root_(root) {}

  // Returns a handle of the directory `path`, which is valid until the next call.
  Result<int> open(std::string_view path) {
    while (!below_.empty() && !is_at_or_below(path, below_.back().path)) below_.pop_back();
    for (;;) {
      const std::string_view at = below_.empty() ? std::string_view() : std::string_view(below_.back().path);
      const int directory = below_.empty() ? root_ : below_.back().handle.get();
      if (at.size() == path.size()) return directory;
      const std::size_t begin = at.empty() ? 0 : at.size() + 1;
      const std::size_t end = std::min(path.find('/', begin), path.size());
      auto next = open_at(directory, std::string(path.substr(begin, end - begin)),
                          O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK);
      if (!next) return fail(std::move(next).error());
      below_.push_back({std::string(path.substr(0, end)), std::move(*next)});
    }
  }

 private:
  struct Level {
    std::string path;
    UniqueFd handle;
  };

  int root_;
  std::vector<Level> below_;
};

}  // namespace

struct UpperTar::State {
  State(const UpperLayer& upper_layer, Context with)
      : upper(upper_layer), context(std::move(with)), directories(upper.directory().get()) {}

  Status start_next();
  Status start(const UpperEntry& entry);
  Status start_file(const UpperEntry& entry, TarEntry header, int parent, const std::string& name);
  Status add_header(const TarEntry& entry);
  void add_opaque_mark(const UpperEntry& entry);
  Result<std::size_t> read_content(std::span<std::byte> out);

  const UpperLayer& upper;
  const Context context;
  OpenDirectories directories;
  std::size_t next = 0;  // entry
  bool is_ended = false;
  // The rest of the current entry, in this order.
  Bytes headers;
  std::size_t headers_read = 0;
  UniqueFd file;
  const UpperEntry* file_entry = nullptr;
  std::vector<Extent> content;  // in reverse order
  std::uint64_t zeros = 0;
  std::uint64_t content_read = 0;
};

namespace {

std::string tar_path(std::string_view path) { return std::string(path.empty() ? kRootName : path); }

TarEntry tar_entry_of(const UpperEntry& entry) {
  const struct stat& status = entry.status;
  TarEntry out{.type = type_of(status.st_mode), .path = tar_path(entry.path)};
  out.mode = status.st_mode & 07777;
  out.uid = status.st_uid;
  out.gid = status.st_gid;
  out.mtime = {status.st_mtim.tv_sec, static_cast<std::uint32_t>(status.st_mtim.tv_nsec)};
  if (out.type == EntryType::character || out.type == EntryType::block) {
    out.device_major = ::major(status.st_rdev);
    out.device_minor = ::minor(status.st_rdev);
  }
  return out;
}

// A whiteout is an empty file. Its attributes have no meaning, so they depend on nothing.
TarEntry whiteout_at(std::string_view parent, std::string_view name) {
  return {.type = EntryType::file,
          .path = (parent.empty() ? "" : std::string(parent) + "/") + std::string(name)};
}

Result<std::string> read_link(int directory, const std::string& name) {
  std::array<char, PATH_MAX> target;
  const ssize_t size = ::readlinkat(directory, name.c_str(), target.data(), target.size());
  if (size < 0) return std::unexpected(Error::system(errno, "readlinkat"));
  return std::string(target.data(), static_cast<std::size_t>(size));
}

}  // namespace

Status UpperTar::State::add_header(const TarEntry& entry) {
  auto blocks = tar_entry_header(entry);
  if (!blocks) return fail(std::move(blocks).error());
  headers.insert(headers.end(), blocks->begin(), blocks->end());
  return {};
}

Status UpperTar::State::start_next() {
  if (auto running = context.check(); !running) return running;
  const UpperEntry& entry = upper.entries()[next++];
  headers.clear();
  headers_read = 0;
  auto started = start(entry);
  if (!started) return fail(std::move(started).error(), upper.name() + "/" + entry.path);
  return {};
}

Status UpperTar::State::start(const UpperEntry& entry) {
  const auto [parent, name_view] = split_name(entry.path);
  const std::string name = std::string(entry.path.empty() ? kRootName : name_view);
  if (entry.is_removed) return add_header(whiteout_at(parent, std::string(kWhiteout) + name));
  TarEntry header = tar_entry_of(entry);
  if (entry.first_name) {
    header.type = EntryType::hardlink;
    header.target = tar_path(upper.entries()[*entry.first_name].path);
    return add_header(header);
  }
  const auto directory = directories.open(parent);
  if (!directory) return fail(Error(directory.error()));
  auto xattrs = read_upper_xattrs(*directory, name);
  if (!xattrs) return fail(std::move(xattrs).error());
  header.xattrs = std::move(*xattrs);
  if (header.type == EntryType::symlink) {
    auto target = read_link(*directory, name);
    if (!target) return fail(std::move(target).error());
    header.target = std::move(*target);
  }
  if (header.type == EntryType::file) return start_file(entry, std::move(header), *directory, name);
  if (auto added = add_header(header); !added) return added;
  return entry.is_opaque ? add_header(whiteout_at(entry.path, kOpaque)) : Status();
}

Status UpperTar::State::start_file(const UpperEntry& entry, TarEntry header, int parent,
                                   const std::string& name) {
  // A FIFO that has taken the place of the file must not block.
  auto opened = open_at(parent, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!opened) return fail(std::move(opened).error());
  struct stat now;
  if (::fstat(opened->get(), &now) != 0) return std::unexpected(Error::system(errno, "fstat"));
  if (!is_same_file(now, entry.status)) return changed();
  file = std::move(*opened);
  file_entry = &entry;
  header.size = static_cast<std::uint64_t>(now.st_size);
  content.clear();
  auto extents = find_extents(file.get(), header.size);
  if (!extents) return fail(std::move(extents).error());
  std::uint64_t stored = header.size;
  if (*extents) {
    header.is_sparse = true;
    header.extents = std::move(**extents);
    stored = 0;
    for (const Extent& extent : header.extents) stored += extent.size;
    content.assign(header.extents.rbegin(), header.extents.rend());
  } else if (header.size != 0) {
    content.push_back({.offset = 0, .size = header.size, .stream_offset = 0});
  }
  content_read += header.size - stored;
  zeros = tar_padding(stored);
  return add_header(header);
}

Result<std::size_t> UpperTar::State::read_content(std::span<std::byte> out) {
  Extent& extent = content.back();
  out = out.first(static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), extent.size)));
  const auto size = pread_full(file.get(), out, extent.offset);
  if (!size) return size;
  if (*size != out.size()) return changed();
  extent.offset += *size;
  extent.size -= *size;
  content_read += *size;
  if (extent.size != 0) return size;
  content.pop_back();
  struct stat now;
  if (content.empty() && (::fstat(file.get(), &now) != 0 || !is_same_file(now, file_entry->status)))
    return changed();
  return size;
}

UpperTar::UpperTar(const UpperLayer& upper, Context context)
    : state_(std::make_unique<State>(upper, std::move(context))) {}
UpperTar::~UpperTar() = default;

std::uint64_t UpperTar::content_read() const noexcept { return state_->content_read; }

Result<std::size_t> UpperTar::read(std::span<std::byte> out) {
  State& from = *state_;
  std::size_t filled = 0;
  while (filled < out.size()) {
    const auto room = out.subspan(filled);
    if (from.headers_read < from.headers.size()) {
      const ByteView rest = ByteView(from.headers).subspan(from.headers_read);
      const ByteView piece = rest.first(std::min(rest.size(), room.size()));
      copy_bytes(piece, room);
      from.headers_read += piece.size();
      filled += piece.size();
    } else if (!from.content.empty()) {
      auto size = from.read_content(room);
      if (!size) return fail(std::move(size).error(), from.upper.name() + "/" + from.file_entry->path);
      filled += *size;
    } else if (from.zeros > 0) {
      const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(from.zeros, room.size()));
      std::ranges::fill(room.first(size), std::byte{0});
      from.zeros -= size;
      filled += size;
    } else if (from.next < from.upper.entries().size()) {
      from.file.reset();
      if (auto started = from.start_next(); !started) return fail(std::move(started).error());
    } else if (!from.is_ended) {
      // POSIX pax, "ustar Interchange Format": two blocks of zeros end the archive.
      from.zeros = 2 * kTarBlock;
      from.is_ended = true;
    } else {
      break;
    }
  }
  return filled;
}

}  // namespace layoutfs
