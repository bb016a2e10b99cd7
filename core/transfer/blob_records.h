// What is remembered of blobs, in the order in which it was learnt, and its file format.
#pragma once

#include <compare>
#include <cstddef>
#include <string>
#include <variant>

#include "core/transfer/recent_map.h"
#include "layoutfs/bytes.h"
#include "layoutfs/digest.h"
#include "layoutfs/error.h"

namespace layoutfs {

struct LocationKey {
  std::string transport, scope;
  Digest digest;
  std::string location;
  friend auto operator<=>(const LocationKey&, const LocationKey&) = default;
};

struct BlobRecords {
  RecentMap<Digest, Digest> uncompressed;  // by any digest
  RecentMap<LocationKey, std::monostate> locations;
};

// Adds what `newer` has, in its order, as learnt later than all of `records`; `limit` of each kind stay.
void merge(BlobRecords& records, const BlobRecords& newer, std::size_t limit);

// A file: a line with the version and a checksum of the rest, and the records as JSON.
Bytes write_blob_records(const BlobRecords& records);
// Errc::corrupt for a file that is damaged, of another version, or larger than kMaxBlobRecords.
Result<BlobRecords> read_blob_records(ByteView file, std::size_t limit);

inline constexpr std::size_t kMaxBlobRecords = std::size_t{32} << 20;  // bytes of the file

}  // namespace layoutfs
