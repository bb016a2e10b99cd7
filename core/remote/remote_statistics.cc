#include "core/remote/remote_statistics.h"

#include <algorithm>
#include <limits>

namespace layoutfs {
namespace {

std::int64_t to_integer(std::uint64_t number) {
  return static_cast<std::int64_t>(std::min<std::uint64_t>(number, std::numeric_limits<std::int64_t>::max()));
}

void write_counts(JsonWriter& json, const RemoteStats& stats) {
  json.key("fetchedBytes").integer(to_integer(stats.fetched));
  json.key("cachedBytes").integer(to_integer(stats.cached));
}

}  // namespace

void write_statistics(JsonWriter& json, const RemoteRegistry& registry) {
  const SessionStats session = registry.stats();
  json.key("registry").begin_object().key("host").string(registry.host());
  json.key("requests").integer(to_integer(session.requests));
  json.key("retries").integer(to_integer(session.retries));
  write_counts(json, registry.blobs().stats());
  json.key("blobs").begin_array();
  const auto blobs = registry.blobs().blob_stats();
  for (const auto& [digest, stats] : blobs) {
    json.begin_object().key("digest").string(digest.str());
    json.key("requests").integer(to_integer(stats.requests));
    write_counts(json, stats);
    json.end_object();
  }
  json.end_array().end_object();
}

}  // namespace layoutfs
