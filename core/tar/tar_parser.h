// Parses the entries of a tar stream that arrives in pieces: ustar and PAX (POSIX.1-2001), GNU long names,
// base-256 numbers, sparse files of all four GNU formats, and v7.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "layoutfs/bytes.h"
#include "layoutfs/error.h"

namespace layoutfs {

enum class EntryType : std::uint8_t { file, hardlink, symlink, character, block, directory, fifo };

// A stored part of a sparse file's content; the rest of the file reads as zeros.
struct Extent {
  std::uint64_t offset;         // in the file
  std::uint64_t size;           // bytes
  std::uint64_t stream_offset;  // of its data in the uncompressed stream
};

struct Timestamp {
  std::int64_t seconds;       // since 1970
  std::uint32_t nanoseconds;  // 0 to 999,999,999; counts forward before 1970, too
};

struct TarEntry {
  EntryType type;
  std::string path;    // cleaned by clean_path: "etc/hosts"; empty for the root
  std::string target;  // symlink: verbatim; hardlink: cleaned
  std::uint32_t mode;  // the twelve permission bits
  std::uint32_t uid, gid;
  Timestamp mtime;
  std::uint32_t device_major, device_minor;
  std::uint64_t size;           // of a file's content including holes; otherwise 0
  std::uint64_t stream_offset;  // of a file's data in the uncompressed stream, if it is not sparse
  bool is_sparse;
  std::vector<Extent> extents;  // of a sparse file: ascending, disjoint, not empty
  std::vector<std::pair<std::string, std::string>> xattrs;  // full name and value, sorted by name
};

// Limit for all extended headers (PAX records and long names) before one entry, in bytes.
inline constexpr std::uint64_t kMaxExtendedHeaders = std::uint64_t{1} << 20;
// Limit for the names of one file's xattrs including a NUL each, in bytes: twice Linux's limit for a list
// (XATTR_LIST_MAX); names beyond the list can still be read.
inline constexpr std::size_t kMaxXattrNames = std::size_t{128} << 10;

// Returns a tar member's name as a path below the root, by its spelling alone: without leading, trailing and
// double '/', without '.', and with each '..' removing one component but never climbing above the root.
// Errc::corrupt if the name contains a NUL.
std::string clean_path(std::string_view name);

// Memory is bounded by the largest header (PAX records and long names: 1 MiB; extents of one file:
// 1,000,000).
class TarParser {
 public:
  using Sink = std::function<Status(TarEntry&&)>;
  // `sink` gets each entry when its header is complete, before its data. If it returns an error, parsing
  // ends.
  explicit TarParser(Sink sink);
  ~TarParser();

  // Parses the next bytes of the stream. Two blocks of zeros at the position of a header end the archive; the
  // rest is ignored, as in tar(1) and Go's archive/tar. Errc::corrupt, with the offset of the entry, if a
  // header is invalid, or if a single block of zeros is followed by other data: tar(1) stops there, Go
  // refuses it, others continue.
  Status feed(ByteView piece);
  // Returns whether the archive has ended, by its end marker or an error: further bytes are ignored.
  bool is_ended() const;
  // Returns the number of next bytes that are data and padding, which the parser only counts: callers that
  // can seek may call skip() instead of feeding them.
  std::uint64_t skippable() const;
  // Precondition: `size` <= skippable().
  void skip(std::uint64_t size);
  // Call it at the end of the stream. Errc::corrupt if it ends inside an entry. A missing or incomplete end
  // marker is not an error.
  Status finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace layoutfs
