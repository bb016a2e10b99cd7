#include "core/commit/config_edit.h"

#include <gtest/gtest.h>

#include "core/base/json.h"
#include "tests/support/results.h"

namespace layoutfs {
namespace {

using testing::failure_of;
using testing::must;

constexpr std::string_view kZeros = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
const HistoryEntry kStep{
    .created = "2026-11-30T00:00:00Z", .created_by = "step", .author = {}, .comment = {}};

std::string config_with(std::string_view parameters) {
  return R"({"architecture":"amd64","x-own":{"b":1,"a":2.0},"config":)" + std::string(parameters) +
         R"(,"created":"old","rootfs":{"x":1,"type":"layers","diff_ids":[")" + std::string(kZeros) +
         R"("]},"history":[{"created_by":"first","unknown":true}]})";
}

// Returns the new value of "config".
std::string parameters_after(std::string_view before, const ConfigChanges& changes) {
  const auto text = must(edit_config(as_bytes(config_with(before)), 1, changes, kStep, {}));
  const auto document = must(JsonDocument::parse(as_bytes(text)));
  return document.root().find("config")->dump();
}

TEST(ConfigEdit, ALayerAddsItsDiffIdAndAHistoryEntry) {
  const Digest diff_id = Digest::of(as_bytes("x"));
  EXPECT_EQ(must(edit_config(as_bytes(config_with("{}")), 1, {}, kStep, diff_id)),
            R"({"architecture":"amd64","x-own":{"b":1,"a":2.0},"config":{},"created":"2026-11-30T00:00:00Z",)"
            R"("rootfs":{"x":1,"type":"layers","diff_ids":[")" +
                std::string(kZeros) + R"(",")" + diff_id.str() +
                R"("]},"history":[{"created_by":"first","unknown":true},)"
                R"({"created":"2026-11-30T00:00:00Z","created_by":"step"}]})");
}

TEST(ConfigEdit, AReplacedLayerIsTheOnlyOneAndEarlierStepsHaveNone) {
  const Digest diff_id = Digest::of(as_bytes("x"));
  const auto text = must(edit_config(as_bytes(config_with("{}")), 1, {}, kStep, diff_id, LayerEdit::replace));
  const auto parsed = must(ImageConfig::parse(as_bytes(text)));
  EXPECT_EQ(parsed.diff_ids, std::vector{diff_id});
  ASSERT_EQ(parsed.history.size(), 2u);
  EXPECT_TRUE(parsed.history[0].is_empty_layer);
  EXPECT_FALSE(parsed.history[1].is_empty_layer);
  EXPECT_NE(text.find(R"("unknown":true)"), std::string::npos);
}

TEST(ConfigEdit, AConfigWithoutLayersAndHistoryGetsBoth) {
  const Digest diff_id = Digest::of(as_bytes("x"));
  const auto parsed =
      must(ImageConfig::parse(as_bytes(must(edit_config(as_bytes("{}"), 0, {}, kStep, diff_id)))));
  EXPECT_EQ(parsed.diff_ids, std::vector{diff_id});
  EXPECT_EQ(parsed.history.size(), 1u);
}

TEST(ConfigEdit, AnAuthorIsInTheConfigAndInTheHistory) {
  HistoryEntry step = kStep;
  step.author = "me";
  step.comment = "why";
  step.is_empty_layer = true;
  const auto parsed =
      must(ImageConfig::parse(as_bytes(must(edit_config(as_bytes(config_with("{}")), 1, {}, step, {})))));
  EXPECT_EQ(parsed.author, "me");
  EXPECT_EQ(parsed.history.back().author + parsed.history.back().comment, "mewhy");
  EXPECT_TRUE(parsed.history.back().is_empty_layer);
}

TEST(ConfigEdit, AVariableKeepsItsPlace) {
  ConfigChanges changes;
  changes.environment = {{"B", "2"}, {"NEW", "x=y"}, {"GONE", std::nullopt}};
  EXPECT_EQ(parameters_after(R"({"env":["A=1","B=1","BB=1","GONE=1","B=3"]})", changes),
            R"({"Env":["A=1","B=2","BB=1","NEW=x=y"]})");
}

TEST(ConfigEdit, EmptyListsAndTextsRemoveMembers) {
  ConfigChanges changes;
  changes.entrypoint.emplace();
  changes.command = {"a", "b"};
  changes.user = "";
  changes.working_directory = "/w";
  EXPECT_EQ(parameters_after(R"({"Entrypoint":["x"],"Cmd":null,"User":"1","StopSignal":"SIGINT"})", changes),
            R"({"Cmd":["a","b"],"StopSignal":"SIGINT","WorkingDir":"/w"})");
}

TEST(ConfigEdit, LabelsAndPortsAreChangedByTheirExactKey) {
  ConfigChanges changes;
  changes.labels = {{"a", "2"}, {"gone", std::nullopt}, {"new", "old"}, {"new", "v"}};
  changes.exposed_ports = {{"80/tcp", false}, {"8080/tcp", true}};
  EXPECT_EQ(
      parameters_after(
          R"({"Labels":{"A":"1","a":"1","gone":""},"ExposedPorts":{"80/tcp":{},"53/udp":{"x":1}}})", changes),
      R"({"Labels":{"A":"1","a":"2","new":"v"},"ExposedPorts":{"53/udp":{"x":1},"8080/tcp":{}}})");
}

TEST(ConfigEdit, AConfigOfOtherLayersIsRefused) {
  EXPECT_EQ(failure_of(edit_config(as_bytes(config_with("{}")), 2, {}, kStep, {})), Errc::invalid_image);
  EXPECT_EQ(failure_of(edit_config(as_bytes("[]"), 0, {}, kStep, {})), Errc::invalid_image);
}

}  // namespace
}  // namespace layoutfs
