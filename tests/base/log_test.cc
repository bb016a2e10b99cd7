// Lines of the log.
#include "core/base/log.h"

#include <gtest/gtest.h>

namespace layoutfs {
namespace {

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

TEST(Log, DropsWhatIsAboveTheLevel) {
  EXPECT_TRUE(log_enabled(LogLevel::warning));
  EXPECT_FALSE(log_enabled(LogLevel::info));
  EXPECT_EQ(logged(LogLevel::info, "x"), "");
  set_log_level(LogLevel::debug);
  EXPECT_EQ(logged(LogLevel::debug, "x"), "layoutfs: x\n");
  set_log_level(LogLevel::warning);
}

}  // namespace
}  // namespace layoutfs
