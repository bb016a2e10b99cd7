// Index files made of an input: the tables are the input's, header and checksum are right.
#pragma once

#include "core/base/file.h"
#include "core/layer/table_file.h"
#include "layoutfs/digest.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/support/stream_index_builder.h"

namespace layoutfs::fuzzing {

inline const Digest kSubject = Digest::of(as_bytes("what the tables are of"));

inline SharedBytes sealed(TableKind kind, std::uint32_t version, ByteView tables) {
  return SharedBytes::of(seal_table_file(kind, version, kSubject, tables));
}

// Looks at every byte, so that the address sanitizer sees each that is out of bounds.
inline unsigned touch(std::string_view text) {
  unsigned sum = 0;
  for (const char letter : text) sum += static_cast<unsigned char>(letter);
  return sum;
}

}  // namespace layoutfs::fuzzing
