// The records about blobs in chronological order, and their file format.
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
  Digest digest;  // first: the other members of most keys are equal
  std::string transport, scope, location;
  friend auto operator<=>(const LocationKey&, const LocationKey&) = default;
};

struct BlobRecords {
  RecentMap<Digest, Digest> uncompressed;  // by any digest
  RecentMap<LocationKey, std::monostate> locations;
};

// Appends the records of `newer`, in order; keeps the latest `limit` of each kind.
void merge(BlobRecords& records, const BlobRecords& newer, std::size_t limit);

// Returns the file: a line with the version and a checksum of the rest, then the records as JSON.
Bytes write_blob_records(const BlobRecords& records);
// Errc::corrupt if the file is damaged, has another version, or is larger than kMaxBlobRecords.
Result<BlobRecords> read_blob_records(ByteView file, std::size_t limit);

inline constexpr std::size_t kMaxBlobRecords = std::size_t{32} << 20;  // bytes of the file

}  // namespace layoutfs
