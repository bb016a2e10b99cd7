// Times in lists.
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <ctime>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "tools/cli/command.h"

namespace layoutfs::tools {
namespace {

std::string by_strftime(std::int64_t seconds) {
  const std::time_t time = seconds;
  std::tm fields{};
  std::array<char, 64> text{};
  EXPECT_NE(::gmtime_r(&time, &fields), nullptr);
  EXPECT_NE(std::strftime(text.data(), text.size(), "%F %T", &fields), 0u);
  return text.data();
}

TEST(UtcTime, IsThatOfTheCLibrary) {
  std::vector<std::int64_t> times{0,
                                  1,
                                  59,
                                  60,
                                  86'399,
                                  86'400,
                                  951'782'399,
                                  951'782'400,
                                  1'709'164'800,
                                  4'102'444'799,
                                  253'402'300'799,
                                  253'402'300'800,
                                  -1,
                                  -86'401};
  std::mt19937_64 random(7);
  for (int i = 0; i < 2000; ++i) times.push_back(static_cast<std::int64_t>(random() % 253'402'300'800));
  for (const std::int64_t time : times) EXPECT_EQ(utc_time(time), by_strftime(time)) << time;
}

TEST(UtcTime, OfAYearThatDoesNotFitIsItsNumber) {
  constexpr std::int64_t kLast = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(utc_time(kLast), "@" + std::to_string(kLast));
}

}  // namespace
}  // namespace layoutfs::tools
