// PAX extended headers (POSIX.1-2001, pax, "pax Extended Header"), with star's xattrs and GNU tar's sparse
// maps.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/tar/tar_parser.h"
#include "layoutfs/bytes.h"
#include "layoutfs/error.h"

namespace layoutfs {

// The records GNU.sparse.* of the formats 0.0, 0.1 and 1.0 (GNU tar manual, "Storing Sparse Files").
struct PaxSparse {
  std::optional<std::uint64_t> major, minor;
  std::optional<std::uint64_t> real_size;
  std::optional<std::uint64_t> block_count;
  std::optional<std::string> name;
  std::vector<std::uint64_t> numbers;  // alternately offset and size

  bool is_present() const { return major || minor || real_size || block_count || !numbers.empty(); }
};

// The supported records of one entry's extended headers.
struct PaxRecords {
  std::optional<std::string> path, link;
  std::optional<std::uint64_t> size, uid, gid;
  std::optional<Timestamp> mtime;
  std::map<std::string, std::string, std::less<>> xattrs;
  PaxSparse sparse;
};

// Adds the records of a header's `body` to `records`. The last value of a repeated key wins; an empty value
// removes a standard key. Errc::corrupt if a record is malformed. The message continues "tar header at byte
// N: ".
Status parse_pax(ByteView body, PaxRecords& records);

}  // namespace layoutfs
