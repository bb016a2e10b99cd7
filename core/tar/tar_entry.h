// Puts an entry together from its header and from the extended headers in front of it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/tar/pax.h"
#include "core/tar/tar_header.h"
#include "core/tar/tar_parser.h"
#include "layoutfs/error.h"

namespace layoutfs {

// What stood in front of an entry's own header.
struct ExtendedHeaders {
  PaxRecords pax;
  std::optional<std::string> long_name, long_link;  // GNU's typeflags 'L' and 'K'
  bool is_present = false;
};

// How a sparse file's map is written down.
enum class SparseForm : std::uint8_t {
  none,
  old,      // typeflag 'S': in the header and in blocks behind it
  records,  // PAX 0.0 and 0.1
  text,     // PAX 1.0: in front of the data
};

// An entry, and what is left to do until it is complete.
struct EntryStart {
  TarEntry entry;  // without stream_offset and extents; of a sparse file, `size` is that of its content
  std::uint64_t stored = 0;  // bytes that follow the header
  SparseForm sparse = SparseForm::none;
  std::vector<std::uint64_t> numbers;  // SparseForm::records: the map
};

// `block` is the header's own. Errc::corrupt or Errc::unsupported in words that go on after "tar header at
// byte N: ".
Result<EntryStart> start_entry(const TarHeader& header, ByteView block, ExtendedHeaders extended);

}  // namespace layoutfs
