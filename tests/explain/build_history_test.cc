// The layers and the build steps of an image.
#include "core/explain/build_history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "layoutfs/open.h"
#include "tests/support/layout_writer.h"

namespace layoutfs {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::LayoutWriter;
using testing::TempDir;

class BuildHistoryTest : public ::testing::Test {
 protected:
  // An image with that number of layers, and the members `history` of its config.
  Result<BuildHistory> read(std::size_t layers, const std::string& history,
                            std::string_view config_type = testing::kConfigType) {
    std::vector<Descriptor> blobs;
    for (std::size_t i = 0; i < layers; ++i)
      blobs.push_back(layout_.blob("layer " + std::to_string(i), testing::kTarType));
    const Descriptor config = layout_.blob(
        R"({"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":[]})" + history + "}",
        config_type);
    return read(layout_.manifest(config, blobs));
  }
  Result<BuildHistory> read(const Descriptor& manifest) {
    const auto reader = open_dir(layout_.path()).value();
    return read_build_history(LayoutGraph(*reader), manifest);
  }

  TempDir dir_;
  LayoutWriter layout_{dir_ / "layout"};
};

constexpr const char* kSteps =
    R"(,"history":[{"created_by":"ADD /"},{"created_by":"ENV A=b","empty_layer":true},{"created_by":"RUN c"}])";

// The number of each layer and its command.
std::vector<std::string> layers_of(const BuildHistory& history) {
  std::vector<std::string> lines;
  for (const BuildHistory::Layer& layer : history.layers)
    lines.push_back(std::to_string(layer.descriptor.size) + " " + layer.created_by);
  return lines;
}

// The command of each step and the number of its layer.
std::vector<std::string> steps_of(const BuildHistory& history) {
  std::vector<std::string> lines;
  for (const BuildHistory::Step& step : history.steps)
    lines.push_back(step.entry.created_by + " " + (step.layer ? std::to_string(*step.layer) : "-"));
  return lines;
}

TEST_F(BuildHistoryTest, EachStepThatChangedFilesHasItsLayer) {
  const auto history = read(2, kSteps);
  ASSERT_TRUE(history) << history.error().message();
  EXPECT_THAT(layers_of(*history), ElementsAre("7 ADD /", "7 RUN c"));
  EXPECT_THAT(steps_of(*history), ElementsAre("ADD / 0", "ENV A=b -", "RUN c 1"));
}

TEST_F(BuildHistoryTest, IfTheNumbersDifferNothingIsJoined) {
  const auto history = read(3, kSteps);
  ASSERT_TRUE(history) << history.error().message();
  EXPECT_THAT(layers_of(*history), ElementsAre("7 ", "7 ", "7 "));
  EXPECT_THAT(steps_of(*history), ElementsAre("ADD / -", "ENV A=b -", "RUN c -"));
}

TEST_F(BuildHistoryTest, AnImageWithoutAHistoryHasOnlyLayers) {
  const auto history = read(1, "");
  ASSERT_TRUE(history) << history.error().message();
  EXPECT_THAT(layers_of(*history), ElementsAre("7 "));
  EXPECT_THAT(history->steps, IsEmpty());
}

TEST_F(BuildHistoryTest, AConfigOfAnotherTypeIsNotRead) {
  const auto history = read(1, kSteps, "application/vnd.example.config");
  ASSERT_TRUE(history) << history.error().message();
  EXPECT_THAT(layers_of(*history), ElementsAre("7 "));
  EXPECT_THAT(history->steps, IsEmpty());
}

TEST_F(BuildHistoryTest, AMissingConfigIsAnError) {
  const Descriptor config = layout_.config({});
  std::filesystem::remove(layout_.blob_path(config.digest));
  const auto history = read(layout_.manifest(config, {}));
  ASSERT_FALSE(history);
  EXPECT_EQ(history.error().code(), Errc::not_found);
}

}  // namespace
}  // namespace layoutfs
