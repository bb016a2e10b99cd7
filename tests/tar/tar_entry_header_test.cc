// Entries of every type that are written, read again by the parser; and fields that the format is strict
// about.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <limits>
#include <random>
#include <string>

#include "core/tar/tar_header.h"
#include "core/tar/tar_writer.h"
#include "tests/tar/parse_tar.h"

namespace layoutfs {
namespace {

using testing::describe;
using testing::parse_tar;

std::uint64_t stored_size(const TarEntry& entry) {
  if (!entry.is_sparse) return entry.size;
  std::uint64_t size = 0;
  for (const Extent& extent : entry.extents) size += extent.size;
  return size;
}

// The header and the data of an entry, in zeros.
std::string written(const TarEntry& entry) {
  std::string out(as_text(tar_entry_header(entry).value()));
  const std::uint64_t stored = stored_size(entry);
  out.resize(out.size() + static_cast<std::size_t>(stored + tar_padding(stored)));
  return out;
}

// `entry`, but with the path, the target and the stream offsets that a parser finds in written(entry), which
// starts at `offset`.
TarEntry as_parsed(TarEntry entry, std::uint64_t offset) {
  std::uint64_t at = offset + tar_entry_header(entry).value().size();
  entry.path = clean_path(entry.path);
  if (entry.type == EntryType::hardlink) entry.target = clean_path(entry.target);
  if (entry.type == EntryType::file && !entry.is_sparse) entry.stream_offset = at;
  for (Extent& extent : entry.extents) {
    extent.stream_offset = at;
    at += extent.size;
  }
  return entry;
}

TarEntry file(std::string path) {
  return {.type = EntryType::file, .path = std::move(path), .mode = 0644, .mtime = {1'700'000'000, 0}};
}

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  std::uint64_t below(std::uint64_t limit) {
    return std::uniform_int_distribution<std::uint64_t>(0, limit - 1)(engine_);
  }
  bool one_in(std::uint64_t count) { return below(count) == 0; }

  // Bytes other than NUL; without slashes if it is a name.
  std::string text(std::size_t size, bool is_name) {
    std::string out(size, 'a');
    const bool is_plain = one_in(2);
    for (char& byte : out) {
      byte = static_cast<char>(is_plain ? 'a' + below(26) : 1 + below(255));
      if (is_name && byte == '/') byte = '_';
    }
    if (out == "." || out == "..") out = "dots";
    return out;
  }
  std::size_t size() {
    constexpr std::size_t kSizes[] = {1, 2, 8, 90, 97, 98, 99, 100, 101, 153, 154, 155, 156, 255};
    return kSizes[below(std::size(kSizes))];
  }
  std::string path() {
    std::string out = ".";
    for (auto left = 1 + below(4); left > 0; --left) out += "/" + text(size(), true);
    if (one_in(20)) out += "/" + text(4000, true);
    return out;
  }
  // Near the limits of a field of octal digits, or anywhere.
  std::uint64_t number(unsigned digits, std::uint64_t max) {
    const std::uint64_t limit = std::uint64_t{1} << (3 * digits);
    const std::uint64_t values[] = {0, 1, limit - 1, limit, below(limit), below(max), max};
    return std::min(values[below(std::size(values))], max);
  }
  std::uint32_t number32() {
    return static_cast<std::uint32_t>(number(7, std::numeric_limits<std::uint32_t>::max()));
  }
  Timestamp time() {
    constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
    auto seconds = static_cast<std::int64_t>(number(11, static_cast<std::uint64_t>(kMax)));
    if (one_in(3)) seconds = -seconds - static_cast<std::int64_t>(below(2));
    const std::uint32_t nanoseconds[] = {0, 1, 999'999'999, 500'000'000,
                                         static_cast<std::uint32_t>(below(1'000'000'000))};
    return {seconds, nanoseconds[below(std::size(nanoseconds))]};
  }
  void add_extents(TarEntry& entry) {
    entry.is_sparse = true;
    std::uint64_t at = 0;
    for (auto left = below(30); left > 0; --left) {
      at += one_in(5) ? 0 : 1 + below(std::uint64_t{1} << 40);
      const std::uint64_t size = 1 + below(2000);
      entry.extents.push_back({at, size, 0});
      at += size;
    }
    entry.size = at + (one_in(2) ? 0 : below(std::uint64_t{1} << 40));
  }
  TarEntry entry() {
    constexpr EntryType kTypes[] = {EntryType::file,      EntryType::file,  EntryType::hardlink,
                                    EntryType::symlink,   EntryType::block, EntryType::character,
                                    EntryType::directory, EntryType::fifo};
    TarEntry entry{.type = kTypes[below(std::size(kTypes))],
                   .path = path(),
                   .mode = static_cast<std::uint32_t>(below(010000)),
                   .uid = number32(),
                   .gid = number32(),
                   .mtime = time()};
    if (entry.type == EntryType::directory && one_in(10)) entry.path = ".";
    if (entry.type == EntryType::hardlink) entry.target = path();
    if (entry.type == EntryType::symlink)
      entry.target = one_in(10) ? "" : text(size() * size() / 8 + 1, false);
    if (entry.type == EntryType::block || entry.type == EntryType::character) {
      entry.device_major = number32();
      entry.device_minor = number32();
    }
    if (entry.type == EntryType::file) {
      if (one_in(2))
        add_extents(entry);
      else
        entry.size = below(3000);
    }
    for (auto left = one_in(3) ? below(5) : 0; left > 0; --left) {
      std::string name = "user." + std::to_string(left) + text(size(), false);
      std::ranges::replace(name, '=', '-');
      std::string value = text(size() - 1, false);
      if (one_in(3)) value += std::string("\0\n=\0", 4);
      entry.xattrs.emplace_back(std::move(name), std::move(value));
    }
    std::ranges::sort(entry.xattrs);
    return entry;
  }

 private:
  std::mt19937_64 engine_;
};

TEST(TarEntryHeader, RandomEntriesAreParsedAsTheyWereWritten) {
  const char* given = std::getenv("LAYOUTFS_TEST_SEED");
  const std::uint64_t seed = given != nullptr ? std::stoull(given) : std::random_device()();
  SCOPED_TRACE("LAYOUTFS_TEST_SEED=" + std::to_string(seed));
  std::cout << "LAYOUTFS_TEST_SEED=" << seed << "\n";
  Random random(seed);
  for (int round = 0; round < 100; ++round) {
    std::string tar, expected;
    for (int i = 0; i < 30; ++i) {
      const TarEntry entry = random.entry();
      expected += describe(as_parsed(entry, tar.size())) + "\n";
      tar += written(entry);
    }
    tar.resize(tar.size() + 2 * kTarBlock);
    ASSERT_EQ(describe(parse_tar(tar, 1 + static_cast<std::size_t>(random.below(5000)))), expected);
  }
}

TEST(TarEntryHeader, FieldsThatFitNeedNoRecords) {
  TarEntry entry = file("./" + std::string(150, 'd') + "/" + std::string(100, 'n'));
  entry.mode = 07777;
  entry.uid = entry.gid = 07777777;
  entry.size = 077777777777;
  entry.mtime = {077777777777, 0};
  EXPECT_EQ(tar_entry_header(entry).value().size(), kTarBlock);
  TarEntry link{.type = EntryType::hardlink, .path = "./b", .target = std::string(100, 't')};
  EXPECT_EQ(tar_entry_header(link).value().size(), kTarBlock);
}

TEST(TarEntryHeader, ASingleFieldThatDoesNotFitTakesARecord) {
  TarEntry uid = file("./a"), size = file("./a"), time = file("./a"), path = file("./a");
  uid.uid = 010000000;
  size.size = 0100000000000;
  time.mtime = {-1, 0};
  path.path = "./" + std::string(101, 'n');
  for (const TarEntry& entry : {uid, size, time, path}) {
    const auto header = tar_entry_header(entry);
    EXPECT_EQ(header.value().size(), 3 * kTarBlock);
  }
}

TEST(TarEntryHeader, AHeaderHasTheStartOfAPathThatDoesNotFit) {
  const std::string path = "./" + std::string(60, 'a') + std::string(300, 'b');
  const auto header = tar_entry_header(file(path)).value();
  EXPECT_EQ(as_text(ByteView(header).subspan(2 * kTarBlock, 100)), path.substr(0, 100));
}

TEST(TarEntryHeader, ASparseFileHasTheMapOfGnuTar) {
  TarEntry entry = file("./d/f");
  entry.is_sparse = true;
  entry.size = 10'000;
  entry.extents = {{512, 3, 0}, {4096, 5, 0}};
  const auto header = tar_entry_header(entry).value();
  ASSERT_EQ(header.size(), 4 * kTarBlock);
  EXPECT_THAT(std::string(as_text(ByteView(header).subspan(kTarBlock, kTarBlock))),
              ::testing::StartsWith("22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n25 GNU.sparse.name=./d/f\n"
                                    "29 GNU.sparse.realsize=10000\n"));
  EXPECT_EQ(tar_text(ByteView(header).subspan(2 * kTarBlock)), "./d/GNUSparseFile.0/f");
  EXPECT_EQ(tar_text(ByteView(header).subspan(3 * kTarBlock)), "3\n512\n3\n4096\n5\n10000\n0\n");
}

TEST(TarEntryHeader, AMapOfTheMostExtentsCanBeRead) {
  TarEntry entry = file("./f");
  entry.is_sparse = true;
  for (std::uint64_t i = 0; i < 1'000'000; ++i) entry.extents.push_back({2 * i, 1, 0});
  entry.size = 3'000'000;
  const auto parsed = parse_tar(written(entry));
  ASSERT_TRUE(parsed) << parsed.error().message();
  EXPECT_EQ(parsed->at(0).extents.size(), 1'000'000u);
}

TEST(TarEntryHeader, XattrsThatARecordCannotHoldAreRefused) {
  for (const std::string& name : {std::string("user.a=b"), std::string("user.a\0b", 8), std::string()}) {
    TarEntry entry = file("./a");
    entry.xattrs = {{name, "value"}};
    const auto header = tar_entry_header(entry);
    ASSERT_FALSE(header) << name;
    EXPECT_EQ(header.error().code(), Errc::unsupported);
  }
  TarEntry entry = file("./a");
  entry.xattrs = {{"user.large", std::string(kMaxExtendedHeaders, 'x')}};
  EXPECT_FALSE(tar_entry_header(entry));
}

TEST(TarEntryHeader, AnAclIsAnXattrAndAText) {
  using namespace std::string_literals;
  TarEntry entry = file("./a");
  entry.xattrs = {{"system.posix_acl_access", "\2\0\0\0\1\0\6\0\377\377\377\377"s}};
  const auto header = tar_entry_header(entry).value();
  EXPECT_THAT(std::string(as_text(header)), ::testing::HasSubstr(" SCHILY.acl.access=user::rw-\n"));
  EXPECT_EQ(parse_tar(written(entry)).value().at(0).xattrs, entry.xattrs);
}

TEST(TarEntryHeader, TheSmallestTimeIsKept) {
  constexpr auto kMin = std::numeric_limits<std::int64_t>::min();
  for (const Timestamp& time : {Timestamp{kMin, 0}, Timestamp{kMin, 1}, Timestamp{-1, 999'999'999}}) {
    TarEntry entry = file("./a");
    entry.mtime = time;
    const auto parsed = parse_tar(written(entry));
    ASSERT_TRUE(parsed) << parsed.error().message();
    EXPECT_EQ(parsed->at(0).mtime.seconds, time.seconds);
    EXPECT_EQ(parsed->at(0).mtime.nanoseconds, time.nanoseconds);
  }
}

}  // namespace
}  // namespace layoutfs
