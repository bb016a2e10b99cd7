#include "core/base/failure_log.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>

#include "layoutfs/log.h"

namespace layoutfs::testing {
namespace {

std::string logged_by(FailureLog& failures, const char* message) {
  ::testing::internal::CaptureStderr();
  failures.report(message);
  return ::testing::internal::GetCapturedStderr();
}

TEST(FailureLog, OnlyTheFirstFailureOfAPeriodIsLogged) {
  FailureLog failures(std::chrono::hours(1)), others(std::chrono::hours(1));
  EXPECT_EQ(logged_by(failures, "no network"), "layoutfs: no network\n");
  EXPECT_EQ(logged_by(failures, "no network"), "");
  EXPECT_EQ(logged_by(failures, "no disk"), "");
  EXPECT_EQ(logged_by(others, "no network"), "layoutfs: no network\n");
}

TEST(FailureLog, TheNextLineTellsTheNumberOfFailuresBetween) {
  FailureLog failures(std::chrono::milliseconds(200));
  EXPECT_EQ(logged_by(failures, "a"), "layoutfs: a\n");
  // The second call of a pair may come after the period if this machine is slow.
  std::string line;
  int silent = 0;
  while ((line = logged_by(failures, "b")).empty()) {
    ++silent;
    std::this_thread::sleep_for(std::chrono::milliseconds(60));
  }
  const std::string expected =
      silent == 0   ? "layoutfs: b\n"
      : silent == 1 ? "layoutfs: b (1 failure since the last message)\n"
                    : "layoutfs: b (" + std::to_string(silent) + " failures since the last message)\n";
  EXPECT_EQ(line, expected);
}

TEST(FailureLog, AllFailuresAreLoggedForDebugging) {
  FailureLog failures(std::chrono::hours(1));
  const std::string first = logged_by(failures, "a");
  set_log_level(LogLevel::debug);
  EXPECT_EQ(logged_by(failures, "b"), "layoutfs: b\n");
  set_log_level(LogLevel::warning);
  EXPECT_EQ(first, "layoutfs: a\n");
}

}  // namespace
}  // namespace layoutfs::testing
