// Reads the entries of a tar stream that arrives in pieces: ustar and PAX (POSIX.1-2001), GNU long names,
// base-256 numbers, sparse files of all four GNU forms, and v7.
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

// A piece of a sparse file's content that is stored; everything else of the file reads as zeros.
struct Extent {
  std::uint64_t offset;         // in the file
  std::uint64_t size;           // bytes
  std::uint64_t stream_offset;  // of its data in the uncompressed stream
};

struct Timestamp {
  std::int64_t seconds;       // since 1970
  std::uint32_t nanoseconds;  // 0 to 999,999,999, counted forward also before 1970
};

struct TarEntry {
  EntryType type;
  std::string path;    // cleaned by clean_path: "etc/hosts"; empty for the root
  std::string target;  // symlink: as it stands; hardlink: cleaned
  std::uint32_t mode;  // the twelve permission bits
  std::uint32_t uid, gid;
  Timestamp mtime;
  std::uint32_t device_major, device_minor;
  std::uint64_t size;           // of a file's content, holes included; 0 for everything else
  std::uint64_t stream_offset;  // of a file's data in the uncompressed stream, if it is not sparse
  bool is_sparse;
  std::vector<Extent> extents;  // of a sparse file, ascending, disjoint, none empty
  std::vector<std::pair<std::string, std::string>> xattrs;  // full name and value, sorted by name
};

// Bytes of all extended headers (PAX records and long names) before one entry.
inline constexpr std::uint64_t kMaxExtendedHeaders = std::uint64_t{1} << 20;
// Bytes of the names of one file's xattrs, with a NUL behind each: twice as many as Linux lists
// (XATTR_LIST_MAX); those beyond its list can still be read by their names.
inline constexpr std::size_t kMaxXattrNames = std::size_t{128} << 10;

// A name of a tar as a path below the root, by its spelling alone: no leading, trailing or double '/', no
// '.', and
// '..' takes back one component but never climbs above the root. Errc::corrupt for a NUL inside a name.
std::string clean_path(std::string_view name);

// Memory is bounded by the longest header (PAX records and long names: 1 MiB; extents of one file:
// 1,000,000).
class TarParser {
 public:
  using Sink = std::function<Status(TarEntry&&)>;
  // `sink` gets each entry when its header is complete (before its data has passed); its error ends the
  // parsing.
  explicit TarParser(Sink sink);
  ~TarParser();

  // The next bytes of the stream. Errc::corrupt with the offset of the entry for a header that breaks the
  // format. Two blocks of zeros where a header may be end the archive, and all that follows is ignored, as by
  // tar(1) and Go's archive/tar. Errc::corrupt with the offset of a single one that has anything else behind
  // it: tar(1) ends there, Go refuses it, others show the entries that follow.
  Status feed(ByteView piece);
  // Whether the archive has ended, by its end marker or by an error: more of the stream makes no difference.
  bool is_ended() const;
  // How many of the next bytes are data and padding, which the parser only counts: whoever can seek calls
  // skip() instead of reading and feeding them.
  std::uint64_t skippable() const;
  // `size` <= skippable().
  void skip(std::uint64_t size);
  // At the end of the stream: Errc::corrupt where it ends inside an entry. An end marker that is missing, or
  // cut short, is no error.
  Status finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace layoutfs
