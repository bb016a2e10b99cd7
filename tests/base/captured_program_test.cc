#include "core/base/captured_program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include "tests/support/results.h"

namespace layoutfs {
namespace {

using namespace std::chrono_literals;
using testing::failure_of;
using ::testing::HasSubstr;
using testing::must;

Result<CapturedProgram> run_script(const std::string& script, std::string_view input = {},
                                   const CaptureLimits& limits = {}, const Context& context = {}) {
  return run_and_capture({"sh", "-c", script}, input, limits, context);
}

bool has_children() { return ::waitpid(-1, nullptr, WNOHANG) >= 0 || errno != ECHILD; }

TEST(CapturedProgram, BothOutputsAndTheStatusAreReturned) {
  const auto run = must(run_script("tr a-z A-Z; echo warning >&2; exit 3", "text\n"));
  EXPECT_EQ(run.status, 3);
  EXPECT_EQ(run.output, "TEXT\n");
  EXPECT_EQ(run.errors, "warning\n");
  EXPECT_FALSE(has_children());
}

TEST(CapturedProgram, ASignalIsReportedAsByAShell) {
  EXPECT_EQ(must(run_script("kill -TERM $$")).status, 128 + SIGTERM);
}

TEST(CapturedProgram, InputThatIsNotReadDoesNotBlock) {
  EXPECT_EQ(must(run_script("exit 0", std::string(1 << 20, 'x'))).status, 0);
}

TEST(CapturedProgram, OutputUpToTheLimitIsComplete) {
  const auto run = must(run_script("head -c 65536 /dev/zero"));
  EXPECT_EQ(run.output.size(), 65536u);
  EXPECT_EQ(failure_of(run_script("head -c 65537 /dev/zero")), Errc::unsupported);
  EXPECT_EQ(failure_of(run_script("cat /dev/zero >&2")), Errc::unsupported);
  EXPECT_FALSE(has_children());
}

TEST(CapturedProgram, AMissingProgramIsNotFound) {
  const auto run = run_and_capture({"layoutfs-no-such-program", "get"}, "", {});
  ASSERT_EQ(failure_of(run), Errc::not_found);
  EXPECT_THAT(run.error().message(), HasSubstr("layoutfs-no-such-program"));
}

TEST(CapturedProgram, AProgramThatTakesTooLongIsKilled) {
  const auto before = std::chrono::steady_clock::now();
  const auto run = run_script("exec sleep 60", {}, {.time = 100ms});
  EXPECT_EQ(failure_of(run), Errc::cancelled);
  EXPECT_LT(std::chrono::steady_clock::now() - before, 10s);
  EXPECT_FALSE(has_children());

  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(failure_of(run_script("exec sleep 60", {}, {}, {.stop = stop.get_token()})), Errc::cancelled);
  EXPECT_FALSE(has_children());
}

TEST(CapturedProgram, AProcessThatIsLeftBehindIsNotWaitedFor) {
  const auto before = std::chrono::steady_clock::now();
  EXPECT_EQ(must(run_script("echo done; sleep 30 & exit 0")).output, "done\n");
  EXPECT_LT(std::chrono::steady_clock::now() - before, 25s);
}

TEST(CapturedProgram, EachDescriptorIsInheritedOnce) {
  for (const std::string number : {"0", "1", "2"}) {
    // In a pipeline $$ is the first shell.
    const std::string script =
        "file=$(readlink /proc/$$/fd/" + number + "); ls -l /proc/$$/fd | grep -cF \"$file\"";
    EXPECT_EQ(must(run_script(script)).output, "1\n") << number;
  }
}

}  // namespace
}  // namespace layoutfs
