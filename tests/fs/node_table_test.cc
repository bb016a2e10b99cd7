// Numbers and references of nodes.
#include "fs/node_table.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>
#include <vector>

namespace layoutfs {
namespace {

class NamedNode final : public Node {
 public:
  using Node::Node;
  Answer<Properties> properties() override { return Properties{S_IFREG}; }
};

NodePtr node(const std::string& identity) { return std::make_shared<NamedNode>(identity); }

TEST(NodeTable, OneIdentityIsOneNode) {
  NodeTable table;
  const auto first = table.reference(node("a"));
  const auto second = table.reference(node("a"));
  EXPECT_EQ(first.number, second.number);
  EXPECT_EQ(first.node, second.node);
  EXPECT_EQ(table.size(), 1u);
}

TEST(NodeTable, NumbersAreTheSameInEveryTable) {
  NodeTable one;
  NodeTable other;
  other.reference(node("something else"));
  for (int i = 0; i < 1000; ++i) {
    const std::string identity = "node " + std::to_string(i);
    EXPECT_EQ(one.reference(node(identity)).number, other.reference(node(identity)).number) << identity;
  }
}

TEST(NodeTable, NumbersAreUniqueAndTagged) {
  NodeTable table;
  std::set<NodeId> numbers;
  for (int i = 0; i < 10'000; ++i) {
    const NodeId number = table.reference(node(std::to_string(i))).number;
    EXPECT_TRUE(numbers.insert(number).second) << i;
    EXPECT_NE(number & NodeTable::kTag, 0u);
  }
}

TEST(NodeTable, TheLastReferenceDropsTheNode) {
  NodeTable table;
  std::weak_ptr<Node> watched;
  NodeId number = 0;
  {
    const auto referenced = table.reference(node("a"));
    table.reference(node("a"));
    table.reference(node("a"));
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
  const NodeId number = table.reference(node("a")).number;
  table.forget(number ^ 2, 1);
  EXPECT_EQ(table.size(), 1u);
  table.forget(number, 100);
  table.forget(number, 1);
  EXPECT_EQ(table.size(), 0u);
}

TEST(NodeTable, ReferencesOfManyThreadsAreAllCounted) {
  NodeTable table;
  constexpr int kTimes = 2000;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&table] {
        for (int i = 0; i < kTimes; ++i) table.reference(node(std::to_string(i % 7)));
      });
  }
  EXPECT_EQ(table.size(), 7u);
  for (int i = 0; i < 7; ++i) {
    const NodeId number = table.reference(node(std::to_string(i))).number;
    const int referenced = 4 * (kTimes / 7 + (i < kTimes % 7 ? 1 : 0)) + 1;
    table.forget(number, static_cast<std::uint64_t>(referenced - 1));
    EXPECT_NE(table.find(number), nullptr) << i;
    table.forget(number, 1);
    EXPECT_EQ(table.find(number), nullptr) << i;
  }
}

}  // namespace
}  // namespace layoutfs
