#include "core/oci/document_cache.h"

#include <algorithm>
#include <utility>

namespace layoutfs {
namespace {

std::size_t size_of(const Annotations& annotations) {
  constexpr std::size_t kNode = 128;  // of the map, including its two strings
  std::size_t bytes = 0;
  for (const auto& [name, value] : annotations) bytes += kNode + name.size() + value.size();
  return bytes;
}

std::size_t size_of(const Descriptor& descriptor) {
  std::size_t bytes = sizeof(Descriptor) + descriptor.media_type.size() + descriptor.digest.hex().size() +
                      descriptor.artifact_type.size() + descriptor.data.size() + descriptor.json.size() +
                      size_of(descriptor.annotations);
  for (const std::string& url : descriptor.urls) bytes += sizeof url + url.size();
  return bytes;
}

std::size_t size_of(const std::vector<Descriptor>& descriptors) {
  std::size_t bytes = 0;
  for (const Descriptor& descriptor : descriptors) bytes += size_of(descriptor);
  return bytes;
}

std::size_t size_of(const std::vector<std::string>& texts) {
  std::size_t bytes = 0;
  for (const std::string& text : texts) bytes += sizeof text + text.size();
  return bytes;
}

std::size_t size_of(const std::vector<Digest>& digests) {
  std::size_t bytes = 0;
  for (const Digest& digest : digests) bytes += sizeof digest + digest.hex().size();
  return bytes;
}

std::size_t size_of(const std::optional<Descriptor>& descriptor) {
  return descriptor ? size_of(*descriptor) : 0;
}

std::size_t size_of(std::monostate) { return 0; }
std::size_t size_of(const Index& index) {
  return size_of(index.manifests) + size_of(index.problems) + size_of(index.subject) +
         size_of(index.annotations);
}
std::size_t size_of(const Manifest& manifest) {
  return size_of(manifest.config) + size_of(manifest.layers) + size_of(manifest.subject) +
         size_of(manifest.annotations);
}
std::size_t size_of(const ArtifactManifest& artifact) {
  return size_of(artifact.blobs) + size_of(artifact.subject) + size_of(artifact.annotations);
}
std::size_t size_of(const Schema1Node& node) { return size_of(node.layers); }
std::size_t size_of(const UnknownDocument& node) { return size_of(node.mentioned); }

std::size_t size_of(const LayoutDocument& document) {
  constexpr std::size_t kTables = 512;  // of the cache itself
  std::size_t bytes = sizeof document + kTables + document.text.size() + size_of(document.mentions) +
                      size_of(document.digests);
  bytes += std::visit([](const auto& node) { return size_of(node); }, document.node);
  if (document.config) bytes += size_of(document.config->environment) + size_of(document.config->diff_ids);
  return bytes;
}

}  // namespace

DocumentPtr DocumentCache::find(const Key& key) {
  auto items = items_.lock();
  const auto found = items->by_key.find(key);
  if (found == items->by_key.end()) return nullptr;
  items->by_use.splice(items->by_use.begin(), items->by_use, found->second);
  return found->second->document;
}

void DocumentCache::drop(Documents& items, std::list<Document>::iterator item, std::list<Document>& dropped) {
  items.bytes -= item->bytes;
  items.by_key.erase(item->key);
  dropped.splice(dropped.end(), items.by_use, item);
}

void DocumentCache::add(const Key& key, DocumentPtr document) {
  const std::size_t bytes = size_of(*document);
  // A document that takes most of the budget would displace all others.
  if (bytes > budget_ / 2) return;
  std::list<Document> dropped;  // destroyed after the lock is released
  std::list<Document> added;
  added.push_back({key, std::move(document), bytes});
  auto items = items_.lock();
  if (const auto known = items->by_key.find(key); known != items->by_key.end())
    drop(*items, known->second, dropped);
  items->by_key.emplace(key, added.begin());
  items->by_use.splice(items->by_use.begin(), added);
  items->bytes += bytes;
  while (items->bytes > budget_) drop(*items, std::prev(items->by_use.end()), dropped);
}

void DocumentCache::forget(const void* graph) {
  std::list<Document> dropped;  // destroyed after the lock is released
  auto items = items_.lock();
  for (auto item = items->by_use.begin(); item != items->by_use.end();) {
    const auto next = std::next(item);
    if (item->key.graph == graph) drop(*items, item, dropped);
    item = next;
  }
}

std::size_t DocumentCache::bytes() { return items_.lock()->bytes; }

}  // namespace layoutfs
