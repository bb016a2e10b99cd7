// Numbers and references of nodes.
#include "fs/tree/node_table.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>
#include <vector>

namespace layoutfs {
namespace {

class NamedNode final : public VirtualNode {
 public:
  using VirtualNode::VirtualNode;
  Answer<Properties> properties() override { return Properties{S_IFREG}; }
};

NodeTable::Referenced reference(NodeTable& table, const std::string& identity) {
  return table.reference(std::make_shared<NamedNode>(identity), kRootNumber, identity);
}

TEST(NodeTable, OneIdentityIsOneNode) {
  NodeTable table;
  const auto first = reference(table, "a");
  const auto second = reference(table, "a");
  EXPECT_EQ(first.number, second.number);
  EXPECT_EQ(first.node, second.node);
  EXPECT_EQ(table.size(), 1u);
}

TEST(NodeTable, NumbersAreTheSameInEveryTable) {
  NodeTable one;
  NodeTable other;
  reference(other, "something else");
  for (int i = 0; i < 1000; ++i) {
    const std::string identity = "node " + std::to_string(i);
    EXPECT_EQ(reference(one, identity).number, reference(other, identity).number) << identity;
  }
}

TEST(NodeTable, NumbersAreUniqueAndTagged) {
  NodeTable table;
  std::set<InodeNumber> numbers;
  for (int i = 0; i < 10'000; ++i) {
    const InodeNumber number = reference(table, std::to_string(i)).number;
    EXPECT_TRUE(numbers.insert(number).second) << i;
    EXPECT_NE(number & NodeTable::kTag, 0u);
  }
}

TEST(NodeTable, TheLastReferenceDropsTheNode) {
  NodeTable table;
  std::weak_ptr<VirtualNode> watched;
  InodeNumber number = 0;
  {
    const auto referenced = reference(table, "a");
    reference(table, "a");
    reference(table, "a");
    watched = referenced.node;
    number = referenced.number;
  }
  table.forget(number, 2);
  EXPECT_FALSE(watched.expired());
  EXPECT_NE(table.find(number), nullptr);
  table.forget(number, 1);
  EXPECT_TRUE(watched.expired());
  EXPECT_EQ(table.find(number), nullptr);
  EXPECT_EQ(table.size(), 0u);
}

TEST(NodeTable, ForgettingTooMuchOrTheUnknownIsHarmless) {
  NodeTable table;
  const InodeNumber number = reference(table, "a").number;
  table.forget(number ^ 2, 1);
  EXPECT_EQ(table.size(), 1u);
  table.forget(number, 100);
  table.forget(number, 1);
  EXPECT_EQ(table.size(), 0u);
}

TEST(NodeTable, TellsWhatTheKernelWasToldSince) {
  NodeTable table;
  const InodeNumber early = reference(table, "early").number;
  const InodeNumber asked = reference(table, "asked").number;
  auto start = NodeTable::Clock::now();
  while (NodeTable::Clock::now() == start) continue;
  start = NodeTable::Clock::now();
  const InodeNumber late = reference(table, "late").number;
  table.find(early);
  table.find_and_touch(asked);
  std::set<InodeNumber> told;
  for (const auto& item : table.known_since(start)) {
    EXPECT_EQ(item.directory, kRootNumber);
    EXPECT_EQ(item.name, item.node->identity());
    told.insert(item.number);
  }
  EXPECT_EQ(told, (std::set{asked, late}));
}

TEST(NodeTable, ReferencesOfManyThreadsAreAllCounted) {
  NodeTable table;
  constexpr int kTimes = 2000;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&table] {
        for (int i = 0; i < kTimes; ++i) reference(table, std::to_string(i % 7));
      });
  }
  EXPECT_EQ(table.size(), 7u);
  for (int i = 0; i < 7; ++i) {
    const InodeNumber number = reference(table, std::to_string(i)).number;
    const int referenced = 4 * (kTimes / 7 + (i < kTimes % 7 ? 1 : 0)) + 1;
    table.forget(number, static_cast<std::uint64_t>(referenced - 1));
    EXPECT_NE(table.find(number), nullptr) << i;
    table.forget(number, 1);
    EXPECT_EQ(table.find(number), nullptr) << i;
  }
}

}  // namespace
}  // namespace layoutfs
