// The order in which handlers see descriptors, and the conditions that end a walk.
#include "core/oci/walk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "tests/oci/numbered_graph.h"

namespace layoutfs {
namespace {

using testing::all_numbered;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::numbered;
using testing::numbered_handler;

using Numbers = std::vector<std::uint64_t>;

// A handler that records the numbers, and descends as `graph` defines.
struct Noting {
  std::map<std::uint64_t, Numbers> graph;
  Numbers seen;
  Handler handler() {
    return [this](const Descriptor& descriptor, const Context&) -> Result<Visit> {
      seen.push_back(descriptor.size);
      const auto found = graph.find(descriptor.size);
      return found == graph.end() ? Visit() : Visit::to(all_numbered(found->second));
    };
  }
};

Handler saying(const Visit& visit) {
  return [=](const Descriptor&, const Context&) -> Result<Visit> { return visit; };
}
Handler failing(Errc code) {
  return [=](const Descriptor&, const Context&) -> Result<Visit> { return fail(code, "the handler failed"); };
}

Numbers children_by(const Handler& handler) {
  Numbers numbers;
  const auto visit = handler(numbered(0), {});
  for (const Descriptor& child : visit.value().children) numbers.push_back(child.size);
  return numbers;
}

TEST(Handlers, RunInOrderAndTheirChildrenFollowEachOther) {
  EXPECT_THAT(children_by(handlers({saying(Visit::to(all_numbered({1, 2}))), saying(Visit()),
                                    saying(Visit::to(all_numbered({3})))})),
              ElementsAre(1, 2, 3));
  EXPECT_THAT(children_by(handlers({})), IsEmpty());
}

TEST(Handlers, AreEndedByStopWhichDropsWhatItIsSaidWith) {
  const Visit stop{.flow = Visit::Flow::stop, .children = all_numbered({9})};
  const auto visit =
      handlers({saying(Visit::to(all_numbered({1}))), saying(stop), failing(Errc::io)})({}, {});
  ASSERT_TRUE(visit);
  EXPECT_EQ(visit->flow, Visit::Flow::descend);
  EXPECT_THAT(children_by(handlers({saying(Visit::to(all_numbered({1}))), saying(stop)})), ElementsAre(1));
}

TEST(Handlers, LeadNowhereAfterSkipOrAnError) {
  const auto first = saying(Visit::to(all_numbered({1})));
  const auto skipped = handlers({first, saying(Visit::skip()), failing(Errc::io)})({}, {});
  ASSERT_TRUE(skipped);
  EXPECT_EQ(skipped->flow, Visit::Flow::skip);
  EXPECT_THAT(skipped->children, IsEmpty());
  EXPECT_EQ(handlers({first, failing(Errc::corrupt), saying(Visit::skip())})({}, {}).error().code(),
            Errc::corrupt);
}

TEST(Walk, GoesDownBeforeItGoesOnFromLeftToRight) {
  Noting note{.graph = {{1, {2, 5}}, {2, {3, 4}}, {5, {6}}}, .seen = {}};
  EXPECT_TRUE(walk(all_numbered({1, 7}), note.handler()));
  EXPECT_THAT(note.seen, ElementsAre(1, 2, 3, 4, 5, 6, 7));
}

TEST(Walk, VisitsWhatSeveralLeadToAsOften) {
  Noting note{.graph = {{1, {2, 3, 3}}, {2, {4}}, {3, {4}}}, .seen = {}};
  EXPECT_TRUE(walk(all_numbered({1, 4}), note.handler()));
  EXPECT_THAT(note.seen, ElementsAre(1, 2, 4, 3, 4, 3, 4, 4));
}

TEST(Walk, SkipsOneAndWhatIsBelowItAndGoesOnWithItsSiblings) {
  Noting note{.graph = {{1, {2, 3}}, {2, {8}}, {3, {4}}}, .seen = {}};
  const Handler skip_two = [](const Descriptor& descriptor, const Context&) -> Result<Visit> {
    return descriptor.size == 2 ? Visit::skip() : Visit();
  };
  EXPECT_TRUE(walk(all_numbered({1}), handlers({note.handler(), skip_two})));
  EXPECT_THAT(note.seen, ElementsAre(1, 2, 3, 4));
}

TEST(Walk, EndsAtTheFirstError) {
  Noting note{.graph = {{1, {2, 3}}}, .seen = {}};
  const Handler fail_at_two = [](const Descriptor& descriptor, const Context&) -> Result<Visit> {
    if (descriptor.size == 2) return fail(Errc::corrupt, "two is broken");
    return Visit();
  };
  const auto walked = walk(all_numbered({1, 4}), handlers({note.handler(), fail_at_two}));
  ASSERT_FALSE(walked);
  EXPECT_EQ(walked.error().message(), "two is broken");
  EXPECT_THAT(note.seen, ElementsAre(1, 2));
}

TEST(Walk, RefusesAHandlerThatSaysStopByItself) {
  EXPECT_EQ(walk(all_numbered({1}), saying(Visit::stop())).error().code(), Errc::failed_precondition);
  EXPECT_TRUE(walk(all_numbered({1}), handlers({saying(Visit::stop())})));
}

TEST(Walk, EndsWithAnErrorWhereADescriptorLeadsToItself) {
  for (const std::map<std::uint64_t, Numbers>& circle : {std::map<std::uint64_t, Numbers>{{1, {1}}},
                                                         {{1, {2}}, {2, {3}}, {3, {1}}},
                                                         {{1, {2}}, {2, {4, 2}}}}) {
    Noting note{.graph = circle, .seen = {}};
    const auto walked = walk(all_numbered({1}), note.handler());
    ASSERT_FALSE(walked);
    EXPECT_EQ(walked.error().code(), Errc::invalid_image);
    EXPECT_THAT(walked.error().message(), HasSubstr("reference cycle"));
    EXPECT_LE(note.seen.size(), 4u);
  }
}

TEST(Walk, StopsOnRequest) {
  std::stop_source stop;
  std::uint64_t visits = 0;
  const Handler endless = [&](const Descriptor& descriptor, const Context&) -> Result<Visit> {
    if (++visits == 100) stop.request_stop();
    return Visit::to({numbered(descriptor.size + 1)});
  };
  EXPECT_EQ(walk(all_numbered({1}), endless, {.stop = stop.get_token(), .deadline = {}}).error().code(),
            Errc::cancelled);
  EXPECT_EQ(visits, 100u);
}

// 100,000 nodes in a row, side by side, and as a tree.
TEST(Walk, GoesAlongGraphsOfAnyShape) {
  constexpr std::uint64_t kMany = 100'000;
  std::uint64_t visits = 0;
  const Handler count = [&](const Descriptor&, const Context&) -> Result<Visit> {
    ++visits;
    return Visit();
  };
  const auto chain = numbered_handler([](std::uint64_t n) { return n < kMany ? Numbers{n + 1} : Numbers(); });
  ASSERT_TRUE(walk(all_numbered({1}), handlers({count, chain})));
  EXPECT_EQ(visits, kMany);
  visits = 0;
  const auto tree = numbered_handler([](std::uint64_t n) {
    Numbers children;
    for (std::uint64_t child = 10 * n; child < 10 * n + 10 && child <= kMany && n != 0; ++child)
      children.push_back(child);
    return children;
  });
  ASSERT_TRUE(walk(all_numbered({1, 2, 3, 4, 5, 6, 7, 8, 9}), handlers({count, tree})));
  EXPECT_EQ(visits, kMany);
}

}  // namespace
}  // namespace layoutfs
