// Numbers for nodes.
#include "fs/tree/node_table.h"

namespace layoutfs {

// FNV-1a, 64 bits; std::hash promises less.
std::uint64_t stable_hash(std::string_view text) noexcept {
  std::uint64_t value = 0xcbf29ce484222325;
  for (const char c : text) value = (value ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return value;
}

NodeTable::Referenced NodeTable::reference(NodePtr node, NodeId directory, std::string_view name) {
  const auto now = Clock::now();
  auto items = items_.lock();
  // Two identities of one hash are as good as impossible; the later one gets the next number.
  for (NodeId number = stable_hash(node->identity()) | kTag;; number = (number + 1) | kTag) {
    const auto [item, is_new] = items->try_emplace(number, Item{node, 0, directory, {}, {}});
    if (!is_new && item->second.node->identity() != node->identity()) continue;
    if (is_new) item->second.name = name;
    item->second.told = now;
    ++item->second.references;
    return {number, item->second.node};
  }
}

void NodeTable::forget(NodeId number, std::uint64_t count) {
  NodePtr dropped;  // destroyed after the lock is released
  auto items = items_.lock();
  const auto found = items->find(number);
  if (found == items->end()) return;
  if (count < found->second.references) {
    found->second.references -= count;
    return;
  }
  dropped = std::move(found->second.node);
  items->erase(found);
}

NodePtr NodeTable::find(NodeId number) {
  auto items = items_.lock();
  const auto found = items->find(number);
  return found == items->end() ? nullptr : found->second.node;
}

NodePtr NodeTable::find_to_tell(NodeId number) {
  const auto now = Clock::now();
  auto items = items_.lock();
  const auto found = items->find(number);
  if (found == items->end()) return nullptr;
  found->second.told = now;
  return found->second.node;
}

std::vector<NodeTable::Told> NodeTable::told_since(Clock::time_point start) {
  std::vector<Told> told;
  auto items = items_.lock();
  for (const auto& [number, item] : *items)
    if (item.told >= start) told.push_back({number, item.node, item.directory, item.name});
  return told;
}

std::size_t NodeTable::size() { return items_.lock()->size(); }

}  // namespace layoutfs
