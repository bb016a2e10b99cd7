// Builds an entry from its header and the preceding extended headers.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/tar/pax.h"
#include "core/tar/tar_header.h"
#include "core/tar/tar_parser.h"
#include "layoutfs/error.h"

namespace layoutfs {

// The extended headers before an entry's own header.
struct ExtendedHeaders {
  PaxRecords pax;
  std::optional<std::string> long_name, long_link;  // GNU's typeflags 'L' and 'K'
  bool is_present = false;
};

// The location of a sparse file's map.
enum class SparseForm : std::uint8_t {
  none,
  old,      // typeflag 'S': in the header and in the following blocks
  records,  // PAX 0.0 and 0.1
  text,     // PAX 1.0: before the data
};

// An entry and the work that remains to complete it.
struct EntryStart {
  TarEntry entry;            // without stream_offset and extents; for a sparse file, `size` includes holes
  std::uint64_t stored = 0;  // bytes after the header
  SparseForm sparse = SparseForm::none;
  std::vector<std::uint64_t> numbers;  // SparseForm::records: the map
};

// `block` is the entry's own header. Errc::corrupt or Errc::unsupported. The message continues "tar header at
// byte N: ".
Result<EntryStart> start_entry(const TarHeader& header, ByteView block, ExtendedHeaders extended);

}  // namespace layoutfs
