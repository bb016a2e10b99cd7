// Processes that are killed while they fill the cache. Apart from the other tests of the cache, because the
// thread sanitizer allows no threads in a forked process.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <random>
#include <string>
#include <thread>

#include "tests/remote/remote_test_blob.h"
#include "tests/support/same_bytes.h"
#include "tests/support/temp_dir.h"

namespace layoutfs::testing {
namespace {

// Waits half a minute at most.
void wait_for_blob(const std::string& directory, const TestBlob& blob) {
  const auto exists = [&](const char* folder) {
    return std::filesystem::exists(directory + folder + blob.digest.hex());
  };
  for (int i = 0; i < 30'000 && !exists("/remote-ranges/sha256/") && !exists("/remote/sha256/"); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

// Returns the child, which fills the cache until it is killed.
pid_t fill_in_child(const std::string& directory, const TestBlob& blob, unsigned seed) {
  const pid_t child = ::fork();
  if (child != 0) return child;
  RangeCache cache(directory);
  const auto opened = blob.open(cache);
  std::mt19937_64 random(seed);
  for (;;) ignore(read_range(*opened, random() % opened->size(), 100'000), "only the cache matters");
}

TEST(RangeCacheCrash, AKilledProcessLeavesOnlyRightBytes) {
  const TempDir dir;
  const std::string directory = dir / "cache";
  const TestBlob large(5, 16 << 20);
  std::size_t found = 0;
  for (unsigned round = 0; round < 20; ++round) {
    if (round % 5 == 0) std::filesystem::remove_all(directory);
    const pid_t child = fill_in_child(directory, large, round);
    ASSERT_GT(child, 0);
    wait_for_blob(directory, large);
    std::this_thread::sleep_for(std::chrono::milliseconds(3 + 7 * (round % 5)));
    ::kill(child, SIGKILL);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);

    RangeCache cache(directory);
    const auto offline = std::make_shared<MemoryRangeSource>(large.source->content());
    offline->fail_requests(1'000'000);
    const auto blob =
        must(cache.open({.digest = large.digest, .size = large.source->content().size()}, offline));
    for (std::uint64_t offset = 0; offset < blob->size(); offset += kRangeChunk) {
      const auto got = read_range(*blob, offset, kRangeChunk);
      if (!got) continue;
      EXPECT_TRUE(same_bytes(*got, large.range(offset, got->size()))) << offset;
      ++found;
    }
  }
  EXPECT_GT(found, 0u);
  RangeCache cache(directory);
  EXPECT_TRUE(large.open(cache)->prefetch({})) << "a killed process leaves no lock";
}

}  // namespace
}  // namespace layoutfs::testing
