// Lines of the log.
#include "layoutfs/log.h"

#include <gtest/gtest.h>

#include "core/base/json.h"

namespace layoutfs {
namespace {

using std::chrono::milliseconds;

std::string logged(LogLevel level, std::string_view message) {
  ::testing::internal::CaptureStderr();
  log(level, message);
  return ::testing::internal::GetCapturedStderr();
}

TEST(Log, IsOneLineWithTheProgramsName) {
  EXPECT_EQ(logged(LogLevel::error, "a caf\xc3\xa9"), "layoutfs: a caf\xc3\xa9\n");
}

TEST(Log, NamesCannotForgeLinesOrDriveTheTerminal) {
  EXPECT_EQ(logged(LogLevel::error, "a\nlayoutfs: b\x1b[31m\x7f\r"),
            "layoutfs: a\\x0alayoutfs: b\\x1b[31m\\x7f\\x0d\n");
  EXPECT_EQ(logged(LogLevel::error, "\x9b\xc2\x9b\xff"), "layoutfs: \\x9b\\xc2\\x9b\\xff\n");
  EXPECT_EQ(logged(LogLevel::error, std::string_view("a\0b", 3)), "layoutfs: a\\x00b\n");
}

TEST(Log, AJsonLineTellsWhenHowBadAndWhat) {
  EXPECT_EQ(json_log_line(LogTime(milliseconds(1'795'251'325'007)), LogLevel::warning, "a \"b\""),
            R"({"version":1,"time":"2026-11-21T08:55:25.007Z","level":"warning","message":"a \"b\""})");
  EXPECT_EQ(json_log_line(LogTime(milliseconds(951'782'400'999)), LogLevel::info, "caf\xc3\xa9"),
            R"({"version":1,"time":"2000-02-29T00:00:00.999Z","level":"info","message":"caf)"
            "\xc3\xa9\"}");
}

TEST(Log, AJsonLineHasTheSameMessageAsText) {
  for (const std::string_view message :
       {std::string_view("a\nlayoutfs: b\x1b[31m\x7f\r"), std::string_view("\x9b\xc2\x9b\xff\\"),
        std::string_view("a\0b", 3)}) {
    const std::string line = json_log_line(LogTime{}, LogLevel::error, message);
    EXPECT_EQ(line.find_first_of("\n\x1b\x7f\x9b"), std::string::npos) << line;
    const auto document = JsonDocument::parse(as_bytes(line));
    ASSERT_TRUE(document) << line;
    const std::string text = logged(LogLevel::error, message);
    EXPECT_EQ("layoutfs: " + std::string(document->root().find("message")->as_string().value()) + "\n", text);
  }
}

TEST(Log, WritesTheFormatThatIsSet) {
  set_log_format(LogFormat::json);
  const std::string line = logged(LogLevel::error, "x");
  set_log_format(LogFormat::text);
  EXPECT_EQ(line.find(R"({"version":1,"time":")"), 0u) << line;
  EXPECT_TRUE(line.ends_with("Z\",\"level\":\"error\",\"message\":\"x\"}\n")) << line;
}

TEST(Log, DropsWhatIsAboveTheLevel) {
  EXPECT_TRUE(log_enabled(LogLevel::warning));
  EXPECT_FALSE(log_enabled(LogLevel::info));
  EXPECT_EQ(logged(LogLevel::info, "x"), "");
  set_log_level(LogLevel::debug);
  EXPECT_EQ(logged(LogLevel::debug, "x"), "layoutfs: x\n");
  set_log_level(LogLevel::warning);
}

TEST(Log, WhatSomebodyAskedForIsNeverDropped) {
  ::testing::internal::CaptureStderr();
  log_always(LogLevel::debug, "x");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "layoutfs: x\n");
}

}  // namespace
}  // namespace layoutfs
