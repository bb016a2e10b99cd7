// Tars that are cut, damaged or sliced: the parser ends with entries or with an error.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "tests/support/tar_writer.h"
#include "tests/tar/parse_tar.h"

namespace layoutfs::testing {
namespace {

// A little of everything.
std::string varied_tar() {
  const PaxPairs sparse_10 = {{"GNU.sparse.major", "1"},
                              {"GNU.sparse.minor", "0"},
                              {"GNU.sparse.name", "s"},
                              {"GNU.sparse.realsize", "4096"}};
  RawHeader old{.name = "old", .flag = 'S', .size = octal(5 * 8, 12), .magic = kGnu};
  old.prefix = std::string(41, '\0');
  for (std::uint64_t i = 0; i < 4; ++i) old.prefix += octal(i * 100, 12) + octal(8, 12);
  old.prefix += "\1" + octal(5000, 12);
  TarWriter tar;
  tar.dir("d").file("d/f", "some content", {.xattrs = {{"user.a", "1"}}, .pax = {{"mtime", "-1.5"}}});
  tar.symlink("l", std::string(150, 't')).hardlink("h", "d/f").device("c", '3', 1, 3);
  tar.gnu_long('L', std::string(600, 'n')).file("cut", std::string(1500, 'x'));
  tar.pax(sparse_10).file("made-up", padded("2\n0\n3\n1000\n4\n") + "abcdefg");
  tar.raw(old).raw(padded(octal(1000, 12) + octal(8, 12))).raw(padded(std::string(40, 'o')));
  tar.pax({{"GNU.sparse.size", "90"}, {"GNU.sparse.map", "1,2,10,3"}}).file("m", "abcde");
  tar.raw(RawHeader{.name = "v7/", .flag = '\0', .magic = kV7}).file("last", "end");
  return tar.text();
}

TEST(HostileTar, AnySlicingGivesTheSameEntries) {
  const std::string tar = varied_tar();
  const std::string whole = describe(parse_tar(tar));
  EXPECT_EQ(describe(parse_tar_jumping(tar)), whole);
  EXPECT_EQ(std::ranges::count(whole, '\n'), 11) << whole;
  for (const std::size_t piece_size : {1u, 2u, 3u, 100u, 511u, 512u, 513u, 1000u, 1024u}) {
    EXPECT_EQ(describe(parse_tar(tar, piece_size)), whole) << piece_size;
  }
  std::mt19937 random(7);
  for (int run = 0; run < 50; ++run) {
    std::vector<TarEntry> entries;
    TarParser parser([&entries](TarEntry&& entry) -> Status {
      entries.push_back(std::move(entry));
      return {};
    });
    for (std::size_t at = 0; at < tar.size();) {
      const std::string_view piece = std::string_view(tar).substr(at, random() % 1500);
      ASSERT_TRUE(parser.feed(as_bytes(piece)).has_value());
      at += piece.size();
    }
    ASSERT_TRUE(parser.finish().has_value());
    EXPECT_EQ(describe(std::move(entries)), whole) << "run " << run;
  }
}

TEST(HostileTar, CutAnywhereItGivesAnErrorOrTheEntriesBeforeTheCut) {
  const std::string tar = varied_tar();
  const std::string whole = describe(parse_tar(tar));
  for (std::size_t size = 0; size < tar.size(); ++size) {
    const std::string cut = describe(parse_tar(std::string_view(tar).substr(0, size)));
    EXPECT_TRUE(cut.starts_with("error: tar header at byte ") || whole.starts_with(cut))
        << size << ": " << cut;
  }
}

TEST(HostileTar, AFlippedByteInAHeaderIsNoticed) {
  const std::string tar = std::move(TarWriter().file("a", "content").file("b")).text();
  for (const std::size_t header : {std::size_t{0}, std::size_t{1024}}) {
    for (std::size_t at = header; at < header + 512; ++at) {
      if (at >= header + 148 && at < header + 156) continue;  // the checksum may be spelled otherwise
      std::string damaged = tar;
      damaged[at] = static_cast<char>(damaged[at] ^ 0x55);
      EXPECT_EQ(describe(parse_tar(damaged)),
                "error: tar header at byte " + std::to_string(header) + ": invalid checksum")
          << at;
    }
  }
}

TEST(HostileTar, FlippedBytesNeverGiveEntriesThatBreakTheirPromises) {
  const std::string tar = varied_tar();
  std::mt19937 random(5);
  std::size_t accepted = 0;
  for (std::size_t at = 0; at < tar.size(); ++at) {
    std::string damaged = tar;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << random() % 8));
    const auto entries = parse_tar(damaged);
    if (!entries) {
      EXPECT_TRUE(entries.error().message().starts_with("tar header at byte ")) << entries.error().message();
      continue;
    }
    ++accepted;
    for (const TarEntry& entry : *entries) {
      EXPECT_EQ(clean_path(entry.path), entry.path);
      std::uint64_t end = 0;
      for (const Extent& extent : entry.extents) {
        EXPECT_GE(extent.offset, end);
        EXPECT_LE(extent.stream_offset + extent.size, tar.size());
        end = extent.offset + extent.size;
      }
      EXPECT_LE(end, entry.is_sparse ? entry.size : 0);
    }
  }
  EXPECT_GT(accepted, 0u);
}

TEST(HostileTar, NamesOfXattrsAreBounded) {
  const auto file_with = [](std::size_t count) {
    PaxPairs xattrs;
    for (std::size_t i = 0; i < count; ++i) xattrs.emplace_back("user." + std::to_string(1'000'000 + i), "");
    return std::move(TarWriter().file("f", "", {.xattrs = xattrs})).text();
  };
  const std::size_t limit = kMaxXattrNames / std::string_view("user.1000000").size();  // a NUL after each
  EXPECT_TRUE(parse_tar(file_with(limit * 12 / 13)));
  const auto refused = parse_tar(file_with(limit));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::unsupported);
}

// Headers with a right checksum and random fields.
TEST(HostileTar, RandomHeadersGiveEntriesOrErrors) {
  std::mt19937_64 random(11);
  std::size_t refused = 0;
  for (int run = 0; run < 5'000; ++run) {
    const auto noise = [&random](std::size_t size) {
      std::string out(random() % (size + 1), '\0');
      for (char& byte : out) byte = static_cast<char>(random() % 3 == 0 ? random() : '0' + random() % 8);
      return out;
    };
    RawHeader header{.name = noise(100), .flag = "01234567xXgLKSDVs"[random() % 17]};
    if (random() % 2 == 0) header.size = octal(random() % 2000, 12);
    if (random() % 4 == 0) header.size = noise(12);
    if (random() % 4 == 0) header.uid = noise(8);
    if (random() % 4 == 0) header.mtime = noise(12);
    if (random() % 2 == 0) header.magic = kGnu;
    if (random() % 2 == 0) header.prefix = noise(167);
    const auto entries = parse_tar(TarWriter().raw(header, noise(3000)).file("after").text());
    refused += entries ? 0 : 1;
  }
  EXPECT_GT(refused, 0u);
  EXPECT_LT(refused, 5'000u);
}

}  // namespace
}  // namespace layoutfs::testing
