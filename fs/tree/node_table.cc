// Inode numbers for nodes.
#include "fs/tree/node_table.h"

namespace layoutfs {

// FNV-1a, 64 bits; std::hash is not stable.
std::uint64_t stable_hash(std::string_view text) noexcept {
  std::uint64_t value = 0xcbf29ce484222325;
  for (const char c : text) value = (value ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return value;
}

NodeTable::Referenced NodeTable::reference(VirtualNodePtr node, InodeNumber directory,
                                           std::string_view name) {
  const auto now = Clock::now();
  auto nodes = nodes_.lock();
  // If two identities have the same hash, which is very improbable, the later one gets the next number.
  for (InodeNumber number = stable_hash(node->identity()) | kTag;; number = (number + 1) | kTag) {
    const auto [entry, is_new] = nodes->try_emplace(number, ReferencedNode{node, 0, directory, {}, {}});
    if (!is_new && entry->second.node->identity() != node->identity()) continue;
    if (is_new) entry->second.name = name;
    entry->second.answered = now;
    ++entry->second.references;
    return {number, entry->second.node};
  }
}

void NodeTable::forget(InodeNumber number, std::uint64_t count) {
  VirtualNodePtr dropped;  // destroyed after the lock is released
  auto nodes = nodes_.lock();
  const auto found = nodes->find(number);
  if (found == nodes->end()) return;
  if (count < found->second.references) {
    found->second.references -= count;
    return;
  }
  dropped = std::move(found->second.node);
  nodes->erase(found);
}

VirtualNodePtr NodeTable::find(InodeNumber number) {
  auto nodes = nodes_.lock();
  const auto found = nodes->find(number);
  return found == nodes->end() ? nullptr : found->second.node;
}

VirtualNodePtr NodeTable::find_and_touch(InodeNumber number) {
  const auto now = Clock::now();
  auto nodes = nodes_.lock();
  const auto found = nodes->find(number);
  if (found == nodes->end()) return nullptr;
  found->second.answered = now;
  return found->second.node;
}

std::vector<NodeTable::KnownNode> NodeTable::known_since(Clock::time_point start) {
  std::vector<KnownNode> known;
  auto nodes = nodes_.lock();
  for (const auto& [number, entry] : *nodes)
    if (entry.answered >= start) known.push_back({number, entry.node, entry.directory, entry.name});
  return known;
}

std::size_t NodeTable::size() { return nodes_.lock()->size(); }

}  // namespace layoutfs
