// Statistics as JSON.
#include "fs/tree/statistics.h"

#include <sys/stat.h>
#include <unistd.h>

#include "core/base/json.h"

namespace layoutfs {

std::uint64_t pid_namespace() {
  struct stat found;
  return ::stat("/proc/self/ns/pid", &found) == 0 ? found.st_ino : 0;
}

std::string statistics_json(const LibraryResources& resources, View view,
                            const std::optional<Digest>& manifest) {
  const LibraryStats built = resources.stats();
  const SpanCacheStats spans = resources.span_stats();
  const CopyStats copies = resources.copy_stats();
  JsonWriter json;
  json.begin_object().key("view").string(name_of(view));
  if (manifest) json.key(kStatisticsManifest).string(manifest->str());
  const auto add = [&](std::string_view name, std::uint64_t value) {
    json.key(name).integer(static_cast<std::int64_t>(value));
  };
  add("indexesBuilt", built.indexes_built);
  add("indexesLoaded", built.indexes_loaded);
  add("treesBuilt", built.trees_built);
  add("treesLoaded", built.trees_loaded);
  add("cacheBytes", spans.bytes);
  add("cacheHits", spans.hits);
  add("cacheMisses", spans.misses);
  add("decodedBytes", spans.decoded_bytes);
  add("decodedAheadBytes", spans.ahead_bytes);
  add("verifyFailures", spans.verify_failures);
  add("copiesMade", copies.made);
  add("copiesDropped", copies.dropped);
  add("copySpansRead", copies.spans_read);
  add("pid", static_cast<std::uint64_t>(::getpid()));
  add("pidNamespace", pid_namespace());
  if (const auto& add_more = resources.options().add_statistics) add_more(json);
  return json.end_object().str();
}

}  // namespace layoutfs
